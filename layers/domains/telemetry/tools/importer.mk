##@ Telemetry

TENANT ?= acme
URL ?= http://127.0.0.1:$(PORT)
READINGS_SAMPLE := layers/domains/telemetry/tools/importer/boiler.csv
GIVEN_READINGS = $(if $(filter command environment override,$(firstword $(origin FILE))),$(FILE))
READINGS_IMPORTER = PYTHONPATH=$(SOURCES) $(BIN)/python -m telemetry.tools.importer
# The sample has -200 where nothing was measured.
OF_READINGS = "$(or $(GIVEN_READINGS),$(READINGS_SAMPLE))" --device "$(or $(DEVICE),$(if $(GIVEN_READINGS),,boiler))" \
  --url "$(URL)" --tenant "$(TENANT)" $(if $(ZONE),--zone "$(ZONE)") $(if $(FOLD),--fold $(FOLD)) \
  $(if $(filter 1 0,$(DAYFIRST)),$(if $(filter 1,$(DAYFIRST)),--day-first,--month-first)) \
  $(if $(DECIMAL),--decimal "$(DECIMAL)") $(if $(TIME),--time "$(TIME)") $(if $(VALUE),--value "$(VALUE)") \
  --missing="$(or $(MISSING),$(if $(GIVEN_READINGS),,-200))"

import-readings: $(BIN)/.installed ## Send a CSV of readings: FILE= DEVICE= [RATE=100 VIA=kinesis|http UNIT=°C INTERVAL= ZONE=Europe/Vienna FOLD= DAYFIRST=1 DECIMAL=, TIME= VALUE= MISSING=-200 STREAM= REPORT=report.json]
	@$(READINGS_IMPORTER) import $(OF_READINGS) $(if $(VIA),--via $(VIA)) $(if $(STREAM),--stream "$(STREAM)") \
	  $(if $(UNIT),--unit "$(UNIT)") $(if $(INTERVAL),--interval $(INTERVAL)) $(if $(RATE),--rate $(RATE)) \
	  $(if $(REPORT),--report "$(REPORT)")

check-readings: $(BIN)/.installed ## Compare windows of a device with those computed of a CSV: FILE= DEVICE= [and how it is written, as for import-readings]
	@$(READINGS_IMPORTER) check $(OF_READINGS)

.PHONY: import-readings check-readings
