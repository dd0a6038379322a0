"""What is asked for: a range of time, in a direction, a page of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from banyan import CommandRejected
from banyan.projections.pages import SortOrder
from telemetry.names import TIMES, micros, moment_of, month_after, month_of, month_start
from telemetry.projections.series import SIZES, Size

_MOMENT: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d(?::?[0-5]\d)?)?)?", re.ASCII | re.IGNORECASE
)
_HELP: Final = "a time is ISO 8601, such as 2026-01-05 or 2026-01-05T08:26:00Z, of the years 1970 to 2199; + is %2B"


def _micros(value: Any) -> Any:
    if isinstance(value, int):
        return value
    found = -1
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        try:
            moment = datetime.fromisoformat(value.upper())
            found = micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        except (ValueError, OverflowError):
            found = -1
    if found not in TIMES:
        raise PydanticCustomError("time", _HELP)
    return found


Time = Annotated[int, BeforeValidator(_micros), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A day or a moment as text, in UTC unless it names a zone; in microseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Span:
    """From one time until before another, in microseconds since 1970."""

    first: int = TIMES.start
    end: int = TIMES.stop

    @classmethod
    def of(cls, first: int | None, end: int | None) -> Span:
        """What a query asks for; everything by default. Raises ``CommandRejected``, ``invalid_range``."""
        span = cls(TIMES.start if first is None else first, TIMES.stop if end is None else end)
        if span.end < span.first:
            raise CommandRejected("invalid_range", "'to' must not lie before 'from'", "to")
        return span

    def __contains__(self, at: int) -> bool:
        return self.first <= at < self.end

    @property
    def empty(self) -> bool:
        """Whether it can hold nothing."""
        return self.first >= self.end

    def after(self, at: int, order: SortOrder) -> Span:
        """What is left of it after a time, in a direction."""
        return Span(max(self.first, at + 1), self.end) if order == "ascending" else Span(self.first, min(self.end, at))

    def starts(self, size: Size) -> Span:
        """From the first window that begins in it to the last one."""
        length = SIZES[size]
        return Span(-(-self.first // length) * length, (self.end - 1) // length * length)

    def widened(self, size: Size) -> Span:
        """The whole windows that it lies in."""
        length = SIZES[size]
        return Span(self.first // length * length, -(-self.end // length) * length)

    def within(self, month: str) -> Span:
        """What of it lies in a month."""
        start, end = month_start(month), month_start(month_after(month))
        return Span(max(self.first, micros(start)), min(self.end, micros(end)))

    def months(self, known: Iterable[str], now: int) -> list[str]:
        """Months in it that may have readings: those that are known, and those of its ends and of now.

        What is known of a device hears of a new month a moment after its first readings came.
        """
        first, last = month_of(self.first), month_of(max(self.first, self.end - 1))
        asked = {month_of(at) for at in (now, *self.named())}
        return sorted(month for month in {*known, *asked} if first <= month <= last)

    def named(self) -> Iterator[int]:
        """Times at its ends, those that a query gave."""
        if self.first > TIMES.start:
            yield self.first
        if self.end < TIMES.stop:
            yield self.end - 1


def asked(first: int | None, end: int | None) -> dict[str, str | None]:
    """The parameters ``from`` and ``to`` of a query, as they are sent."""
    return {"from": _text(first), "to": _text(end)}


def _text(at: int | None) -> str | None:
    return None if at is None else moment_of(at).isoformat().replace("+00:00", "Z")
