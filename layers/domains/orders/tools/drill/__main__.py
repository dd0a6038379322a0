"""`python -m orders.tools.drill`."""

from banyan_tools.local.signals import interrupt_on_every_signal
from orders.tools.drill.cli import app

interrupt_on_every_signal()
app(prog_name="python -m orders.tools.drill")
