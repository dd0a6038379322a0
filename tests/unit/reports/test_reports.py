"""A report can be read by a person, on a terminal and as a page, and by a program."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console
from tests.support import START
from tools.reports.cli import main
from tools.reports.page import page
from tools.reports.tables import listing, summary

from banyan.reconciliation.fields import FieldDifference
from banyan.reconciliation.report import Finding, Report, Section

HOSTILE = '<script>alert("[red]")</script>'
PRICE = FieldDifference(name="items.0.price", expected="4.5", actual="4.49")
WRONG = Finding(where="acme:order:o-1", kind="different_row", fields=(PRICE,), repair="the row was written anew")
FORGED = Finding(where="acme:order:o-2", kind="digest", version=3, detail=HOSTILE)


def report(*findings: Finding, days: int = 0) -> Report:
    section = Section(name="order", compared=1200, differences=len(findings), findings=findings, rows_read=7)
    return Report(
        started_at=START + timedelta(days=days),
        finished_at=START + timedelta(days=days, seconds=9),
        verified_through=START - timedelta(seconds=5),
        sections=(section,),
        drift_percent=100 * len(findings) / 1200,
        tolerance_percent=0.0,
    )


def printed(*parts: object) -> str:
    console = Console(width=200, record=True, file=Path("/dev/null").open("w"))  # noqa: SIM115
    for part in parts:
        console.print(part)
    console.file.close()
    return console.export_text()


class Elements(HTMLParser):
    """Collects tags, and what they refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in {"src", "href"}]


def test_the_terminal_shows_counts_fields_and_repairs() -> None:
    text = printed(*summary(report(WRONG, FORGED)))
    assert "2 of 1200 differ, verified through 2026-01-05 08:59:55" in text
    assert "items.0.price: 4.5 → 4.49" in text
    assert "the row was written anew" in text
    assert HOSTILE.split("(")[0] in text


def test_a_clean_report_shows_no_table_of_differences() -> None:
    assert "Differences" not in printed(*summary(report()))
    assert printed(listing([report(days=1), report(WRONG)])).count("2026-01-0") == 4


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    elements = Elements()
    elements.feed(page(report(WRONG, FORGED), [report(WRONG, FORGED), report(days=-1)]))
    assert elements.references == []
    assert "script" not in elements.tags
    assert elements.tags.count("rect") == 2
    assert elements.tags.count("table") == 2


def test_the_page_says_what_differs_and_how_much_each_run_found() -> None:
    text = page(report(WRONG, FORGED), [report(WRONG, FORGED), report(WRONG, days=-1)])
    assert "items.0.price: 4.5 → 4.49" in text
    heights = [float(height) for height in re.findall(r'<rect [^>]*height="([\d.]+)"', text)]
    assert heights[1] == 2 * heights[0] > 0


@pytest.mark.parametrize(("findings", "status"), [((), 0), ((WRONG,), 1)])
def test_a_program_gets_the_same_and_a_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], findings: tuple[Finding, ...], status: int
) -> None:
    file = tmp_path / "report.json"
    file.write_text(report(*findings).model_dump_json(by_alias=True))
    with pytest.raises(SystemExit) as exit:
        main(["show", "--file", str(file), "--json"])
    assert exit.value.code == status
    assert Report.model_validate(json.loads(capsys.readouterr().out)) == report(*findings)


def test_a_page_is_written_to_a_file(tmp_path: Path) -> None:
    file, made = tmp_path / "report.json", tmp_path / "report.html"
    file.write_text(report(WRONG).model_dump_json(by_alias=True))
    with pytest.raises(SystemExit):
        main(["show", "--file", str(file), "--html", str(made)])
    assert made.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("content", [None, '{"finished": false}'])
def test_a_file_that_is_no_report_is_one_sentence(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "answer.json"
    if content:
        file.write_text(content)
    with pytest.raises(SystemExit) as ended:
        main(["show", "--file", str(file)])
    told = capsys.readouterr()
    assert (ended.value.code, told.out) == (2, "")
    assert f"{file} is no report" in told.err
