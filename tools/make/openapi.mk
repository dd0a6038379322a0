##@ Generate

openapi: $(BIN)/.installed ## Write docs/openapi*.json, one for each domain, from their routes
	PYTHONPATH=$(SOURCES) $(BIN)/python -m banyan_tools.openapi

.PHONY: openapi
