"""Alarms: which limits the newest readings cross, and from which ones they come back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from telemetry.names import micros, moment_of
from telemetry.profiles.decider import Profile
from telemetry.profiles.events import Limit
from telemetry.series.events import AlarmContinued, AlarmEvent, LimitKind, Reading, ThresholdCleared, ThresholdCrossed


class Crossing(NamedTuple):
    """Whether an alarm is on since a reading, and of which time that is, in microseconds since 1970."""

    on: bool
    at: int


Crossings = Mapping[LimitKind, Crossing]


def judged(readings: Sequence[Reading], newest: int, own: Crossings, profile: Profile) -> Iterator[AlarmEvent]:
    """The alarms that are raised and cleared, each reading judged that is newer than all before it.

    The status of an alarm is that of its last crossing, by the time of the reading: one of this month, or one that the
    profile knows, such as of the month before. The profile may be a minute old and not know it yet. So the first
    reading of a month that shows how an alarm stands is recorded also where it stands as it was believed to: then the
    profile and the month agree from there on.

    Parameters
    ----------
    newest : int
        Time of the newest reading so far.
    own : Mapping[LimitKind, Crossing]
        The last crossing of each limit in this month.
    """
    limits = [(kind, limit) for kind in LimitKind if (limit := profile.limit(kind))]
    known = {kind: Crossing(alarm.on, micros(alarm.shown_at)) for kind, alarm in profile.alarms.items()}
    last = dict(own)
    for reading in readings if limits else ():
        if reading.at <= newest:
            continue
        newest = reading.at
        for kind, limit in limits:
            event = _judged(kind, limit, reading, last.get(kind), known.get(kind))
            if event:
                last[kind] = crossing_of(event)
                yield event


def crossing_of(event: AlarmEvent) -> Crossing:
    """How an alarm stands after an event."""
    on = event.on if isinstance(event, AlarmContinued) else isinstance(event, ThresholdCrossed)
    return Crossing(on, micros(event.at))


def _judged(
    kind: LimitKind, limit: Limit, reading: Reading, own: Crossing | None, known: Crossing | None
) -> AlarmEvent | None:
    shown = _shown(kind, limit, reading.value)
    if shown is None:
        return None
    said = {"limit": kind, "sequence": reading.sequence, "at": moment_of(reading.at), "value": reading.value}
    threshold = limit.raise_at if shown else limit.clear_at
    if shown != _is_on(own, known, reading.at):
        return (ThresholdCrossed if shown else ThresholdCleared)(threshold=threshold, **said)
    return AlarmContinued(on=shown, threshold=threshold, **said) if own is None else None


def _shown(kind: LimitKind, limit: Limit, value: float) -> bool | None:
    """Whether a value raises or clears an alarm; ``None`` between the two."""
    sign = 1 if kind is LimitKind.HIGH else -1
    if sign * value > sign * limit.raise_at:
        return True
    return False if sign * value < sign * limit.clear_at else None


def _is_on(own: Crossing | None, known: Crossing | None, at: int) -> bool:
    if known and known.at < at and (own is None or known.at >= own.at):
        return known.on
    return own is not None and own.on
