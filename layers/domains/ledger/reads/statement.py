"""The statement of an account: its lines by effective date, each with the balance behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

from banyan.answers import Provenance
from banyan.projections.pages import SortOrder
from banyan.queries import Queries
from banyan.streams import StreamId
from ledger.amounts import ZERO, Amount
from ledger.projections.history import HISTORY, LAST, Line, line_key
from ledger.reads.accounts import day_totals


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
    """
    found = queries.owned(
        HISTORY,
        stream,
        line_key(first),
        line_key(last) + LAST,
        order=order,
        limit=limit,
        cursor=cursor,
        fold=False,
    )
    if found is None:
        return None
    lines = [row.line for _, row in found.value if row.line]
    totals = day_totals(queries, stream, last=last)
    behind = dict(zip(totals, accumulate(each.total for each in totals.values()), strict=True))

    def before(day: date) -> Amount:
        return behind[max(earlier)] if (earlier := [each for each in behind if each < day]) else ZERO

    return Statement(
        before(first),
        behind[max(behind)] if behind else ZERO,
        [(line, before(line.effective_date) + line.day_total) for line in lines],
        found.value.cursor,
        found.provenance,
    )
