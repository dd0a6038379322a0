##@ Set up

LOCK_VENV := .venv-lock
UV := UV_CUSTOM_COMPILE_COMMAND="make lock" $(LOCK_VENV)/bin/uv pip compile --quiet --generate-hashes --annotation-style line $(if $(UPGRADE),--upgrade)
EVERYWHERE := --universal --python-version 3.11
DEPLOYED := --python-version 3.13 --python-platform aarch64-manylinux_2_28 --constraints requirements/dev.txt

$(LOCK_VENV)/.installed: requirements/lock.txt
	@$(PYTHON) -m venv $(LOCK_VENV)
	@$(LOCK_VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/lock.txt
	@touch $@

lock: $(LOCK_VENV)/.installed ## Write the locked requirements from the .in files: UPGRADE=1 takes the newest versions
	@for name in dev postgres browser sam docs build lock $(basename $(patsubst requirements/%,%,$(wildcard requirements/bench/*.in))); do $(UV) $(EVERYWHERE) requirements/$$name.in -o requirements/$$name.txt || exit 1; done
	@for layer in banyan postgres tracing; do $(UV) $(DEPLOYED) layers/$$layer/requirements.in -o layers/$$layer/requirements.txt || exit 1; done
	@for file in $(wildcard layers/domains/*/requirements.in); do $(UV) $(EVERYWHERE) --constraints requirements/dev.txt $$file -o $${file%.in}.txt || exit 1; done

.PHONY: lock
