CHECKED := layers/banyan layers/domains functions tools bench tests
WORKERS_OF_TESTS ?= 3

test: ## Run the tests: ARGS="-k append" picks some
	@$(MAKE) --no-print-directory -j environments
	$(BIN)/python -m pytest -n $(WORKERS_OF_TESTS) --dist loadgroup $(ARGS)

test-all: export BANYAN_TEST_EVERYTHING := 1
test-all: test ## Run every test, also those that take minutes: a whole file on each engine

pr: lint types imports test ## Everything a change must pass

lint: $(BIN)/.installed ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(BIN)/.installed ## Check types
	$(BIN)/mypy $(CHECKED)

imports: $(BIN)/.installed ## Check who may import whom
	PYTHONPATH=layers/banyan:layers/domains:. $(BIN)/lint-imports --no-logo

format: $(BIN)/.installed ## Put style and format right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: test test-all pr lint types imports format
