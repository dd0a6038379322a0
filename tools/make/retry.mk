URL ?= http://127.0.0.1:$(PORT)

retry: ## Let a parked stream of the reactor go on, on the local stack: PROJECTION=reactor STREAM=
	@curl -sS --fail-with-body -X POST $(URL)/_local/invoke/$(if $(filter reactor,$(PROJECTION)),Reactor,Projector) -H 'Content-Type: application/json' \
	  -d '{"retry":{"projection":"$(PROJECTION)","stream":"$(STREAM)"}}'; echo

.PHONY: retry
