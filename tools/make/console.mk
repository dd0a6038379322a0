##@ Generate

CONSOLE_PACKAGES := tools/console/node_modules/.package-lock.json

$(CONSOLE_PACKAGES): tools/console/package-lock.json
	@echo "Installing the console's libraries into tools/console, once."
	@cd tools/console && npm ci --silent --ignore-scripts

console-packages: ## Install the console's libraries, and axe-core for its tests, where Node is present
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(CONSOLE_PACKAGES); \
	else echo "The console's libraries are left out: install Node 18 to compare them with those that are served."; fi

console-vendor: $(CONSOLE_PACKAGES) ## Copy the libraries that tools/console/package-lock.json pins into the console's page
	@$(PYTHON) tools/console/vendor.py

console-pictures: $(BIN)/.installed ## Take the pictures of docs/console.md again, which needs Chromium
	BANYAN_CONSOLE_PICTURES=1 $(BIN)/python -m pytest -q tests/console/test_pictures.py

.PHONY: console-packages console-vendor console-pictures
