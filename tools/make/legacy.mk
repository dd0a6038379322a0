LEGACY ?= postgres

fill-legacy: $(BIN)/.installed ## Put an Online Retail CSV straight into a legacy store: LEGACY=postgres or dynamodb, LEGACY_URL= [FILE= LEGACY_NAME=]
	@PYTHONPATH=$(SOURCES) $(BIN)/python -m banyan_tools.legacy "$(FILE)" --legacy $(LEGACY) --tenant "$(TENANT)" \
	  --url "$(LEGACY_URL)" $(if $(LEGACY_NAME),--table "$(LEGACY_NAME)")

.PHONY: fill-legacy
