"""The trial balance: every account's balance, of whole transfers only, so that debits equal credits at every moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Final

from banyan import CommandRejected
from banyan.queries import Queries
from banyan.spread import in_threads
from banyan.streams import StreamId
from ledger.amounts import Amount, total
from ledger.projections.accounts import ACCOUNTS, ALL, AccountRow
from ledger.projections.history import HISTORY, LAST, line_key
from ledger.projections.wholeness import added, weighted
from ledger.reads.accounts import account_at, days_up_to

ACCOUNTS_AT_ONCE: Final = 1000
READS_AT_ONCE: Final = 8

MOST_ACCOUNTS: Final = 20_000
"""What an answer of 6 MB, the most that Lambda gives, can hold with room to spare."""


@dataclass(frozen=True, slots=True)
class Balance:
    """A balance of an account, and its contribution to the proof that all are of whole transfers."""

    account: AccountRow
    amount: Amount
    proof: int


Balances = Sequence[Balance]


def trial_balance(queries: Queries, tenant: str, currency: str | None, moment: datetime, day: date | None) -> Balances:
    """Balances of all accounts, or of those in a currency.

    Parameters
    ----------
    moment : datetime
        What was recorded by then counts.
    day : date, optional
        Only what counts up to this day, that day included.

    Raises
    ------
    ReadModelsApart
        The read models have not got to the moment.
    CommandRejected
        ``too_many_accounts`` for one answer.
    """
    read = partial(_balances, queries, tenant, currency, moment, day)
    return queries.settled(read, whole)


def whole(balances: Iterable[Balance]) -> bool:
    """Whether they show each transfer in all of its accounts or in none, and so debits equal credits."""
    by_currency: dict[str, list[Balance]] = defaultdict(list)
    for each in balances:
        by_currency[each.account.currency].append(each)
    return all(_whole(each) for each in by_currency.values())


def _whole(balances: Balances) -> bool:
    return total(each.amount for each in balances) == 0 and added(each.proof for each in balances) == 0


def _balances(queries: Queries, tenant: str, currency: str | None, moment: datetime, day: date | None) -> Balances:
    accounts = _accounts(queries, tenant, currency)
    balance = partial(_balance, queries, tenant, moment, day)
    return [each for each in in_threads(READS_AT_ONCE)(balance, accounts) if each]


def _accounts(queries: Queries, tenant: str, currency: str | None) -> Sequence[tuple[AccountRow, int]]:
    """All of them, with their versions."""
    place = ("currency", currency) if currency else ("all", ALL)
    found: list[tuple[AccountRow, int]] = []
    cursor = None
    while True:
        page = queries.lookup(ACCOUNTS, tenant, *place, ACCOUNTS_AT_ONCE, cursor, order="ascending").value
        found += page
        if len(found) > MOST_ACCOUNTS:
            raise CommandRejected("too_many_accounts", "ask for the accounts in one currency", "currency")
        if page.cursor is None:
            return found
        cursor = page.cursor


def _balance(
    queries: Queries, tenant: str, moment: datetime, day: date | None, known: tuple[AccountRow, int]
) -> Balance | None:
    """Of one account; ``None`` if it was opened after the moment."""
    account, version = known
    stream = StreamId(tenant, "account", account.account_id)
    if account.recorded_at is None or account.recorded_at > moment:
        then = account_at(queries, stream, moment)
        if then is None:
            return None
        account, version = then.value, then.provenance.version
    if day is None:
        return Balance(account, account.balance, account.proof)
    return _up_to(queries, stream, day, account, version)


def _up_to(queries: Queries, stream: StreamId, day: date, account: AccountRow, version: int) -> Balance:
    """Of what counts up to a day; by line if a day has lines after the version, since its total is of all of them."""
    found = days_up_to(queries, stream, day)
    days = found.value.values() if found else ()
    if any(each.version > version for each in days):
        return _by_line(queries, stream, day, account, version)
    return Balance(account, total(each.total for each in days), added(each.proof for each in days))


def _by_line(queries: Queries, stream: StreamId, day: date, account: AccountRow, version: int) -> Balance:
    found = queries.owned(HISTORY, stream, line_key(date.min), line_key(day) + LAST, fold=False)
    lines = [row.line for _, row in found.value if row.line and row.version <= version] if found else []
    proof = added(weighted(line.amount, line.transfer_id) for line in lines)
    return Balance(account, total(line.amount for line in lines), proof)


def sums(balances: Iterable[Balance]) -> Mapping[str, tuple[Amount, Amount]]:
    """Debits and credits by currency, in the order of the codes."""
    amounts: dict[str, list[Amount]] = defaultdict(list)
    for each in balances:
        amounts[each.account.currency].append(each.amount)
    return {
        currency: (total(a for a in each if a > 0), -total(a for a in each if a < 0))
        for currency, each in sorted(amounts.items())
    }
