"""The report of an import as tables for the terminal."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from banyan_tools.terminal import harmless
from orders.tools.importer.commands import Kind
from orders.tools.importer.dates import Dates
from orders.tools.importer.report import Report

_SHOWN = 5
DATES = {Dates.DMY: "day first", Dates.MDY: "month first", Dates.ISO: "year first"}
_NAMES = {
    Kind.CREATE: "orders created",
    Kind.ADD: "items added",
    Kind.PAY: "orders paid",
    Kind.CANCEL: "orders cancelled",
}


def show(report: Report, console: Console) -> None:
    """Print what the file holds, what was sent, the days, and the failures if there are any."""
    console.print(_file(report))
    console.print(_sent(report))
    console.print(_days(report))
    if report.failures:
        console.print(_failures(report))


def _file(report: Report) -> Table:
    table = _table("The file", "", ["lines"])
    table.add_row("read", f"{report.lines_read:,}")
    if report.continued:
        table.add_row("further lines of records over several", f"{report.continued:,}")
    table.add_row("accepted", f"{report.accepted:,}")
    for reason, lines in sorted(report.rejected.items()):
        table.add_row(f"rejected: {reason}", f"{lines:,}")
    table.add_row("in credit notes", f"{report.credited:,}", end_section=True)
    table.add_row("[bold]orders", f"{report.orders:,}")
    table.add_row("invoices without a valid line", f"{len(report.without_order):,}")
    table.add_row("credit notes that cancel an order", f"{report.matched:,}")
    table.add_row("credit notes for a part of an order, not applied", f"{len(report.partial):,}")
    table.add_row("credit notes unmatched", f"{len(report.unmatched):,}", end_section=True)
    table.add_row("dates read as", DATES[report.dates])
    if report.unused_columns:
        table.add_row("columns not used", Text(harmless(", ".join(report.unused_columns))))
    return table


def _sent(report: Report) -> Table:
    table = _table("The API", "", ["now", "before"])
    for kind, sent in report.sent.items():
        table.add_row(_NAMES[kind], f"{sent.now:,}", f"{sent.before:,}")
    table.add_row("[bold]orders failed", f"{len(report.failures):,}", "")
    return table


def _days(report: Report) -> Table:
    table = _table("Sales per day", "day", ["orders", "lines", "gross", "cancelled", "net"])
    for day in report.days:
        counts = (f"{day.orders:,}", f"{day.lines:,}")
        table.add_row(str(day.day), *counts, *_money(day.gross, day.cancelled, day.net))
    table.add_section()
    counts = (f"{report.orders:,}", f"{report.accepted:,}")
    table.add_row("[bold]all", *counts, *_money(report.gross, report.cancelled, report.net))
    return table


def _failures(report: Report) -> Table:
    table = _table("Failures", "code", ["orders"])
    table.add_column("for example")
    for code, count in Counter(failure.code for failure in report.failures).most_common():
        shown = [failure for failure in report.failures if failure.code == code][:_SHOWN]
        examples = (f"{failure.order}: {failure.detail}" for failure in shown)
        table.add_row(code, f"{count:,}", Text(harmless("\n".join(examples))))
    return table


def _table(title: str, first: str, numbers: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column(first)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def _money(*amounts: Decimal) -> list[str]:
    return [f"{amount:,}" for amount in amounts]
