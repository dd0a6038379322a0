"""The report of an import, and the differences of a check, as tables for the terminal."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from banyan_tools.terminal import harmless
from telemetry.tools.importer.checking import Check
from telemetry.tools.importer.rejections import Reason
from telemetry.tools.importer.report import ReadingsReport, RejectedLines

_SHOWN = 20
_HINTS = {
    Reason.AMBIGUOUS.value: "say FOLD=earlier, later or order",
    Reason.DECIMAL.value: "say DECIMAL=, for commas, nothing for points",
    Reason.NONEXISTENT.value: "say another ZONE=",
    Reason.THOUSANDS.value: "write them without separators of thousands; say DECIMAL=, for commas before decimals",
}
"""What to do about a reason."""
_REPEATED = (
    "Readings that are repeated keep the values that were recorded first, even where the file has others now:"
    " `make check-readings` compares."
)


def show_report(report: ReadingsReport, console: Console) -> None:
    """Print what the file holds and what became of it, and which lines were rejected if any were."""
    interval = f"{report.interval_seconds:,} s" + (", the median of the file" if report.derived else "")
    rows = {
        "device": f"{report.device}, {'registered now' if report.registered else 'there before'}",
        "unit": report.unit or "(none)",
        "interval": interval,
        "time, value": f"{report.time_column}, {report.value_column}",
        "lines": f"{report.lines:,}",
        "headers": f"{report.headers:,}",
        "without a value": f"{report.missing:,}",
        "rejected": f"{sum(each.count for each in report.rejected.values()):,}",
        "readings": f"{report.readings:,}",
        "from": _moment(report.begin),
        "to": _moment(report.end),
        "gaps": f"{report.gaps:,}" + (f", the longest {report.longest_gap_seconds:,} s" if report.gaps else ""),
        "recorded": f"{report.recorded:,}",
        "repeated": f"{report.repeated:,}",
        "late, in no window": f"{report.late:,}",
        "not shown yet": f"{report.not_shown:,}",
        "seconds": f"{report.seconds:,}",
    }
    console.print(_table("The series", ("", ""), rows.items()))
    if report.repeated:
        console.print(_REPEATED, highlight=False)
    if report.refused:
        refused = ((each.month, f"{each.readings:,}", each.code, each.detail) for each in report.refused)
        console.print(_table("Months that were refused", ("month", "readings", "code", "reason"), refused))
    show_rejected(report.rejected, console)


def show_rejected(rejected: Mapping[str, RejectedLines], console: Console) -> None:
    """Print which lines were rejected, if any were."""
    if rejected:
        rows = (
            (
                reason,
                f"{each.count:,}",
                ", ".join(map(str, each.first_lines)) + (" …" * (len(each.first_lines) < each.count)),
                _HINTS.get(reason, ""),
            )
            for reason, each in rejected.items()
        )
        console.print(_table("Rejected", ("reason", "lines", "first lines", ""), rows))


def show_differences(check: Check, console: Console) -> None:
    """Print where windows differ, or that none does."""
    if check.not_kept:
        console.print(f"Windows of {', '.join(check.not_kept)} are not kept, and were not compared.", highlight=False)
    differences, compared = check.differences, check.compared
    if not differences:
        console.print(f"All {compared:,} windows agree.", highlight=False)
        return
    shown = differences[:_SHOWN]
    rows = ((each.size, _moment(each.start), each.field, _value(each.shown), _value(each.file)) for each in shown)
    title = f"Windows that differ: {len(differences):,} of {compared:,}, the first {len(shown)}"
    console.print(_table(title, ("size", "start", "field", "API", "file"), rows))


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _value(value: float | None) -> str:
    return "-" if value is None else repr(value)


def _table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", show_header=any(columns))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(harmless(cell)) for cell in row))
    return table
