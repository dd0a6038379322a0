"""What can happen in a month of a device's readings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import accumulate
from typing import Final, NamedTuple

from pydantic import FiniteFloat

from banyan import DomainEvent


class Reading(NamedTuple):
    """One reading.

    Parameters
    ----------
    sequence : int
        What identifies it within its month: a number that its device gave, or one that is made from its time.
    at : int
        Microseconds since 1970, UTC.
    value : float
        Finite.
    late : bool
        Whether it came later than the device is allowed to be, by the readings that were there before.
    """

    sequence: int
    at: int
    value: float
    late: bool = False


class LimitKind(StrEnum):
    """A limit is crossed upwards or downwards."""

    HIGH = "high"
    LOW = "low"


class ReadingsRecorded(DomainEvent):
    """Readings, in the order in which they arrived, as columns.

    Parameters
    ----------
    sequences, times : tuple[int, ...]
        The first one in full, then what each differs from the one before; times in microseconds since 1970, UTC.
    late : tuple[int, ...]
        Indices of those that came later than allowed: they are listed and counted, and part of no window.
    """

    sequences: tuple[int, ...]
    times: tuple[int, ...]
    values: tuple[FiniteFloat, ...]
    late: tuple[int, ...] = ()

    @classmethod
    def of(cls, readings: Sequence[Reading]) -> ReadingsRecorded:
        """The event that gives these readings back."""
        return cls.model_construct(
            sequences=_differences(reading.sequence for reading in readings),
            times=_differences(reading.at for reading in readings),
            values=tuple(reading.value for reading in readings),
            late=tuple(index for index, reading in enumerate(readings) if reading.late),
        )

    def readings(self) -> Iterator[Reading]:
        """The readings as they arrived."""
        late = frozenset(self.late)
        columns = zip(accumulate(self.sequences), accumulate(self.times), self.values, strict=True)
        return (Reading(sequence, at, value, index in late) for index, (sequence, at, value) in enumerate(columns))

    def late_ones(self) -> list[Reading]:
        """Those that came later than allowed."""
        return [reading for reading in self.readings() if reading.late] if self.late else []


def _differences(numbers: Iterable[int]) -> tuple[int, ...]:
    found: list[int] = []
    before = 0
    for number in numbers:
        found.append(number - before)
        before = number
    return tuple(found)


class ThresholdCrossed(DomainEvent):
    """A reading went beyond a limit: an alarm is on from here.

    Parameters
    ----------
    threshold : float
        What was crossed.
    sequence, at, value
        The reading.
    """

    limit: LimitKind
    threshold: FiniteFloat
    sequence: int
    at: datetime
    value: FiniteFloat


class ThresholdCleared(DomainEvent):
    """A reading came back from beyond a limit, by its hysteresis: the alarm is off from here.

    Parameters
    ----------
    threshold : float
        What was come back from.
    sequence, at, value
        The reading.
    """

    limit: LimitKind
    threshold: FiniteFloat
    sequence: int
    at: datetime
    value: FiniteFloat


class AlarmContinued(DomainEvent):
    """The first reading of a month that shows how an alarm stands: as it was believed to.

    Parameters
    ----------
    threshold : float
        What the reading is beyond.
    sequence, at, value
        The reading.
    """

    limit: LimitKind
    on: bool
    threshold: FiniteFloat
    sequence: int
    at: datetime
    value: FiniteFloat


AlarmEvent = ThresholdCrossed | ThresholdCleared | AlarmContinued


class SeriesWatched(DomainEvent):
    """Readings continue: the next look, whether they still do, is due some time after this was recorded.

    It comes with the first readings of a month, of each stretch of the device's ``watch_seconds``, and of a device that
    was silent: so a device that sends all the time costs one look for each stretch, however often it sends.

    Parameters
    ----------
    stretch : int
        Number of the stretch, by the newest reading.
    count : int
        How many readings the month has, these included.
    heard : bool
        Whether the device's profile is to know: a month begins, or a silence ends.
    silence : int
        How many silences of the device were known.
    check_after_seconds : int
        When to look.
    """

    stretch: int
    count: int
    heard: bool
    silence: int
    check_after_seconds: int


EVENTS: Final = (ReadingsRecorded, ThresholdCrossed, ThresholdCleared, AlarmContinued, SeriesWatched)
