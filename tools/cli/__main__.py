"""`python -m tools.cli`, which the file `banyan` in the root of the project runs."""

from tools.cli.app import app

app(prog_name="banyan")
