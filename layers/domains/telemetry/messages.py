"""What requests and answers of the API look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, FiniteFloat, WithJsonSchema

from banyan import CamelModel
from telemetry.names import DeviceId
from telemetry.profiles.decider import Alarm, DeviceStatus, Profile
from telemetry.profiles.events import Groups, Limits, Seconds, Unit
from telemetry.series.events import LimitKind
from telemetry.series.records import MOST_OF_A_REQUEST

Lateness = Annotated[int, Field(strict=True, ge=0, le=31 * 24 * 3600)]
PerDevice = Annotated[int, Field(strict=True, ge=60, le=366 * 24 * 3600)]
GroupsOnce = Annotated[Groups, AfterValidator(lambda groups: tuple(dict.fromkeys(groups)))]


class NewTiming(CamelModel):
    """How often a device is expected; what is left out follows from the settings.

    Parameters
    ----------
    silent_after_seconds : int, optional
        By default a number of intervals.
    allowed_lateness_seconds : int, optional
        How much older than the newest reading of its month a reading may be.
    """

    interval_seconds: Seconds
    silent_after_seconds: PerDevice | None = None
    allowed_lateness_seconds: Lateness | None = None


class NewDevice(NewTiming):
    """Body of ``POST /devices``; without ``deviceId`` it gets one."""

    device_id: DeviceId | None = None
    unit: Unit
    limits: Limits = Limits()
    groups: GroupsOnce = ()


class NewGroups(CamelModel):
    """Body of ``POST /devices/{id}/groups``: all groups that the device is to belong to."""

    groups: GroupsOnce


class NewReading(CamelModel):
    """A reading.

    Parameters
    ----------
    at : str or int
        ISO 8601 (without a zone it is UTC), or milliseconds since 1970.
    sequence : int, optional
        What identifies it within its month. Without one, its time does.
    """

    at: str | int | float
    value: FiniteFloat
    sequence: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = None


_READINGS: Mapping[str, Any] = {
    "type": "array",
    "items": {**NewReading.model_json_schema(by_alias=True)},
    "minItems": 1,
    "maxItems": MOST_OF_A_REQUEST,
}


class NewReadings(CamelModel):
    """Body of ``POST /devices/{id}/readings``. One that cannot be read is named, and nothing is recorded."""

    readings: Annotated[Any, WithJsonSchema(dict(_READINGS))]


class SeriesAnswer(CamelModel):
    """What became of the readings of one month.

    Parameters
    ----------
    version : int
        Of the month's stream, for ``minVersion``.
    recorded : int
        How many were new.
    repeated : int
        How many had been recorded before.
    late : int
        How many of the new ones came later than allowed: they are listed and counted, and in no window.
    """

    month: str
    version: int
    recorded: int
    repeated: int
    late: int


class RefusedSeries(CamelModel):
    """Why no reading of one month was recorded, while those of others were.

    Parameters
    ----------
    readings : int
        How many there were: all that the request has of the month.
    """

    month: str
    readings: int
    code: str
    detail: str


class ReadingsAnswer(CamelModel):
    """What became of readings: in all, and by the month that they are of.

    Parameters
    ----------
    version : int
        Of the stream of the first reading's month, as in the header ``ETag``; 0 where that month was refused.
    """

    device_id: str
    version: int
    recorded: int
    repeated: int
    late: int
    series: tuple[SeriesAnswer, ...]
    refused: tuple[RefusedSeries, ...] = ()


class DeviceState(CamelModel):
    """A device.

    Parameters
    ----------
    months : tuple[str, ...]
        Those that it has readings of.
    alarms : dict[LimitKind, Alarm]
        Of each limit that readings have shown anything of: whether it is on, and since which reading.
    """

    device_id: str
    unit: str
    interval_seconds: int
    silent_after_seconds: int
    watch_seconds: int
    allowed_lateness_seconds: int
    limits: Limits
    groups: tuple[str, ...]
    status: DeviceStatus
    months: tuple[str, ...]
    alarms: dict[LimitKind, Alarm]


class DeviceCommandAnswer(DeviceState):
    """A device after a command."""

    version: int


def device_state(profile: Profile) -> dict[str, object]:
    """Members of an answer about a device."""
    names = DeviceState.model_fields.keys() & Profile.model_fields.keys()
    return {**{name: getattr(profile, name) for name in names}, **dict(profile.timing)}
