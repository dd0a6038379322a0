##@ Set up

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SAM_VENV := .venv-sam
DYNAMODB_LOCAL := tools/dynamodb-local/node_modules/.package-lock.json
PORT ?= 3000
ENGINE ?= moto
SOURCES := layers/banyan:layers/domains:tools:.

# Every test starts processes: they would compile the project anew each time.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help

include tools/make/*.mk
include $(wildcard layers/domains/*/tools/*.mk)

DAILY := setup run token test test-domain format pr
LINES = grep -hE '^(\#\#@ |[a-z-]+:.*\#\# )' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*\#\# (.*)/  \1\t\2/' | expand -t 20
BY_HEADING = awk '/^\#\#@/ { heading = $$0; next } { found[heading] = found[heading] "\n" $$0 } \
	!(heading in seen) { seen[heading]; order[++n] = heading } \
	END { for (i = 1; i <= n; i++) print "\n" substr(order[i], 5) found[order[i]] }'

help: ## Show the targets
	@for name in $(DAILY); do $(LINES) | grep "^  $$name "; done
	@$(LINES) | grep -v $(patsubst %,-e '^  % ',$(DAILY)) | $(BY_HEADING)

.PHONY: help
