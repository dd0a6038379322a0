##@ Build and deploy

SAM := SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-eu-central-1} $(SAM_VENV)/bin/sam

FUNCTION ?= command_api
EVENTS_OF_DOMAIN = $(or $(if $(DOMAIN),$(wildcard events/$(DOMAIN)/$(FUNCTION)/*.json)),$(wildcard events/$(FUNCTION)/*.json))
EVENT ?= $(basename $(notdir $(firstword $(sort $(EVENTS_OF_DOMAIN)))))
STAGE ?= default

sam: $(SAM_VENV)/.installed ## Install the SAM CLI, which brings the Lambda emulator

validate: $(BIN)/.installed $(SAM_VENV)/.installed ## Lint the templates, before and after the SAM transform
	$(BIN)/cfn-lint template.yaml observability.yaml
	$(SAM) validate --lint
	PYTHONPATH=$(SOURCES) $(BIN)/python -m banyan_tools.runtime.lint

build: $(BIN)/.installed $(SAM_VENV)/.installed ## Build what is deployed into .aws-sam/build
	@PYTHONPATH=$(SOURCES) $(BIN)/python -m banyan_tools.runtime.build

deploy: build ## Deploy to AWS: STAGE=prod, or the default, a development stack
	@AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-eu-central-1} PYTHONPATH=$(SOURCES) $(BIN)/python -m banyan_tools.runtime.deploy $(STAGE)

invoke: $(BIN)/.installed $(SAM_VENV)/.installed ## Run a function under Lambda's emulator: FUNCTION=command_api EVENT=one of events/FUNCTION [ENGINE= DOMAIN=]
	@PYTHONPATH=$(SOURCES) $(BIN)/python -m banyan_tools.runtime $(FUNCTION) $(EVENT) --engine $(ENGINE) $(if $(DOMAIN),--domain $(DOMAIN))

.PHONY: sam validate build deploy invoke
