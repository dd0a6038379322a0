##@ Generate

settings: $(BIN)/.installed ## Write docs/settings.md from the settings model
	PYTHONPATH=$(SOURCES) $(BIN)/python -m banyan_tools.settings_doc

.PHONY: settings
