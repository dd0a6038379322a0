"""``python -m tools.mutants``."""

from __future__ import annotations

from tools.mutants.cli import app

if __name__ == "__main__":
    app()
