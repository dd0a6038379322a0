"""`python -m orders.tools.drill`."""

from banyan_tools.local.signals import interrupt_on_every_signal
from banyan_tools.terminal import run_for_make
from orders.tools.drill.cli import app

interrupt_on_every_signal()
run_for_make(app, "orders.tools.drill")
