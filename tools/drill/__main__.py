"""`python -m tools.drill`."""

from tools.drill.cli import app

app(prog_name="python -m tools.drill")
