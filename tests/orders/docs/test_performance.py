"""The page about speed shows every goal with what was measured, and its chart is legible in light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast
from xml.etree import ElementTree

import pytest
from bench.__main__ import chapter_of, drawn, panels, publish, summary
from bench.contestants import PEERS, ContestantFailed
from bench.ground import Ground, LeftOut, Section
from bench.page import BEGIN, CHART, END, PAGE
from bench.results import Chapter, Figure, at_most
from bench.sections import SECTIONS, goals

NEEDED = ("endpoint", "engine", "lineup", "sizes", "step")
LOST = "loses data: it got 2 of 9 events"
BARS = [Figure("w", [1], "ms", who="Banyan", panel="p"), Figure("w", [2], "ms", who="peer", panel="p", note=LOST)]


def rows() -> dict[str, list[str]]:
    """Cells of the measured tables by what they are about; goals stand above what several did."""
    _, _, rest = PAGE.read_text().partition(BEGIN)
    found: dict[str, list[str]] = {}
    for line in rest.partition(END)[0].splitlines():
        what, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        found.setdefault(what, cells)
    return found


@pytest.mark.parametrize("what", goals())
def test_the_page_has_each_goal_and_whether_it_was_met(what: str) -> None:
    measured, goal, verdict = rows()[what]

    assert measured
    assert goal[0] in "≤≥"
    assert verdict.partition(";")[0] in ("met", "**missed**")


def test_each_section_has_its_chapter() -> None:
    assert [section.TITLE for section in SECTIONS if f"### {section.TITLE}\n" not in PAGE.read_text()] == []


def test_a_goal_is_about_one_thing() -> None:
    assert len(set(goals())) == len(goals())


def test_the_chart_follows_the_readers_colours() -> None:
    chart = CHART.read_text()
    root = ElementTree.fromstring(chart)

    assert "prefers-color-scheme: dark" in chart
    assert "Banyan" in [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert [text for text in root.iter("{http://www.w3.org/2000/svg}text") if text.get("class") != "text"] == []


def test_a_bar_of_a_peer_that_lost_data_says_so() -> None:
    assert panels(BARS) == {"p": [("Banyan", 1, "1"), ("peer (loses data)", 2, "2")]}


@pytest.mark.skipif(not (PEERS / "chart" / ".installed").exists(), reason="`make bench` installs what draws the chart")
def test_a_chart_is_drawn() -> None:
    texts = {text.text for text in ElementTree.fromstring(drawn(BARS)).iter("{http://www.w3.org/2000/svg}text")}

    assert {"p", "Banyan", "peer (loses data)"} <= texts


@pytest.mark.parametrize("error", [LeftOut("no Python 3.13"), ContestantFailed("castore ended")])
def test_a_section_that_cannot_be_measured_says_why(error: Exception) -> None:
    def measure(_: Ground) -> Sequence[Figure]:
        raise error

    section = cast(Section, SimpleNamespace(TITLE="Fold", GOALS={}, measure=measure))
    chapter = chapter_of(section, cast(Ground, SimpleNamespace(**dict.fromkeys(NEEDED))), "")

    assert (chapter.title, chapter.figures, chapter.left_out) == ("Fold", (), (str(error),))
    assert not chapter.failed


def test_a_section_that_fails_leaves_the_others_their_figures(capsys: pytest.CaptureFixture[str]) -> None:
    def measure(_: Ground) -> Sequence[Figure]:
        raise ZeroDivisionError("by nothing")

    section = cast(Section, SimpleNamespace(TITLE="Fold", GOALS={}, measure=measure))
    chapter = chapter_of(section, cast(Ground, SimpleNamespace(**dict.fromkeys(NEEDED))), "")

    assert chapter.failed
    assert chapter.left_out == ("it failed: ZeroDivisionError: by nothing",)
    assert "Traceback" in capsys.readouterr().err


def test_a_page_without_a_section_is_not_written() -> None:
    before = PAGE.read_text(), CHART.read_text()
    with pytest.raises(SystemExit, match="left out: Fold"):
        publish([Chapter("Append", BARS), Chapter("Fold", (), ("castore ended",))])
    assert (PAGE.read_text(), CHART.read_text()) == before


def test_the_summary_counts_goals() -> None:
    figures = [Figure("a", [1], "", at_most(1)), Figure("b", [2], "", at_most(1)), Figure("c", [2], "")]

    assert summary([Chapter("t", figures)]) == "1 goals met, 1 missed."
