"""`python -m telemetry.tools.importer import|check`: see `--help`."""

from telemetry.tools.importer.cli import app

app(prog_name="make import-readings")
