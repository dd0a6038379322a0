"""The report of an import as tables for the terminal."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from rich.console import Console
from rich.table import Table
from rich.text import Text

from banyan_tools.terminal import harmless
from ledger.amounts import DECIMALS
from ledger.tools.importer.balances import BalanceDifference
from ledger.tools.importer.report import JournalReport
from ledger.tools.importer.splitting import text_of

_SHOWN = 20


def show_report(report: JournalReport, console: Console) -> None:
    """Print what the journal holds, what was sent, its commodities, and what was rejected if anything was."""
    console.print(_counts(report))
    console.print(_commodities(report))
    if report.extra_accounts:
        rows = ((each.name, each.currency, each.balance) for each in report.extra_accounts)
        console.print(_table("Accounts that hledger does not have", ("name", "currency", "balance"), rows))
    if report.refused_accounts:
        lines = ((each.name, each.commodity, each.code, each.detail) for each in report.refused_accounts[:_SHOWN])
        console.print(_table("Accounts refused", ("name", "commodity", "code", "reason"), lines))
    if report.rejected:
        console.print(_rejected(report))


def show_differences(differences: Sequence[BalanceDifference], compared: int, console: Console) -> None:
    """Print where balances differ, or that none does."""
    if not differences:
        console.print(f"All {compared:,} balances agree.", highlight=False)
        return
    rows = ((each.name, each.currency, _shown(each.ledger), _shown(each.hledger)) for each in differences)
    console.print(
        _table(f"Balances that differ: {len(differences):,}", ("name", "currency", "ledger", "hledger"), rows)
    )


def _shown(balance: Fraction | None) -> str:
    return "-" if balance is None else text_of(round(balance * 10**DECIMALS))


def _counts(report: JournalReport) -> Table:
    accounts, transfers = report.accounts, report.transfers
    counts = {
        "transactions": report.transactions,
        "that move nothing": report.without_effect,
        "rounded over equity:rounding": len(report.rounded),
        "split into several transfers": len(report.split),
        "accounts opened": accounts.opened,
        "accounts there before": accounts.existing,
        "transfers posted": transfers.posted,
        "transfers there before": transfers.already_there,
        "transfers that wait for approval": transfers.waiting,
        "transfers in a later period, as theirs is closed": len(report.late),
        "rejected": len(report.rejected),
    }
    return _table("The journal", ("", "count"), ((name, f"{count:,}") for name, count in counts.items()))


def _commodities(report: JournalReport) -> Table:
    rows = (
        (each.commodity or "(none)", each.currency, f"{each.accounts:,}", f"{each.transfers:,}", each.debits)
        for each in report.commodities
    )
    return _table("Commodities", ("commodity", "currency", "accounts", "transfers", "debits"), rows)


def _rejected(report: JournalReport) -> Table:
    rows = ((each.txnidx, each.date, each.description, each.code, each.detail) for each in report.rejected[:_SHOWN])
    title = f"Rejected, {min(_SHOWN, len(report.rejected))} of {len(report.rejected)}"
    return _table(title, ("txnidx", "date", "description", "code", "reason"), rows)


def _table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(harmless(cell)) for cell in row))
    return table
