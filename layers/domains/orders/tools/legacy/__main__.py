"""``python -m orders.tools.legacy FILE``: see ``--help``."""

from banyan_tools.terminal import run_for_make
from orders.tools.legacy.cli import app

run_for_make(app, "orders.tools.legacy")
