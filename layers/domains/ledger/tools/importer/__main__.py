"""`python -m ledger.tools.importer import|check`: see `--help`."""

from banyan_tools.terminal import run_for_make
from ledger.tools.importer.cli import app

run_for_make(app, "ledger.tools.importer")
