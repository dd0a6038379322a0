FIRST ?= 0

drill: $(BIN)/.installed $(RUN_NEEDS_$(ENGINE)) ## Poison an event and kill a rebuild, and prove that nothing is lost: ENGINE= FILE= [FIRST=60 orders]
	@PYTHONPATH=layers/banyan:layers/domains:. $(BIN)/python -m tools.drill "$(FILE)" --engine $(ENGINE) --first $(FIRST)

.PHONY: drill
