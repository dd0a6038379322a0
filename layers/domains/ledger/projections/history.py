"""The history of an account: how it stood after each event, its lines by effective date, and totals of days.

The rows of an account sort by kind:

``m#<recorded at>#<version>``
    The account after an event.
``v#<version>``
    Where that row is, by version.
``s#<effective date>#<version>``
    A line of its statement.
``d#<effective date>``
    The total of a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Final

from banyan import CamelModel, Event
from banyan.projections.base import RowsProjection
from ledger.accounts.events import AmountPosted
from ledger.amounts import ZERO, Amount
from ledger.projections.accounts import AccountRow, account_after
from ledger.projections.wholeness import added, weighted

LAST: Final = "~"
"""Sorts after every digit."""

_DIGITS: Final = 12


class Line(CamelModel):
    """One posting.

    Parameters
    ----------
    day_total : Amount
        Of the day, up to this line; lines that are recorded later come later in their day.
    """

    version: int
    recorded_at: datetime
    effective_date: date
    transfer_id: str
    amount: Amount
    day_total: Amount
    description: str = ""
    reverses: str = ""


class DayTotal(CamelModel):
    """What was posted for a day, and its contribution to the proof of wholeness."""

    total: Amount = ZERO
    proof: int = 0


class HistoryRow(CamelModel):
    """A row of one of the four kinds.

    Parameters
    ----------
    version : int
        Of the account.
    at : str
        Sort of the row that shows the account at a version.
    """

    version: int = 0
    account: AccountRow | None = None
    at: str = ""
    line: Line | None = None
    day: DayTotal | None = None


def moment_key(recorded_at: datetime, version: int | None = None) -> str:
    """Sort of an account after an event; without a version, the last place of that moment."""
    moment = recorded_at.astimezone(UTC).isoformat(timespec="microseconds")
    return f"m#{moment}#{LAST if version is None else _padded(version)}"


def version_key(version: int) -> str:
    """Sort of the row that says where a version is."""
    return f"v#{_padded(version)}"


def day_key(day: date) -> str:
    """Sort of a day's total."""
    return f"d#{day.isoformat()}"


def day_of(sort: str) -> date:
    """The day in the sort of its total."""
    return date.fromisoformat(sort.removeprefix("d#"))


def line_key(day: date, version: int | None = None) -> str:
    """Sort of a line; without a version, where the day's lines begin."""
    return f"s#{day.isoformat()}#{'' if version is None else _padded(version)}"


def _padded(version: int) -> str:
    return f"{version:0{_DIGITS}}"


def _keys(_: AccountRow, event: Event) -> Iterable[str]:
    return [day_key(event.payload.effective_date)] if isinstance(event.payload, AmountPosted) else []


def _apply(
    account: AccountRow, rows: Mapping[str, HistoryRow], event: Event
) -> tuple[AccountRow, Mapping[str, HistoryRow]]:
    account = account_after(account, event)
    moment = moment_key(event.timestamp, event.version)
    written = {
        moment: HistoryRow(version=event.version, account=account),
        version_key(event.version): HistoryRow(version=event.version, at=moment),
    }
    if isinstance(event.payload, AmountPosted):
        written |= _posted(event.payload, rows, event)
    return account, written


def _posted(posted: AmountPosted, rows: Mapping[str, HistoryRow], event: Event) -> Mapping[str, HistoryRow]:
    key = day_key(posted.effective_date)
    before = rows[key].day if key in rows else None
    day = _with(before or DayTotal(), posted)
    line = Line(
        version=event.version,
        recorded_at=event.timestamp,
        effective_date=posted.effective_date,
        transfer_id=posted.transfer_id,
        amount=posted.amount,
        day_total=day.total,
        description=posted.description,
        reverses=posted.reverses,
    )
    return {
        key: HistoryRow(version=event.version, day=day),
        line_key(posted.effective_date, event.version): HistoryRow(version=event.version, line=line),
    }


def _with(day: DayTotal, posted: AmountPosted) -> DayTotal:
    proof = added((day.proof, weighted(posted.amount, posted.transfer_id)))
    return DayTotal(total=day.total + posted.amount, proof=proof)


HISTORY: Final = RowsProjection(
    name="history",
    entity="account",
    state=AccountRow,
    initial=AccountRow,
    row=HistoryRow,
    apply=_apply,
    keys=_keys,
)
