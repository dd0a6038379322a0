"""The decision matrix says what was measured last, and what was stored reads back as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import stored
from bench.matrix import BEGIN, END, PAGE, matrix
from bench.results import Chapter, Figure, at_most
from bench.stored import Stored, read_stored, write_stored


def test_its_figures_are_those_that_are_stored() -> None:
    shown = PAGE.read_text().partition(BEGIN)[2].partition(END)[0].strip()

    assert shown == matrix(), "run `make bench-matrix`"
    assert len(shown.splitlines()) == 2 + 4


def test_what_is_stored_reads_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(stored, "FOLDER", tmp_path / "measured")
    figures = [Figure("units", [1, 2, 3], "", at_most(2)), Figure("units", [5.5], "ms", who="bare", note="once")]
    kept = Stored("here, today", [Chapter("Costs", figures, sizes="rounds: 3")])

    write_stored("x", kept)

    assert read_stored("x") == Stored(kept.where, read_stored("x").chapters)
    assert read_stored("x").chapters[0].figures == figures
    assert (kept.value("units"), read_stored("x").value("units", "bare")) == (2, 5.5)
