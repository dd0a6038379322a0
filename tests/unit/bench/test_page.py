"""The page of the benchmark: what was measured takes the place of what was measured before, and nothing else."""

from __future__ import annotations

import pytest
from bench.ground import QUICK
from bench.page import BEGIN, END, markdown, written
from bench.results import Chapter, Figure, at_least, at_most

LOST = "loses data: it got 2 of 9 events"


def test_only_what_was_measured_before_is_replaced() -> None:
    page = written(f"above\n{BEGIN}\nold\n{END}\nbelow\n", "new\n")

    assert page == f"above\n{BEGIN}\n\nnew\n\n{END}\nbelow\n"
    assert written(page, "new") == page


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{END}{BEGIN}"])
def test_a_page_without_its_markers_is_left_alone(page: str) -> None:
    with pytest.raises(ValueError, match="marker"):
        written(page, "new")


def test_each_figure_has_its_goal_and_what_came_of_it() -> None:
    figures = [Figure("requests", [1], "", at_most(1)), Figure("speed", [0.4, 0.5, 0.9], "×", at_least(0.8))]

    lines = markdown([Chapter("Fold", figures, sizes=QUICK.said(("events", "rounds")))], "here").splitlines()

    assert lines[0] == "here"
    assert "### Fold" in lines
    assert "| requests | 1 | ≤ 1 | met |" in lines
    assert "| speed | 0.5 × (0.4–0.9) | ≥ 0.8 | **missed** (not in every round) |" in lines
    assert "Events in the stream: 2,000, rounds: 3." in lines


def test_what_several_did_stands_side_by_side_with_what_was_lost() -> None:
    figures = [
        Figure("wall", [1], "ms", who="Banyan"),
        Figure("wall", [2], "ms", who="peer", note=LOST),
        Figure("units", [3], "", who="peer"),
    ]

    lines = markdown([Chapter("Fold", figures)], "").splitlines()

    assert "| | Banyan | peer |" in lines
    assert "| wall | 1 ms | 2 ms, loses data |" in lines
    assert "| units |  | 3 |" in lines


def test_what_is_left_out_is_said() -> None:
    assert "Left out: castore, it is not installed." in markdown(
        [Chapter("Fold", (), ("castore, it is not installed",))], ""
    )
