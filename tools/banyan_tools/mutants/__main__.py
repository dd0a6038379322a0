"""``python -m banyan_tools.mutants``."""

from __future__ import annotations

from banyan_tools.mutants.cli import app

if __name__ == "__main__":
    app()
