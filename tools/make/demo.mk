DEMO_NEEDS_moto :=
DEMO_NEEDS_dynamodb-local := dynamodb-local

demo: $(BIN)/.installed $(DEMO_NEEDS_$(ENGINE)) ## Play a whole migration, with faults: ENGINE=moto or dynamodb-local LEGACY=postgres or dynamodb [FILE=]
	@PYTHONPATH=$(SOURCES) $(BIN)/python -m banyan_tools.demo --engine $(ENGINE) --legacy $(LEGACY) \
	  $(if $(filter-out file,$(origin FILE)),--file "$(FILE)")

.PHONY: demo
