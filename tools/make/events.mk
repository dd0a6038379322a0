##@ Generate

WITH_SAMPLES := $(patsubst layers/domains/%/tools/samples/__main__.py,%,$(wildcard layers/domains/*/tools/samples/__main__.py))

events: $(BIN)/.installed ## Write events/ again from the samples of each domain, or of one: DOMAIN=
	@for domain in $(or $(DOMAIN),$(WITH_SAMPLES)); do PYTHONPATH=$(SOURCES) $(BIN)/python -m $$domain.tools.samples || exit 1; done

.PHONY: events
