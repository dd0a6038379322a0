"""``python -m orders.tools.legacy FILE``: see ``--help``."""

from orders.tools.legacy.cli import app

app(prog_name="make fill-legacy")
