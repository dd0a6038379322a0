##@ Operate

cli: $(BIN)/.installed ## Operate a stack: ARGS="projections list", the same as ./banyan projections list
	@./banyan $(ARGS)

.PHONY: cli
