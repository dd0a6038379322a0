openapi: $(BIN)/.installed ## Write docs/openapi.json from the routes
	PYTHONPATH=layers/banyan:layers/domains $(BIN)/python -m tools.openapi

.PHONY: openapi
