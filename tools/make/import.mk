FILE ?= tools/banyan_tools/importer/sample.csv
URL ?= http://127.0.0.1:$(PORT)
TENANT ?= acme
WORKERS ?= 4

import: $(BIN)/.installed ## Send an Online Retail CSV through the API: FILE= URL= TENANT= [TOKEN= WORKERS= DATES=dmy|mdy|iso JSON=1]
	@PYTHONPATH=$(SOURCES) $(BIN)/python -m banyan_tools.importer "$(FILE)" --url "$(URL)" --tenant "$(TENANT)" --workers $(WORKERS) $(if $(DATES),--dates $(DATES)) $(if $(JSON),--json)

.PHONY: import
