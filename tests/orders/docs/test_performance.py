"""The page about speed shows every goal with what was measured, and its chart is legible in light and dark."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from xml.etree import ElementTree

import pytest
from bench.__main__ import chapter_of, drawn, panels, publish, summary, without_chart
from bench.brief import brief
from bench.contestants import PEERS, ContestantFailed
from bench.ground import QUICK, WORDS, Ground, LeftOut, Section, Sizes
from bench.page import BEGIN, CHART, END, PAGE, README, STANDS_IN_THE_WAY
from bench.results import Chapter, Figure, at_most
from bench.sections import SECTIONS, goals

GROUND = cast(Ground, SimpleNamespace(endpoint="", engine=None, lineup=None, sizes=QUICK, step=None))
FAMILIES = {
    r"append of .*: CPU time against": "The CPU time of an append",
    r"appends from 8 threads": "Appends from several threads",
    r"fold, commits of 1: speed against (castore|the bare SDK)": "A fold of single events",
    r"fold, commits of 5: speed against (castore|the bare SDK)": "A fold of commits of 5",
    r"fold, commits of 100: speed against (castore|the bare SDK)": "A fold of large commits",
    r"projector": "The projector",
    r"rebuild of .* against bare writes": "Rebuilds against bare writes",
    r"projections list": "The list of projections",
    r"first answer of command_api": "A cold start",
}
COSTS = (("requests", 1), ("write units", 2))
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
    assert re.fullmatch(r"(met|\*\*missed\*\*)( \(not in every round\))?", verdict.partition(";")[0])


def test_the_page_says_what_stands_in_the_way_of_each_goal_that_is_missed() -> None:
    _, _, explained = PAGE.read_text().partition(f"## {STANDS_IN_THE_WAY}\n")
    missed = [what for what in goals() if rows()[what][2].startswith("**missed**")]
    paragraphs = {what: [FAMILIES[each] for each in FAMILIES if re.match(each, what)] for what in missed}

    assert [what for what, found in paragraphs.items() if not found] == []
    assert [lead for found in paragraphs.values() for lead in found if f"- **{lead}" not in explained] == []


def test_the_readme_says_nothing_that_the_page_does_not() -> None:
    said = " ".join(README.read_text().partition(BEGIN)[2].partition(END)[0].split())
    ratio = rows()["fold, commits of 1: speed against castore"][0].partition(" ")[0]

    assert f"{rows()['append of 5: write units'][0]} write units" in said
    assert f"{ratio} times (commits of 1)" in said
    assert ("castore is faster in commits of 1" in said) is (float(ratio) < 1)


def test_the_readme_is_made_from_figures_and_names_no_peer_that_took_no_part() -> None:
    longest = "load of 10,000 events and 50 after the snapshot"
    ours = [Figure(f"append of 5: {kind}", [value], "", who="Banyan") for kind, value in COSTS]
    ours += [Figure(f"{longest}: {kind}", [value], "") for kind, value in (("requests", 1), ("read units", 14))]
    folds = [
        Figure(f"fold, commits of {size}: speed against castore", [ratio], "×")
        for size, ratio in ((1, 0.4), (5, 0.9), (100, 2.7))
    ]

    assert "castore" not in brief([Chapter("t", ours)])
    said = " ".join(brief([Chapter("t", ours), Chapter("u", folds)]).split())
    assert "An append of 5 events takes 1 request and 2 write units." in said
    assert said.endswith("castore is faster in commits of 1 and 5.")


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

    section = cast(Section, SimpleNamespace(TITLE="Fold", USES=(), GOALS={}, measure=measure))
    chapter = chapter_of(section, GROUND, "")

    assert (chapter.title, chapter.figures, chapter.left_out) == ("Fold", (), (str(error),))
    assert not chapter.failed


def test_every_size_has_its_word_and_is_said_of_a_section() -> None:
    assert {*WORDS} == {field.name for field in fields(Sizes)} == {name for each in SECTIONS for name in each.USES}


def test_a_section_that_fails_leaves_the_others_their_figures(capsys: pytest.CaptureFixture[str]) -> None:
    def measure(_: Ground) -> Sequence[Figure]:
        raise ZeroDivisionError("by nothing")

    section = cast(Section, SimpleNamespace(TITLE="Fold", USES=(), GOALS={}, measure=measure))
    chapter = chapter_of(section, GROUND, "")

    assert chapter.failed
    assert chapter.left_out == ("it failed: ZeroDivisionError: by nothing",)
    assert "Traceback" in capsys.readouterr().err


def test_a_page_without_a_section_is_not_written() -> None:
    before = PAGE.read_text(), CHART.read_text(), README.read_text()
    with pytest.raises(SystemExit, match="left out: Fold"):
        publish([Chapter("Append", BARS), Chapter("Fold", (), ("castore ended",))], "here")
    assert (PAGE.read_text(), CHART.read_text(), README.read_text()) == before


def test_a_chart_that_cannot_be_drawn_says_why_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.__main__.PEERS", tmp_path)
    (tmp_path / "chart.reason").write_text("ERROR: No matching distribution found\n")
    assert without_chart() == "The chart is left out: ERROR: No matching distribution found."

    (tmp_path / "chart").mkdir()
    (tmp_path / "chart" / ".installed").touch()
    assert without_chart() == ""


def test_the_summary_counts_goals() -> None:
    figures = [Figure("a", [1], "", at_most(1)), Figure("b", [2], "", at_most(1)), Figure("c", [2], "")]

    assert summary([Chapter("t", figures[:1])]) == "1 goals met, 0 missed."
    assert STANDS_IN_THE_WAY in summary([Chapter("t", figures)])
