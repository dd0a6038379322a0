##@ Orders

DEMO_NEEDS_moto :=
DEMO_NEEDS_dynamodb-local := dynamodb-local
FILE ?= layers/domains/orders/tools/importer/sample.csv
FIRST ?= 0
LEGACY ?= postgres
TENANT ?= acme
URL ?= http://127.0.0.1:$(PORT)
WORKERS ?= 4

# What only the orders have, whatever domain is asked for.
NOT_OF_ORDERS = $(if $(filter-out orders,$(DOMAIN)),@echo "make $@ shows the orders and has nothing of $(DOMAIN): leave DOMAIN out."; exit 1)

demo: $(BIN)/.installed $(DEMO_NEEDS_$(ENGINE)) ## Play a whole migration, with faults: ENGINE=moto or dynamodb-local LEGACY=postgres or dynamodb [FILE=]
	$(NOT_OF_ORDERS)
	@PYTHONPATH=$(SOURCES) $(BIN)/python -m orders.tools.demo --engine $(ENGINE) --legacy $(LEGACY) \
	  $(if $(filter-out file,$(origin FILE)),--file "$(FILE)")

drill: $(BIN)/.installed $(DEMO_NEEDS_$(ENGINE)) ## Poison an event and kill a rebuild, and prove that nothing is lost: ENGINE= FILE= [FIRST=60 orders]
	$(NOT_OF_ORDERS)
	@PYTHONPATH=$(SOURCES) $(BIN)/python -m orders.tools.drill "$(FILE)" --engine $(ENGINE) --first $(FIRST)

import: $(BIN)/.installed ## Send an Online Retail CSV through the API: FILE= URL= TENANT= [TOKEN= WORKERS= DATES=dmy|mdy|iso JSON=1]
	@PYTHONPATH=$(SOURCES) $(BIN)/python -m orders.tools.importer "$(FILE)" --url "$(URL)" --tenant "$(TENANT)" --workers $(WORKERS) $(if $(DATES),--dates $(DATES)) $(if $(JSON),--json)

fill-legacy: $(BIN)/.installed ## Put an Online Retail CSV straight into a legacy store: LEGACY=postgres or dynamodb, LEGACY_URL= [FILE= LEGACY_NAME=]
	@PYTHONPATH=$(SOURCES) $(BIN)/python -m orders.tools.legacy "$(FILE)" --legacy $(LEGACY) --tenant "$(TENANT)" \
	  --url "$(LEGACY_URL)" $(if $(LEGACY_NAME),--table "$(LEGACY_NAME)")

.PHONY: demo drill import fill-legacy
