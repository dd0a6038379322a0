COUNT ?= 20
SEED ?= 0

mutants: $(BIN)/.installed ## Plant bugs, and tell which of them the tests notice: [ROOM=store COUNT=20 SEED=0]
	@PYTHONPATH=layers/banyan:layers/domains:. $(BIN)/python -m tools.mutants \
		$(if $(ROOM),--room $(ROOM)) --count $(COUNT) --seed $(SEED)

.PHONY: mutants
