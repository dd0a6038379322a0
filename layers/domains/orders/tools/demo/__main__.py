"""``python -m orders.tools.demo``: see ``--help``."""

from banyan_tools.local.signals import interrupt_on_every_signal
from orders.tools.demo.cli import app

interrupt_on_every_signal()
app(prog_name="make demo")
