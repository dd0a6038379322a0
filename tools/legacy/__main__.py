"""``python -m tools.legacy FILE``: see ``--help``."""

from tools.legacy.cli import app

app(prog_name="make fill-legacy")
