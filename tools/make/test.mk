##@ Check

WORKERS_OF_TESTS ?= 4
DOMAIN ?=
TESTED_DOMAINS := $(patsubst layers/domains/%/__init__.py,%,$(wildcard layers/domains/*/__init__.py))
PICKED_DOMAINS = $(or $(DOMAIN),$(TESTED_DOMAINS))
UNKNOWN_DOMAIN = $(if $(TESTED_DOMAINS),$(filter-out $(TESTED_DOMAINS),$(DOMAIN)))
CHECKED := layers/banyan $(if $(TESTED_DOMAINS),layers/domains )functions tools bench tests
# Tests of a domain that was taken out.
ORPHANED := $(filter-out $(addprefix tests/,console contract docs infrastructure integration support unit __pycache__ $(TESTED_DOMAINS)),$(patsubst %/,%,$(wildcard tests/*/)))
UNCHECKED := $(addprefix --extend-exclude ,$(ORPHANED))

PYTEST := $(BIN)/python -m pytest -n $(WORKERS_OF_TESTS) --dist loadgroup
FAST := -m "not runtime and not sam and not slow"

test: ## Run the tests: ARGS="-k append" picks some
	@$(MAKE) --no-print-directory -j setup dynamodb-local console-packages
	$(PYTEST) $(FAST) $(ARGS)

test-domain: $(BIN)/.installed ## Run what is needed after each edit, tests/<domain>/unit or else tests/<domain>: DOMAIN= picks one
	$(if $(TESTED_DOMAINS),,@echo "There is no domain in layers/domains.")
	$(if $(UNKNOWN_DOMAIN),@echo "No domain in layers/domains is called $(UNKNOWN_DOMAIN). There are: $(TESTED_DOMAINS)."; exit 1)
	$(if $(PICKED_DOMAINS),$(PYTEST) $(FAST) -q $(foreach name,$(PICKED_DOMAINS),$(or $(wildcard tests/$(name)/unit),tests/$(name))) $(ARGS))

test-runtime: ## Run every function under Lambda's emulator, and build what is deployed
	@$(MAKE) --no-print-directory -j environments
	$(PYTEST) -m "runtime or sam" $(ARGS)

test-slow: ## Drive the console in Chromium, lint the templates, kill and restart more often than `make test` does
	@$(MAKE) --no-print-directory -j setup dynamodb-local console-packages
	$(PYTEST) -m "slow and not runtime and not sam" $(ARGS)

test-all: export BANYAN_TEST_EVERYTHING := 1
test-all: test test-slow test-runtime ## Run every test, also those that take minutes: a whole file on each engine

pr: lint types docs test test-slow test-runtime ## Everything a change must pass

lint: $(BIN)/.installed ## Check style and format
	$(BIN)/ruff check $(UNCHECKED) .
	$(BIN)/ruff format --check $(UNCHECKED) .

types: $(BIN)/.installed ## Check types
	$(BIN)/mypy $(CHECKED) $(addprefix --exclude ,$(ORPHANED))

imports: $(BIN)/.installed ## Check who may import whom, as `make test` does too
	@PYTHONPATH=$(SOURCES) $(BIN)/python -m banyan_tools.contracts

format: $(BIN)/.installed ## Put style and format right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: test test-domain test-slow test-runtime test-all pr lint types imports format
