settings: $(BIN)/.installed ## Write docs/settings.md from the settings model
	PYTHONPATH=layers/banyan $(BIN)/python -m tools.settings_doc

.PHONY: settings
