"""`python -m tools.drill`."""

from tools.drill.cli import app
from tools.local.signals import interrupt_on_every_signal

interrupt_on_every_signal()
app(prog_name="python -m tools.drill")
