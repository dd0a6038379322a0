"""``python -m tools.demo``: see ``--help``."""

from tools.demo.cli import app
from tools.local.signals import interrupt_on_every_signal

interrupt_on_every_signal()
app(prog_name="make demo")
