openapi: $(BIN)/.installed ## Write docs/openapi.json from the routes
	PYTHONPATH=$(SOURCES) $(BIN)/python -m banyan_tools.openapi

.PHONY: openapi
