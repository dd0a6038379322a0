reports: $(BIN)/.installed ## Show reports of the reconciliation: ARGS="show --file report.json" or ARGS="list --table <stack>-ReportsTable"
	@PYTHONPATH=layers/banyan $(BIN)/python -m tools.reports $(ARGS)

.PHONY: reports
