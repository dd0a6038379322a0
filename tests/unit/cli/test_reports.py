"""A report can be read by a person, on a terminal and as a page that needs nothing else."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

from rich.console import Console
from tests.support.clocks import START

from banyan.entrypoints.admin.reconciliation import ReportAnswer
from banyan.reconciliation.content import FieldDifference
from banyan.reconciliation.report import Finding, Report, Section
from banyan_tools.cli.reports.page import page
from banyan_tools.cli.reports.tables import listing, summary

HOSTILE = '<script>alert("[red]")</script>'
PRICE = FieldDifference(name="items.0.price", expected="4.5", actual="4.49")
WRONG = Finding(where="acme:order:o-1", kind="different_row", fields=(PRICE,), repair="the row was replaced")
FORGED = Finding(where="acme:order:o-2", kind="digest", version=3, detail=HOSTILE)
SVG = "{http://www.w3.org/2000/svg}"
REFERENCES = {"src", "href", "data", "action", "poster", "srcset", "style"}


def report(*findings: Finding, days: int = 0) -> dict[str, Any]:
    """A report as the API answers it."""
    section = Section(name="order", compared=1200, differences=len(findings), findings=findings, rows_read=7)
    made = Report(
        started_at=START + timedelta(days=days),
        finished_at=START + timedelta(days=days, seconds=9),
        verified_through=START - timedelta(seconds=5),
        sections=(section,),
        drift_percent=100 * len(findings) / 1200,
        tolerance_percent=0.0,
    )
    return ReportAnswer.model_validate(made).model_dump(mode="json", by_alias=True)


def printed(*parts: Any) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    for part in parts:
        console.print(part)
    return console.export_text()


def parsed(*arguments: Any) -> ElementTree.Element:
    """A page, which must be well-formed."""
    return ElementTree.fromstring(page(*arguments))


def test_what_was_left_out_is_named_with_its_reason() -> None:
    made = report()
    made["sections"].append({**made["sections"][0], "name": "stock", "note": "rebuild it"})
    assert "stock (not compared: rebuild it)" in printed(*summary(made))
    assert "stock (not compared: rebuild it)" in page(made, [made])


def test_the_terminal_shows_counts_fields_and_repairs() -> None:
    text = printed(*summary(report(WRONG, FORGED)))
    assert "2 of 1,200 differ, verified through 2026-01-05 08:59:55Z" in text
    assert "items.0.price: 4.5 → 4.49" in text
    assert "the row was replaced" in text
    assert HOSTILE.split("(")[0] in text


def test_a_clean_report_shows_no_table_of_differences() -> None:
    assert "Differences" not in printed(*summary(report()))
    assert printed(listing([report(days=1), report(WRONG)])).count("2026-01-0") == 2


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    shown = parsed(report(WRONG, FORGED), [report(WRONG, FORGED), report(days=-1)])
    elements = list(shown.iter())
    tags = {element.tag.removeprefix(SVG) for element in elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "use", "image", "base"}
    assert not {name for element in elements for name in element.attrib} & REFERENCES
    assert not [name for element in elements for name in element.attrib if name.startswith("on")]
    style = "".join(text for element in shown.iter("style") for text in element.itertext())
    assert not re.search(r"url\(|@import", style)


def test_the_chart_has_a_bar_for_each_run_as_high_as_what_it_found() -> None:
    runs = [report(WRONG, FORGED, days=2), report(days=1), report(WRONG)]
    (chart,) = parsed(runs[0], runs).iter(f"{SVG}svg")
    bars = list(chart.iter(f"{SVG}rect"))
    assert [(bar.get("class"), bar.get("height")) for bar in bars] == [
        ("unlike", "70.0"),
        ("same", "2.0"),
        ("unlike", "140.0"),
    ]
    assert [bar.findtext(f"{SVG}title") for bar in bars] == [
        "2026-01-05 09:00:00Z: 1 of 1,200 differ",
        "2026-01-06 09:00:00Z: clean",
        "2026-01-07 09:00:00Z: 2 of 1,200 differ",
    ]
    left, right = (float(chart.get("viewBox", "").split()[place]) for place in (0, 2))
    edges = [(float(bar.get("x", "")), float(bar.get("x", "")) + float(bar.get("width", ""))) for bar in bars]
    assert edges == sorted(edges)
    assert all(left <= begin < end <= right for begin, end in edges)


def test_the_page_says_what_differs_and_what_was_done() -> None:
    shown = parsed(report(WRONG, FORGED), [report(WRONG, FORGED)])
    counts, findings = (
        [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")] for table in shown.iter("table")
    )
    assert counts[1] == ["order", "1,200", "2", "0", "0", "7", "0"]
    assert findings[1:] == [
        ["order", "acme:order:o-1", "different_row", "items.0.price: 4.5 → 4.49", "the row was replaced"],
        ["order", "acme:order:o-2", f"digest at version 3: {HOSTILE}", "", ""],
    ]
