"""The statement of an account: its lines by effective date, each with the balance behind it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import accumulate

from banyan.answers import Answer, Provenance
from banyan.projections.pages import Page, SortOrder
from banyan.queries import Queries
from banyan.streams import StreamId
from ledger.amounts import ZERO, Amount
from ledger.projections.history import HISTORY, LAST, HistoryRow, Line, line_key
from ledger.reads.accounts import Days, days_up_to

Lines = Answer[Page[tuple[str, HistoryRow]]]


@dataclass(frozen=True, slots=True)
class Statement:
    """A page of lines, each with the balance behind it, and the cursor of the next page.

    Parameters
    ----------
    opening, closing : Amount
        Balance before the first day and behind the last one, whatever the page.
    """

    opening: Amount
    closing: Amount
    lines: Sequence[tuple[Line, Amount]]
    cursor: str | None
    provenance: Provenance


def statement(
    queries: Queries, stream: StreamId, first: date, last: date, order: SortOrder, limit: int, cursor: str | None
) -> Statement | None:
    """A page of what counts from one day to another, both included; ``None`` without such an account.

    The balance behind a line is that of all days before its own, and of its day up to it: right on every page, in
    either order, though lines that are recorded late come in between.

    Raises
    ------
    InvalidCursor
    ReadModelsApart
        The account moved whenever its lines and its days were read.
    """
    read = partial(_read, queries, stream, first, last, order, limit, cursor)
    found = queries.settled(read, _of_one_version)
    return _statement(first, *found) if found else None


def _read(
    queries: Queries, stream: StreamId, first: date, last: date, order: SortOrder, limit: int, cursor: str | None
) -> tuple[Lines, Days] | None:
    lines = queries.owned(
        HISTORY,
        stream,
        line_key(first),
        line_key(last) + LAST,
        order=order,
        limit=limit,
        cursor=cursor,
        fold=False,
    )
    days = days_up_to(queries, stream, last)
    return (lines, days) if lines and days else None


def _of_one_version(found: tuple[Lines, Days] | None) -> bool:
    return found is None or len({each.provenance.version for each in found}) == 1


def _statement(first: date, found: Lines, days: Days) -> Statement:
    dates = list(days.value)
    behind = list(accumulate((each.total for each in days.value.values()), initial=ZERO))

    def before(day: date) -> Amount:
        return behind[bisect_left(dates, day)]

    lines = [row.line for _, row in found.value if row.line]
    return Statement(
        before(first),
        behind[-1],
        [(line, before(line.effective_date) + line.day_total) for line in lines],
        found.value.cursor,
        found.provenance,
    )
