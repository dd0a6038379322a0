##@ Measure

cost: $(BIN)/.installed ## Compute what the examples' profiles cost, for docs/cost.md
	@PYTHONPATH=$(SOURCES) $(BIN)/python -m banyan_tools.cost.page

.PHONY: cost
