"""Reports as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from banyan_tools.cli.reports.words import Json, fields_of, moment, name_of, verdict, what

COUNTS: Final = {
    "compared": "compared",
    "differences": "differ",
    "repaired": "repaired",
    "inFlight": "in flight",
    "rowsRead": "rows",
    "nodesRead": "nodes",
}


def listing(reports: Sequence[Json]) -> Table:
    """One line for each report, newest first."""
    table = Table("id", "verdict", "compared", "differences", "repaired", "verified through", title="Reconciliations")
    for report in reports:
        counts = (f"{report[name]:,}" for name in ("compared", "differences", "repaired"))
        table.add_row(report["id"], _colored(report), *counts, moment(report["verifiedThrough"]))
    return table


def summary(report: Json) -> Iterator[Table]:
    """Sections and findings of a report."""
    title = f"{verdict(report)}, verified through {moment(report['verifiedThrough'])}"
    sections = Table("section", *COUNTS.values(), title=title)
    sections.columns[0].overflow = "fold"
    for section in report["sections"]:
        sections.add_row(name_of(section), *(f"{section[name]:,}" for name in COUNTS))
    yield sections
    if report["differences"]:
        yield _findings(report)


def _findings(report: Json) -> Table:
    columns = ("section", "where", "what", "fields: expected → actual", "repair")
    table = Table(*columns, title="Differences", show_lines=True)
    for section in report["sections"]:
        for finding in section["findings"]:
            cells = (section["name"], finding["where"], what(finding), "\n".join(fields_of(finding)), finding["repair"])
            table.add_row(*map(Text, cells))
    return table


def _colored(report: Json) -> Text:
    return Text(verdict(report), style="red" if report["drifted"] else "green")
