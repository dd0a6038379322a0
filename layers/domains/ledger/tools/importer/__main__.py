"""`python -m ledger.tools.importer import|check`: see `--help`."""

from ledger.tools.importer.cli import app

app(prog_name="make import-journal")
