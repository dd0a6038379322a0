"""``python -m banyan_tools.demo``: see ``--help``."""

from banyan_tools.demo.cli import app
from banyan_tools.local.signals import interrupt_on_every_signal

interrupt_on_every_signal()
app(prog_name="make demo")
