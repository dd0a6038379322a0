"""The state of a month of readings, and what is decided when readings arrive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from pydantic import Field

from banyan import CamelModel, Decider, DomainEvent
from telemetry.names import SERIES, month_of
from telemetry.profiles.decider import DeviceStatus, Profile
from telemetry.rejections import Code, conflict, not_registered
from telemetry.series.alarms import Crossing, crossing_of, judged
from telemetry.series.events import (
    AlarmContinued,
    LimitKind,
    Reading,
    ReadingsRecorded,
    SeriesWatched,
    ThresholdCleared,
    ThresholdCrossed,
)
from telemetry.series.sequences import NONE_SEEN, Sequences

MOST_RUNS: Final = 20_000
"""Of sequence numbers that were seen; the state of a month stays below a megabyte."""

MOST_OF_AN_EVENT: Final = 10_000
"""Readings: as many as a record has. A commit may take several items of the table, an event has to fit into one."""

SECOND: Final = 1_000_000
BEFORE_ALL: Final = -1


class Series(CamelModel):
    """The state of a month of a device's readings.

    Parameters
    ----------
    seen : Sequences
        The sequence numbers of its readings.
    count, late : int
        How many readings there are, and how many of them came later than allowed.
    newest : int
        Time of the newest one, in microseconds since 1970.
    stretch, silence : int
        As the last ``SeriesWatched`` says.
    crossings : Mapping[LimitKind, Crossing]
        How the alarm of each limit was shown last in this month.
    """

    seen: Sequences = NONE_SEEN
    count: int = 0
    late: int = 0
    newest: int = BEFORE_ALL
    stretch: int = BEFORE_ALL
    silence: int = 0
    crossings: Mapping[LimitKind, Crossing] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordReadings:
    """Record what is new among readings of one month, in order of arrival."""

    readings: Sequence[Reading]
    profile: Profile


def evolve(series: Series, event: DomainEvent) -> Series:
    """State after one more event."""
    match event:
        case ReadingsRecorded():
            return series.model_copy(update=_with(series, event))
        case SeriesWatched(stretch=stretch, silence=silence):
            return series.model_copy(update={"stretch": stretch, "silence": silence})
        case ThresholdCrossed() | ThresholdCleared() | AlarmContinued():
            return series.model_copy(update={"crossings": {**series.crossings, event.limit: crossing_of(event)}})
    return series


def _with(series: Series, event: ReadingsRecorded) -> dict[str, Any]:
    return {
        "seen": series.seen.including(accumulate(event.sequences)),
        "count": series.count + len(event.values),
        "late": series.late + len(event.late),
        "newest": max(series.newest, *accumulate(event.times)),
    }


def decide(command: RecordReadings, series: Series) -> Sequence[DomainEvent]:
    """The readings that were not seen before, and what follows from them; nothing when all were.

    Raises
    ------
    NotFound
        The device is not registered.
    Conflict
        A device's numbers began again, or the month has more gaps than can be kept apart.
    """
    if command.profile.status is None:
        raise not_registered()
    new = _new(command, series)
    if not new:
        return []
    _check_gaps(new, series)
    alarms = judged(new, series.newest, series.crossings, command.profile)
    return [*_recorded(new), *alarms, *_watched(new, series, command.profile)]


def _recorded(new: Sequence[Reading]) -> Iterator[ReadingsRecorded]:
    for first in range(0, len(new), MOST_OF_AN_EVENT):
        yield ReadingsRecorded.of(new[first : first + MOST_OF_AN_EVENT])


def _new(command: RecordReadings, series: Series) -> Sequence[Reading]:
    allowed = command.profile.timing.allowed_lateness_seconds * SECOND
    newest = series.newest
    new: dict[int, Reading] = {}
    for sequence, at, value, _ in command.readings:
        if sequence in new or sequence in series.seen:
            _check_repeated(sequence, at, newest)
            continue
        new[sequence] = Reading(sequence, at, value, at < newest - allowed)
        newest = max(newest, at)
    return list(new.values())


def _check_repeated(sequence: int, at: int, newest: int) -> None:
    """Refuse what cannot be a repeat: a reading newer than all that were seen has a number that was."""
    if at > newest:
        raise conflict(
            Code.SEQUENCE_REUSED,
            f"sequence {sequence} came before with an earlier time: a device whose numbers begin again "
            f"within a month sends its readings without them",
        )


def _check_gaps(new: Sequence[Reading], series: Series) -> None:
    most = series.seen.runs + 2 * len(new)
    if most > MOST_RUNS and series.seen.including(reading.sequence for reading in new).runs > MOST_RUNS:
        raise conflict(
            Code.TOO_MANY_GAPS,
            f"the sequence numbers of this month would have more than {MOST_RUNS} gaps: "
            f"send readings with numbers that follow one another",
        )


def _watched(new: Sequence[Reading], series: Series, profile: Profile) -> Sequence[DomainEvent]:
    newest = max(series.newest, *(reading.at for reading in new))
    stretch = newest - newest % (profile.timing.watch_seconds * SECOND)
    back = profile.status is DeviceStatus.SILENT and series.silence < profile.silences
    heard = series.count == 0 or back
    lively = stretch > series.stretch and month_of(newest) >= profile.watched
    if not (heard or lively):
        return []
    return [
        SeriesWatched(
            stretch=stretch,
            count=series.count + len(new),
            heard=heard,
            silence=profile.silences,
            check_after_seconds=profile.timing.watch_seconds + profile.timing.silent_after_seconds,
        )
    ]


SERIES_DECIDER: Final[Decider[Series, RecordReadings]] = Decider(SERIES, Series, decide, evolve, Series)
