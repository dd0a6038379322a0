"""`python -m orders.tools.importer FILE`: see `--help`."""

from orders.tools.importer.cli import app

app(prog_name="make import")
