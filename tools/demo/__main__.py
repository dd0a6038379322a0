"""``python -m tools.demo``: see ``--help``."""

from tools.demo.cli import app

app(prog_name="make demo")
