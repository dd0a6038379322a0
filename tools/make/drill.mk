FIRST ?= 0

drill: $(BIN)/.installed $(RUN_NEEDS_$(ENGINE)) ## Poison an event and kill a rebuild, and prove that nothing is lost: ENGINE= FILE= [FIRST=60 orders]
	@PYTHONPATH=$(SOURCES) $(BIN)/python -m banyan_tools.drill "$(FILE)" --engine $(ENGINE) --first $(FIRST)

.PHONY: drill
