"""Close and reopen a month.

Every transfer checks its month, and DynamoDB lets no two transactions touch one item at a time. So a month stands in
several streams that say the same: a transfer checks one of them, closing changes all at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Annotated, Any, Final

from pydantic import StringConstraints

from banyan import CamelModel, Decider, DomainEvent
from banyan.deciders.shards import Shards
from banyan.decision import Decided, Decision, Participants, States
from banyan.errors import ConfigurationError
from banyan.text import Composed, Readable
from ledger.periods.events import PeriodClosed, PeriodId, PeriodReopened

SHARDS: Final = 16
"""Never change it: a new shard would not know what the others say."""

MOST_CLOSED: Final = 36
"""How many closed months a late item may be carried over."""


class Period(CamelModel):
    """Whether a month is closed."""

    closed: bool = False


class ClosePeriod(CamelModel):
    """Let a month take nothing any more."""

    period: PeriodId
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Composed, Readable] = ""


class ReopenPeriod(CamelModel):
    """Let a month take postings again."""

    period: PeriodId
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Composed, Readable]


def month_of(day: date) -> str:
    """``yyyy-mm``."""
    return f"{day.year:04}-{day.month:02}"


def first_shard(period: str) -> str:
    """Id of the stream that stands for a period where one is enough."""
    return f"{period}.0"


def shards_of(period: str) -> Shards:
    """The streams of a period."""
    return Shards(PERIOD, period, SHARDS)


def months_from(day: date) -> Iterator[tuple[str, date]]:
    """The day's month with the day, and those after it, each with its first day."""
    yield month_of(day), day
    last = date.max.year * 12 + 11
    first = day.year * 12 + day.month
    for month in range(first, min(first + MOST_CLOSED, last + 1)):
        start = date(month // 12, month % 12 + 1, 1)
        yield month_of(start), start


def _evolve(_: Period, event: DomainEvent) -> Period:
    return Period(closed=isinstance(event, PeriodClosed))


def _alone(_: Any, __: Period) -> Sequence[DomainEvent]:
    raise ConfigurationError("a period takes commands in decisions only, which change all its streams at once")


def _all(command: ClosePeriod | ReopenPeriod, _: States) -> Participants:
    return shards_of(command.period).all("period")


def _close(command: ClosePeriod, states: States) -> Decided:
    event = PeriodClosed(**dict(command))
    return {role: [event] for role, period in states.items() if not period.closed}


def _reopen(command: ReopenPeriod, states: States) -> Decided:
    event = PeriodReopened(**dict(command))
    return {role: [event] for role, period in states.items() if period.closed}


PERIOD: Final[Decider[Period, Any]] = Decider("period", Period, _alone, _evolve, Period)
CLOSE_PERIOD: Final = Decision(ClosePeriod, _all, _close)
REOPEN_PERIOD: Final = Decision(ReopenPeriod, _all, _reopen)
