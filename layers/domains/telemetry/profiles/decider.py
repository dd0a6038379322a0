"""The state of a device, and what is decided on it alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar

from pydantic import Field, FiniteFloat

from banyan import CamelModel, Decider, DomainEvent
from telemetry.names import PROFILE, DeviceId, Month, micros, month_of
from telemetry.profiles.events import (
    AlarmCleared,
    AlarmConfirmed,
    AlarmNoted,
    AlarmRaised,
    DeviceHeard,
    DeviceRegistered,
    DeviceSilent,
    Groups,
    GroupsChanged,
    Limit,
    Limits,
    LimitsChanged,
    MonthBegun,
    Timing,
    TimingChanged,
    Unit,
)
from telemetry.rejections import Code, conflict, no_device
from telemetry.series.events import LimitKind

CLOCKS_APART: Final = timedelta(days=1)
"""A reading that is further ahead of when it was recorded, or a month that begins so, is one of a wrong clock."""


class DeviceStatus(StrEnum):
    """Whether a device is heard; ``new`` until its first readings came."""

    NEW = "new"
    ACTIVE = "active"
    SILENT = "silent"


class Alarm(CamelModel):
    """How the alarm of a limit stands since a reading, and the time of the newest one that showed it so."""

    on: bool
    at: datetime
    shown_at: datetime
    value: FiniteFloat
    threshold: FiniteFloat


class Profile(CamelModel):
    """The state of a device; ``status`` is ``None`` until it is registered.

    Parameters
    ----------
    months : tuple[str, ...]
        Those with readings, ascending: each has a stream.
    watched : str
        The month whose stream shows whether the device is silent; empty at first.
    silences : int
        How often it was silent.
    alarms : Mapping[LimitKind, Alarm]
        Of each limit that readings have shown anything of, as far as the profile has heard.
    """

    device_id: str = ""
    unit: str = ""
    timing: Timing = Timing.model_construct(
        interval_seconds=60, silent_after_seconds=180, watch_seconds=900, allowed_lateness_seconds=0
    )
    limits: Limits = Limits()
    groups: tuple[str, ...] = ()
    status: DeviceStatus | None = None
    months: tuple[str, ...] = ()
    watched: str = ""
    silences: int = 0
    alarms: Mapping[LimitKind, Alarm] = Field(default_factory=dict)

    def limit(self, kind: LimitKind) -> Limit | None:
        """The limit of a kind, if the device has one."""
        return self.limits.high if kind is LimitKind.HIGH else self.limits.low


class RegisterDevice(CamelModel):
    """Let a device exist."""

    device_id: DeviceId
    unit: Unit
    timing: Timing
    limits: Limits
    groups: Groups


class ChangeTiming(CamelModel):
    """Expect a device otherwise."""

    timing: Timing


class ChangeLimits(CamelModel):
    """Judge the readings of a device by other limits."""

    limits: Limits


class ChangeGroups(CamelModel):
    """Count a device among other groups."""

    groups: Groups


class HearDevice(CamelModel):
    """Know that a month has begun, or that the device sends again.

    Parameters
    ----------
    recorded_at : datetime
        When its readings were recorded, UTC.
    """

    month: Month
    recorded_at: datetime


class NoteAlarm(CamelModel):
    """Know how a reading shows an alarm: beyond the limit (``on``), or back from it.

    Parameters
    ----------
    at : datetime
        When the reading counts.
    """

    limit: LimitKind
    on: bool
    threshold: FiniteFloat
    at: datetime
    value: FiniteFloat


class CheckSilence(CamelModel):
    """Look whether readings continue; it was due some time after a month's stream stood like this.

    Parameters
    ----------
    stretch : int
        Start of the stretch in which the newest reading was.
    count : int
        How many readings the month had.
    again : bool
        Whether readings had come at the look before, and in the same stretch: then the device's clock is wrong, and the
        looks that it takes are spread.
    """

    device_id: str
    month: Month
    stretch: int
    count: int
    again: bool = False


P = TypeVar("P", bound=Profile)


def evolve(profile: P, event: DomainEvent) -> P:
    """State after one more event; works for every model that extends ``Profile``."""
    return profile.model_copy(update=dict(_changes(profile, event)))


def _changes(profile: Profile, event: DomainEvent) -> Mapping[str, Any]:
    match event:
        case DeviceRegistered():
            return {**dict(event), "status": DeviceStatus.NEW}
        case TimingChanged() | GroupsChanged():
            return dict(event)
        case LimitsChanged(limits=limits):
            return {"limits": limits, "alarms": _of_limits(profile.alarms, limits)}
        case MonthBegun(month=month, watched=watched):
            months = tuple(sorted({*profile.months, month}))
            return {"months": months, "watched": month if watched else profile.watched}
        case DeviceHeard(month=month):
            return {"status": DeviceStatus.ACTIVE, "watched": month}
        case DeviceSilent():
            return {"status": DeviceStatus.SILENT, "silences": profile.silences + 1}
        case AlarmRaised() | AlarmCleared() | AlarmConfirmed():
            return {"alarms": {**profile.alarms, event.limit: _alarm(event, profile.alarms.get(event.limit))}}
    return {}


def _alarm(event: AlarmRaised | AlarmCleared | AlarmConfirmed, known: Alarm | None) -> Alarm:
    if known and isinstance(event, AlarmConfirmed):
        return known.model_copy(update={"shown_at": event.at})
    on = event.on if isinstance(event, AlarmConfirmed) else isinstance(event, AlarmRaised)
    return Alarm(on=on, at=event.at, shown_at=event.at, value=event.value, threshold=event.threshold)


def _of_limits(alarms: Mapping[LimitKind, Alarm], limits: Limits) -> Mapping[LimitKind, Alarm]:
    """The alarms, those without a limit off."""
    return {
        kind: alarm if getattr(limits, kind.value) else alarm.model_copy(update={"on": False})
        for kind, alarm in alarms.items()
    }


ProfileCommand = RegisterDevice | ChangeTiming | ChangeLimits | ChangeGroups | HearDevice | NoteAlarm


def decide(command: ProfileCommand, profile: Profile) -> Sequence[DomainEvent]:
    """Events that follow from a command; none when the device stands like that already.

    Raises
    ------
    NotFound, Conflict
        With a code of ``telemetry.rejections.Code``.
    """
    if isinstance(command, RegisterDevice):
        return _registered(command, profile)
    if profile.status is None:
        raise no_device()
    match command:
        case ChangeTiming(timing=timing):
            return [TimingChanged(timing=timing)] if timing != profile.timing else []
        case ChangeLimits(limits=limits):
            return [LimitsChanged(limits=limits)] if limits != profile.limits else []
        case ChangeGroups(groups=groups):
            return [GroupsChanged(groups=groups)] if groups != profile.groups else []
        case HearDevice():
            return _heard(command, profile)
        case NoteAlarm():
            return _noted(command, profile)


def _registered(command: RegisterDevice, profile: Profile) -> Sequence[DomainEvent]:
    if profile.status is None:
        return [DeviceRegistered(**dict(command))]
    if any(getattr(profile, name) != value for name, value in command):
        raise conflict(
            Code.DEVICE_EXISTS, "there is a device with this id and other content: change it, or use another id"
        )
    return []


def _heard(command: HearDevice, profile: Profile) -> Sequence[DomainEvent]:
    heard = [DeviceHeard(month=command.month)] if profile.status is not DeviceStatus.ACTIVE else []
    if command.month in profile.months:
        return heard
    present = month_of(micros(command.recorded_at + CLOCKS_APART))
    watched = command.month <= present and not command.month <= profile.watched <= present
    return [MonthBegun(month=command.month, watched=watched), *heard]


def _noted(command: NoteAlarm, profile: Profile) -> Sequence[DomainEvent]:
    known = profile.alarms.get(command.limit)
    if profile.limit(command.limit) is None or (known and known.shown_at == command.at):
        return []
    if known and known.shown_at > command.at:
        return [AlarmNoted(**dict(command))]
    if command.on == (known is not None and known.on):
        return [AlarmConfirmed(**dict(command))]
    return [(AlarmRaised if command.on else AlarmCleared)(**command.model_dump(exclude={"on"}))]


PROFILE_DECIDER: Final[Decider[Profile, ProfileCommand]] = Decider(
    PROFILE, Profile, decide, evolve, Profile, deferred=(CheckSilence,)
)
