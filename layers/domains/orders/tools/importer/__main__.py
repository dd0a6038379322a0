"""`python -m orders.tools.importer FILE`: see `--help`."""

from banyan_tools.terminal import run_for_make
from orders.tools.importer.cli import app

run_for_make(app, "orders.tools.importer")
