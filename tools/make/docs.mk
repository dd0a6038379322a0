##@ Generate

DOCS_VENV := .venv-docs
SITE := site

$(DOCS_VENV)/.installed: requirements/docs.txt
	@echo "Installing what builds the documentation into $(DOCS_VENV), once."
	@$(PYTHON) -m venv $(DOCS_VENV)
	@$(DOCS_VENV)/bin/pip install --quiet --no-compile --disable-pip-version-check --require-hashes --no-deps -r requirements/docs.txt
	@touch $@

docs: export NO_MKDOCS_2_WARNING := 1
docs: $(DOCS_VENV)/.installed ## Build the documentation as a site, into site/
	@$(DOCS_VENV)/bin/mkdocs build --quiet --site-dir $(SITE)
	@echo "$(SITE)/index.html"

.PHONY: docs
