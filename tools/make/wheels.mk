##@ Build and deploy

BUILD_VENV := .venv-build
WHEELS ?= dist
DISTRIBUTIONS := layers/banyan tools

$(BUILD_VENV)/.installed: requirements/build.txt
	@$(PYTHON) -m venv $(BUILD_VENV)
	@$(BUILD_VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/build.txt
	@touch $@

wheels: $(BUILD_VENV)/.installed ## Build the distributions banyan-events and banyan-tools into dist/
	@rm -rf $(WHEELS)
	@$(BUILD_VENV)/bin/pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir $(WHEELS) $(addprefix ./,$(DISTRIBUTIONS))
	@ls $(WHEELS)/*.whl

.PHONY: wheels
