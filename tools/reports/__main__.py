"""``python -m tools.reports``."""

from tools.reports.cli import main

main()
