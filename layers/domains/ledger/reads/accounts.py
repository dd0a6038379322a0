"""An account as it stands, or as it stood: at a version, at a moment, or by effective date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from banyan import NotFound
from banyan.answers import Answer
from banyan.queries import Queries
from banyan.streams import StreamId
from ledger.accounts.decider import Account
from ledger.amounts import ZERO, Amount, total
from ledger.projections.accounts import ACCOUNTS, AccountRow
from ledger.projections.history import HISTORY, day_key, day_of, moment_key, version_key


def account_now(queries: Queries, stream: StreamId, min_version: int) -> Answer[AccountRow] | None:
    """As it stands, at a version or later. Raises ``ReadModelLagging``."""
    return queries.stored(ACCOUNTS, stream, min_version)


def account_at_version(queries: Queries, stream: StreamId, version: int) -> Answer[AccountRow] | None:
    """As it stood at a version. Raises ``NotFound``, ``version_not_found``."""
    pointer = queries.owned(HISTORY, stream, version_key(version), version_key(version), fold=False)
    if pointer is None:
        return None
    if not pointer.value:
        raise NotFound("version_not_found", f"the account has not got to version {version} yet", "atVersion")
    at = pointer.value[0][1].at
    return _shown(queries, stream, at, at)


def account_at(queries: Queries, stream: StreamId, moment: datetime) -> Answer[AccountRow] | None:
    """As it stood at a moment, by what was recorded then; ``None`` if it was not opened yet."""
    return _shown(queries, stream, "m#", moment_key(moment))


def _shown(queries: Queries, stream: StreamId, first: str, last: str) -> Answer[AccountRow] | None:
    found = queries.owned(HISTORY, stream, first, last, order="descending", limit=1, fold=False)
    if found is None or not found.value:
        return None
    row = found.value[0][1]
    assert row.account is not None
    as_of = {"version": row.version, "as_of": row.account.recorded_at}
    return Answer(row.account, found.provenance.model_copy(update=as_of))


def account_effective(queries: Queries, stream: StreamId, day: date) -> Answer[Account] | None:
    """With the balance of what counts up to a day, that day included, whenever it was recorded; without holds."""
    account = queries.stored(ACCOUNTS, stream)
    days = days_up_to(queries, stream, day)
    if account is None or days is None:
        return None
    balance = total(each.total for each in days.value.values())
    holds = {"pending_debits": ZERO, "pending_credits": ZERO}
    return Answer(account.value.model_copy(update={"balance": balance, **holds}), days.provenance)


class PostedDay(NamedTuple):
    """What was posted to an account for a day, and the version of the account that it goes up to."""

    version: int
    total: Amount
    proof: int


Days = Answer[Mapping[date, PostedDay]]


def days_up_to(queries: Queries, stream: StreamId, last: date) -> Days | None:
    """The days up to one, that day included, in their order."""
    found = queries.owned(HISTORY, stream, day_key(date.min), day_key(last), fold=False)
    if found is None:
        return None
    days = {day_of(sort): PostedDay(row.version, row.day.total, row.day.proof) for sort, row in found.value if row.day}
    return Answer(days, found.provenance)
