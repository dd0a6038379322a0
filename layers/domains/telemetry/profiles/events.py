"""What can happen to a device, apart from its readings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Self

from pydantic import Field, FiniteFloat, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from banyan import CamelModel, DomainEvent
from banyan.text import Composed, Readable
from telemetry.names import DeviceId, GroupId, Month
from telemetry.series.events import LimitKind

Unit = Annotated[str, StringConstraints(strip_whitespace=True, max_length=40), Composed, Readable]
Seconds = Annotated[int, Field(strict=True, ge=1, le=366 * 24 * 3600)]
Groups = Annotated[tuple[GroupId, ...], Field(max_length=20)]


Threshold = Annotated[FiniteFloat, Field(strict=True)]


class Limit(CamelModel):
    """A limit with hysteresis. A value equal to one of its two thresholds changes nothing.

    Parameters
    ----------
    raise_at : float
        Beyond it, the alarm is raised.
    clear_at : float
        Back beyond it, the alarm is cleared.
    """

    raise_at: Threshold = Field(alias="raise")
    clear_at: Threshold = Field(alias="clear")


class Limits(CamelModel):
    """The limits of a device, each optional."""

    high: Limit | None = None
    low: Limit | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        high, low = self.high, self.low
        if high and high.clear_at > high.raise_at:
            raise PydanticCustomError("limits", "a high limit clears at or below the value that raises it")
        if low and low.clear_at < low.raise_at:
            raise PydanticCustomError("limits", "a low limit clears at or above the value that raises it")
        if high and low and low.raise_at >= high.raise_at:
            raise PydanticCustomError("limits", "the low limit is raised below the high one")
        return self


class Timing(CamelModel):
    """How often a device is expected, and how patient to be with it.

    Parameters
    ----------
    silent_after_seconds : int
        Without any reading for so long, the device is silent.
    watch_seconds : int
        A device that sends is looked at once in this time.
    allowed_lateness_seconds : int
        A reading that is older than the newest one of its month by more is late.
    """

    interval_seconds: Seconds
    silent_after_seconds: Seconds
    watch_seconds: Seconds
    allowed_lateness_seconds: Annotated[int, Field(ge=0)]


class DeviceRegistered(DomainEvent):
    """A device exists from now on, and its readings are recorded."""

    device_id: DeviceId
    unit: Unit
    timing: Timing
    limits: Limits
    groups: Groups


class TimingChanged(DomainEvent):
    """The device is expected otherwise from now on."""

    timing: Timing


class LimitsChanged(DomainEvent):
    """Readings are judged by these limits from now on; the alarm of a limit that is gone is off."""

    limits: Limits


class GroupsChanged(DomainEvent):
    """The device belongs to these groups from now on."""

    groups: Groups


class MonthBegun(DomainEvent):
    """There are readings of a month, in a stream of their own.

    Parameters
    ----------
    watched : bool
        Whether it is this month's stream from now on that shows whether the device is silent: it is the latest one.
    """

    month: Month
    watched: bool


class DeviceHeard(DomainEvent):
    """The device sends: for the first time, or after a silence. This month is watched from now on."""

    month: Month


class DeviceSilent(DomainEvent):
    """Nothing has come from the device for as long as it may be silent."""

    month: Month


class SilenceDeferred(DomainEvent):
    """Readings had come since the last look: another one is due after the time that the device may be silent.

    Parameters
    ----------
    stretch, count : int
        Where the month stood at this look.
    """

    month: Month
    stretch: int
    count: int
    check_after_seconds: int


class AlarmRaised(DomainEvent):
    """An alarm of the device is on, whatever month it is from."""

    limit: LimitKind
    threshold: FiniteFloat
    at: datetime
    value: FiniteFloat


class AlarmCleared(DomainEvent):
    """An alarm of the device is off."""

    limit: LimitKind
    threshold: FiniteFloat
    at: datetime
    value: FiniteFloat


class AlarmConfirmed(DomainEvent):
    """A later reading shows an alarm as it was; what older readings show counts no longer."""

    limit: LimitKind
    on: bool
    threshold: FiniteFloat
    at: datetime
    value: FiniteFloat


class AlarmNoted(DomainEvent):
    """A reading older than the newest that showed an alarm: it is part of the past, and changes nothing of today."""

    limit: LimitKind
    on: bool
    threshold: FiniteFloat
    at: datetime
    value: FiniteFloat


EVENTS: Final = (
    DeviceRegistered,
    TimingChanged,
    LimitsChanged,
    GroupsChanged,
    MonthBegun,
    DeviceHeard,
    DeviceSilent,
    SilenceDeferred,
    AlarmRaised,
    AlarmCleared,
    AlarmConfirmed,
    AlarmNoted,
)
