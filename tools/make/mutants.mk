##@ Check

COUNT ?= 20
SEED ?= 0

mutants: $(BIN)/.installed ## Plant bugs, and tell which of them the tests notice: [ROOM=store COUNT=20 SEED=0]
	@PYTHONPATH=$(SOURCES) $(BIN)/python -m banyan_tools.mutants \
		$(if $(ROOM),--room $(ROOM)) --count $(COUNT) --seed $(SEED)

.PHONY: mutants
