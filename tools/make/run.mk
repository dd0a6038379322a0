##@ Operate

TENANT ?= acme
RUN_NEEDS_moto :=
RUN_NEEDS_dynamodb-local := dynamodb-local

run: $(BIN)/.installed $(RUN_NEEDS_$(ENGINE)) ## Serve template.yaml here: PORT=3000 ENGINE=moto or dynamodb-local [DOMAIN= KEEP=1 PARAMETERS="MaxRetries=5"]
	@PYTHONPATH=$(SOURCES) exec $(BIN)/python -m banyan_tools.local --port '$(PORT)' --engine '$(ENGINE)' $(if $(KEEP),--keep) $(if $(DOMAIN),--domain '$(DOMAIN)') $(addprefix --parameter ,$(PARAMETERS))

token: $(BIN)/.installed ## Print a token for the local stack: TENANT=acme [SUB=alice SCOPE="banyan/admin …"]
	@PYTHONPATH=$(SOURCES) $(BIN)/python -m banyan_tools.local.token '$(TENANT)' $(if $(SUB),--actor '$(SUB)') $(addprefix --scope ,$(SCOPE))

.PHONY: run token
