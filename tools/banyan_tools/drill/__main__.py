"""`python -m banyan_tools.drill`."""

from banyan_tools.drill.cli import app
from banyan_tools.local.signals import interrupt_on_every_signal

interrupt_on_every_signal()
app(prog_name="python -m banyan_tools.drill")
