"""Alarms: which limits the newest readings cross, and from which ones they come back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from banyan import DomainEvent
from telemetry.names import micros, moment_of
from telemetry.profiles.decider import Profile
from telemetry.profiles.events import Limit
from telemetry.series.events import LimitKind, Reading, ThresholdCleared, ThresholdCrossed


class Crossing(NamedTuple):
    """Whether an alarm went on or off, and with the reading of which time, in microseconds since 1970."""

    on: bool
    at: int


Crossings = Mapping[LimitKind, Crossing]


def judged(readings: Sequence[Reading], newest: int, own: Crossings, profile: Profile) -> Iterator[DomainEvent]:
    """The alarms that are raised and cleared, each reading judged that is newer than all before it.

    The status of an alarm is that of its last crossing, by the time of the reading: one of this month, or one that the
    profile knows, such as of the month before. The profile may be a minute old, so that for this minute an alarm may be
    taken for on or off that is not; the next reading puts that right.

    Parameters
    ----------
    newest : int
        Time of the newest reading so far.
    own : Mapping[LimitKind, Crossing]
        The last crossing of each limit in this month.
    """
    limits = [(kind, limit) for kind in LimitKind if (limit := profile.limit(kind))]
    known = {kind: Crossing(alarm.on, micros(alarm.at)) for kind, alarm in profile.alarms.items()}
    last = dict(own)
    for reading in readings if limits else ():
        if reading.at <= newest:
            continue
        newest = reading.at
        for kind, limit in limits:
            on = _is_on(last.get(kind), known.get(kind), reading.at)
            event = _crossed(kind, limit, reading, on)
            if event:
                last[kind] = Crossing(not on, reading.at)
                yield event


def _is_on(own: Crossing | None, known: Crossing | None, at: int) -> bool:
    if known and known.at < at and (own is None or known.at >= own.at):
        return known.on
    return own is not None and own.on


def _crossed(kind: LimitKind, limit: Limit, reading: Reading, on: bool) -> DomainEvent | None:
    sign = 1 if kind is LimitKind.HIGH else -1
    if not on and sign * reading.value > sign * limit.raise_at:
        return ThresholdCrossed(threshold=limit.raise_at, **_said(kind, reading))
    if on and sign * reading.value < sign * limit.clear_at:
        return ThresholdCleared(threshold=limit.clear_at, **_said(kind, reading))
    return None


def _said(kind: LimitKind, reading: Reading) -> dict[str, object]:
    return {"limit": kind, "sequence": reading.sequence, "at": moment_of(reading.at), "value": reading.value}
