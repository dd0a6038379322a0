"""Months that are or were closed."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from banyan import CamelModel, Event, Lookup, StreamProjection
from ledger.periods.decider import first_shard
from ledger.periods.events import PeriodClosed, PeriodReopened

ALL: Final = "all"


class PeriodRow(CamelModel):
    """How a month stands, and who changed that last.

    Parameters
    ----------
    changed_at : datetime, optional
        UTC.
    """

    stream: str = ""
    period: str = ""
    closed: bool = False
    reason: str = ""
    actor: str = ""
    changed_at: datetime | None = None


def _evolve(row: PeriodRow, event: Event) -> PeriodRow:
    match event.payload:
        case PeriodClosed(period=period, reason=reason) | PeriodReopened(period=period, reason=reason):
            return PeriodRow(
                stream=event.stream_id.id,
                period=period,
                closed=isinstance(event.payload, PeriodClosed),
                reason=reason,
                actor=event.metadata.actor,
                changed_at=event.timestamp,
            )
    return row


def _list(row: PeriodRow) -> str | None:
    """All streams of a month say the same, and one of them is listed."""
    return ALL if row.stream == first_shard(row.period) else None


PERIODS: Final = StreamProjection(
    name="periods",
    entity="period",
    state=PeriodRow,
    initial=PeriodRow,
    evolve=_evolve,
    lookups=[Lookup("all", partition=_list, sort=lambda row: row.period)],
)
