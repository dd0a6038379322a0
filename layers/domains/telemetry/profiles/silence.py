"""What a profile hears of its device's readings: that they come, that they no longer do, and which alarms are on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from banyan import Event, Policy, Schedule, Send
from banyan.decision import Decided, Decision, Participant, Participants, States
from telemetry.names import PROFILE, SERIES, series_id, split_series
from telemetry.profiles.decider import (
    CLOCKS_APART,
    PROFILE_DECIDER,
    CheckSilence,
    DeviceStatus,
    HearDevice,
    NoteAlarm,
    Profile,
)
from telemetry.profiles.events import DeviceSilent, SilenceDeferred
from telemetry.series.alarms import crossing_of
from telemetry.series.decider import SERIES_DECIDER, Series
from telemetry.series.events import AlarmContinued, SeriesWatched, ThresholdCleared, ThresholdCrossed

DEADLINE: Final = "silence"


def _participants(command: CheckSilence, states: States) -> Participants:
    found = {"profile": Participant(PROFILE_DECIDER, command.device_id)}
    if "profile" in states and _is_watched(command, states["profile"]):
        found["series"] = Participant(SERIES_DECIDER, series_id(command.device_id, command.month))
    return found


def _is_watched(command: CheckSilence, profile: Profile) -> bool:
    return profile.status is DeviceStatus.ACTIVE and profile.watched == command.month


def _check(command: CheckSilence, states: States) -> Decided:
    """Nothing where another look is due anyway: another month is watched, or a later stretch has begun."""
    profile: Profile = states["profile"]
    series: Series | None = states.get("series")
    if series is None or series.stretch > command.stretch:
        return {}
    if series.count == command.count:
        return {"profile": [DeviceSilent(month=command.month)]}
    again = SilenceDeferred(
        month=command.month,
        stretch=series.stretch,
        count=series.count,
        check_after_seconds=profile.timing.watch_seconds if command.again else profile.timing.silent_after_seconds,
    )
    return {"profile": [again]}


CHECK_SILENCE: Final = Decision(CheckSilence, _participants, _check)

History = Callable[[], Sequence[Event]]


def _follow(event: Event, history: History) -> Sequence[Send | Schedule]:  # noqa: ARG001
    device_id, month = split_series(event.stream_id.id)
    match event.payload:
        case SeriesWatched() as seen:
            heard = HearDevice(month=month, recorded_at=event.timestamp)
            sent = [Send(PROFILE, device_id, heard, "heard")] if seen.heard else []
            return [*sent, _look(device_id, month, seen)]
        case ThresholdCrossed() | ThresholdCleared() | AlarmContinued() as shown:
            noted = shown.model_dump(exclude={"sequence", "on", "at"})
            noted["at"] = _counted(shown.at, event)
            return [Send(PROFILE, device_id, NoteAlarm(on=crossing_of(shown).on, **noted), "alarm")]
    return ()


def _counted(at: datetime, event: Event) -> datetime:
    """When a reading counts for alarms: one of a clock that is far ahead would have the last word until then.

    Events of a commit were recorded at one time: their versions keep them apart, in their order.
    """
    if at <= event.timestamp + CLOCKS_APART:
        return at
    return event.timestamp + timedelta(microseconds=event.version)


def _look_again(event: Event, history: History) -> Sequence[Schedule]:  # noqa: ARG001
    deferred = event.payload
    if not isinstance(deferred, SilenceDeferred):
        return ()
    return [_look(event.stream_id.id, deferred.month, deferred, again=True)]


def _look(device_id: str, month: str, seen: SeriesWatched | SilenceDeferred, *, again: bool = False) -> Schedule:
    command = CheckSilence(device_id=device_id, month=month, stretch=seen.stretch, count=seen.count, again=again)
    return Schedule(DEADLINE, PROFILE, device_id, command, timedelta(seconds=seen.check_after_seconds))


FOLLOW_SERIES: Final = Policy("follow_series", SERIES, _follow, sends_to=[PROFILE], schedules=[CheckSilence])
LOOK_AGAIN: Final = Policy("look_again", PROFILE, _look_again, schedules=[CheckSilence])
