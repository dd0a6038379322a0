"""What can happen to a period."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from banyan import DomainEvent

PeriodId = Annotated[
    str, StringConstraints(pattern=r"^(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})-(0[1-9]|1[0-2])$")
]


class PeriodClosed(DomainEvent):
    """The period takes nothing any more."""

    period: PeriodId
    reason: str = ""


class PeriodReopened(DomainEvent):
    """The period takes postings again."""

    period: PeriodId
    reason: str


EVENTS = (PeriodClosed, PeriodReopened)
