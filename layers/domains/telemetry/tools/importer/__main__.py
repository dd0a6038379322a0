"""`python -m telemetry.tools.importer import|check`: see `--help`."""

from banyan_tools.terminal import run_for_make
from telemetry.tools.importer.cli import app

run_for_make(app, "telemetry.tools.importer")
