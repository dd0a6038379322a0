"""``python -m orders.tools.demo``: see ``--help``."""

from banyan_tools.local.signals import interrupt_on_every_signal
from banyan_tools.terminal import run_for_make
from orders.tools.demo.cli import app

interrupt_on_every_signal()
run_for_make(app, "orders.tools.demo")
