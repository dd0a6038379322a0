##@ Ledger

TENANT ?= acme
URL ?= http://127.0.0.1:$(PORT)
WORKERS ?= 4
JOURNAL_SAMPLE := layers/domains/ledger/tools/importer/sample.csv
GIVEN_FILE = $(if $(filter command environment override,$(firstword $(origin FILE))),$(FILE))
IMPORTER = PYTHONPATH=$(SOURCES) $(BIN)/python -m ledger.tools.importer

import-journal: $(BIN)/.installed ## Post what `hledger print -x --infer-equity -O csv` wrote: FILE= TENANT= URL= [TOKEN= WORKERS= JOURNAL= SCALE= REPORT=report.json]
	@$(IMPORTER) import "$(or $(GIVEN_FILE),$(JOURNAL_SAMPLE))" --url "$(URL)" --tenant "$(TENANT)" --workers $(WORKERS) \
	  $(if $(JOURNAL),--journal "$(JOURNAL)") $(if $(SCALE),--scale $(SCALE)) $(if $(REPORT),--report "$(REPORT)")

check-journal: $(BIN)/.installed ## Compare balances with those of hledger balance: FILE=balances.csv TENANT= URL= [TOKEN= END=2026-03-01]
	$(if $(GIVEN_FILE),,@echo "Say which balances: FILE=balances.csv, written by hledger balance."; exit 2)
	@$(IMPORTER) check "$(FILE)" --url "$(URL)" --tenant "$(TENANT)" $(if $(END),--end $(END))

.PHONY: import-journal check-journal
