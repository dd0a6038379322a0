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
TARGETS = grep -hE '^[a-z-]+:.*\#\#' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*\#\# (.*)/  \1\t\2/' | expand -t 18

help: ## Show the targets
	@for name in $(DAILY); do $(TARGETS) | grep "^  $$name "; done; echo
	@$(TARGETS) | grep -v $(patsubst %,-e '^  % ',$(DAILY))

.PHONY: help
