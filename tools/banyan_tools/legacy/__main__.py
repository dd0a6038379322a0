"""``python -m banyan_tools.legacy FILE``: see ``--help``."""

from banyan_tools.legacy.cli import app

app(prog_name="make fill-legacy")
