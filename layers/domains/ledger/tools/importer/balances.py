"""The balances that hledger reports as CSV, and where the ledger's differ from them."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from banyan.confirm import confirm
from ledger.amounts import DECIMALS
from ledger.tools.importer.api import AccountBalance
from ledger.tools.importer.names import currency_of
from ledger.tools.importer.planning import EXTRA
from ledger.tools.importer.sheet import NotJournalError, Number, number

REPORT: Final = "hledger balance --flat -N --infer-equity --layout=bare -O csv"
_MOST_LOOKS: Final = 100
_LOST_DECIMALS: Final = 3
"""By rounding up to a thousand postings."""
_TOTALS: Final = frozenset({"total", "Total:"})
_TOGETHER: Final = "account,balance"
_APART: Final = frozenset({"account,commodity,balance", "account,period,start_date,end_date,commodity,value"})
_SYMBOL: Final = r'"[^"]*"|[^\s\d".,+-][^\s\d".,+-]*'
_AMOUNT: Final = re.compile(
    rf"(?P<left>{_SYMBOL})?\s*(?P<number>[+-]?[0-9][0-9.,]*)(?:\s*(?P<right>{_SYMBOL}))?(?:, |$)"
)

Key = tuple[str, str]
"""Name and currency of an account."""


@dataclass(frozen=True, slots=True)
class BalanceDifference:
    """An account whose balance is another one in the ledger; `None` where there is no such account."""

    name: str
    currency: str
    ledger: Fraction | None
    hledger: Fraction | None


def reported(text: str) -> Mapping[Key, Number]:
    """The balances of a report. Of several rows of one account and commodity the first counts, as totals come last.

    Raises
    ------
    NotJournalError
        When it is another report, or cannot be read.
    """
    reader = csv.reader(io.StringIO(text, newline=""))
    header, found = ",".join(next(reader, [])), dict[Key, Number]()
    if header not in {_TOGETHER, *_APART}:
        raise _other_report()
    for row in reader:
        for commodity, amount in _amounts(header, row):
            found.setdefault((row[0], currency_of(commodity)), amount)
    return found


def _amounts(header: str, row: Sequence[str]) -> Iterator[tuple[str, Number]]:
    if len(row) != header.count(",") + 1:
        raise _other_report()
    cells = [(row[-2], row[-1])] if header in _APART else _together(row[-1])
    for commodity, text in cells:
        if (amount := number(text)) is None:
            raise NotJournalError(f"{text!r} of {row[0]} is not an amount: make the report with `{REPORT}`.")
        yield commodity, amount


def _together(cell: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(cell):
        match = _AMOUNT.match(cell, place)
        if not match:
            raise NotJournalError(f"{cell[place:]!r} is not an amount: make the report with `{REPORT}`.")
        yield (match["left"] or match["right"] or "").strip('"'), match["number"]
        place = match.end()


def _other_report() -> NotJournalError:
    return NotJournalError(f"It is not a report of balances: make it with `{REPORT}`.")


def compared(report: Mapping[Key, Number], accounts: Iterable[AccountBalance]) -> Mapping[Key, BalanceDifference]:
    """Where they differ by more than the half of the last digit that hledger shows, in the order of names.

    Accounts that hledger cannot have are left out unless it has them; so are its totals.
    """
    ledger: defaultdict[Key, Fraction] = defaultdict(Fraction)
    for account in accounts:
        ledger[account.name, account.currency] += Fraction(account.balance)
    names = {name for name, _ in ledger}
    asked = {key: amount for key, amount in report.items() if key[0] not in _TOTALS or key[0] in names}
    decimals = _decimals(report)
    expected = asked.keys() | {key for key in ledger if key[0] not in EXTRA}
    return {
        key: BalanceDifference(*key, ledger.get(key), asked[key].value if key in asked else None)
        for key in sorted(expected)
        if not _agree(ledger.get(key, Fraction()), asked.get(key), decimals.get(key[1], 0))
    }


def confirmed(
    read: Callable[[], Iterable[AccountBalance]], report: Mapping[Key, Number], pause: Callable[[], None]
) -> Sequence[BalanceDifference]:
    """The differences that several looks in a row see, so that none counts which read models have not got to yet."""
    seen = confirm(lambda _: compared(report, read()), [], pause, most=_MOST_LOOKS)
    return [*seen.standing.values(), *seen.moving.values()]


def _agree(balance: Fraction, shown: Number | None, decimals: int) -> bool:
    """Whether they are equal as far as hledger shows, or as the ledger can: it rounds each posting to its decimals."""
    expected = shown or Number(Fraction(), decimals)
    compared = expected.decimals if expected.decimals <= DECIMALS else DECIMALS - _LOST_DECIMALS
    return abs(balance - expected.value) * 2 <= Fraction(1, 10**compared)


def _decimals(report: Mapping[Key, Number]) -> Mapping[str, int]:
    fewest: dict[str, int] = {}
    for (_, currency), amount in report.items():
        fewest[currency] = min(amount.decimals, fewest.get(currency, amount.decimals))
    return fewest
