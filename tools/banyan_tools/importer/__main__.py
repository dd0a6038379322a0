"""`python -m banyan_tools.importer FILE`: see `--help`."""

from banyan_tools.importer.cli import app

app(prog_name="make import")
