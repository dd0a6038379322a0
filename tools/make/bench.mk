##@ Measure

PEERS := .bench-peers
PEERS_IN_PYTHON := aett eventsourcing eventsourcing-dynamodb
BENCH := PYTHONPATH=$(SOURCES) $(BIN)/python -m bench
# A peer that cannot be installed is left out, and the benchmark says why.
NO_REASON := /log of this run|behind a proxy|'proxy' config|^(npm error)?( *|  .*| })$$/d
INSTALL_PEER = rm -f $(@D).reason; if ($(1)) 2>$(@D).reason; then touch $@; rm $(@D).reason; else sed -E -i.all "$(NO_REASON)" $(@D).reason; rm $(@D).reason.all; echo "$(notdir $(@D)) is left out: $$(tail -1 $(@D).reason)"; fi

bench: bench-environment ## Measure speed and cost beside peers, about 7 minutes: writes docs/performance.md, its chart and README.md
	@$(BENCH) $(ARGS)

bench-quick: bench-environment ## Measure the same in three minutes, with fewer rounds and smaller sizes: writes nothing
	@$(BENCH) --quick $(ARGS)

bench-telemetry: bench-environment ## Measure telemetry, about a quarter of an hour: writes docs/performance.md and docs/pattern.md [ARGS="--seconds 300"]
	@PYTHONPATH=$(SOURCES) $(BIN)/python -m bench.telemetry $(ARGS)

bench-hot-account: bench-needs $(BIN)/.installed dynamodb-local ## Measure transfers a second into one account, about 2 minutes: writes docs/ledger.md
	@PYTHONPATH=$(SOURCES) $(BIN)/python -m bench.hot_account $(ARGS)

bench-matrix: $(BIN)/.installed ## Write the decision matrix of docs/pattern.md from what was measured
	@PYTHONPATH=$(SOURCES) $(BIN)/python -m bench.matrix

bench-decisions: bench-needs $(BIN)/.installed dynamodb-local ## Count what decisions cost by the number of their streams: writes docs/consistency-boundaries.md
	@PYTHONPATH=$(SOURCES) $(BIN)/python -m bench.decisions

bench-needs:
	@command -v java >/dev/null && command -v npm >/dev/null || { echo "The benchmark needs Java 17 and Node 18: DynamoDB Local runs on one, castore on the other."; exit 1; }

bench-environment: bench-needs
	@$(MAKE) --no-print-directory --silent $(BIN)/.installed $(SAM_VENV)/.installed dynamodb-local $(addprefix $(PEERS)/,$(addsuffix /.installed,chart castore $(PEERS_IN_PYTHON)))

$(PEERS)/%/.installed: requirements/bench/%.txt
	@echo "Installing $* into $(@D), once."
	@mkdir -p $(PEERS)
	@$(call INSTALL_PEER,$(PYTHON) -m venv $(@D) && $(@D)/bin/pip install --quiet --no-compile --disable-pip-version-check --require-hashes --no-deps -r $<)

$(PEERS)/castore/.installed: bench/peers/castore/package-lock.json
	@echo "Installing castore into $(@D), once."
	@mkdir -p $(@D)
	@cp $(dir $<)package.json $< $(dir $<).npmrc $(@D)
	@$(call INSTALL_PEER,cd $(@D) && npm ci --loglevel=error --ignore-scripts)

.PHONY: bench bench-quick bench-matrix bench-telemetry bench-hot-account bench-decisions bench-needs bench-environment
