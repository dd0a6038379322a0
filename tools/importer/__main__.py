"""`python -m tools.importer FILE`: see `--help`."""

from tools.importer.cli import app

app(prog_name="make import")
