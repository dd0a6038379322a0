"""Alarms of all devices, those that are on and those that were.

An alarm has a row ``<limit>#<when it was raised>`` of its device.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from pydantic import Field, FiniteFloat

from banyan import CamelModel, Event, Lookup
from banyan.projections.base import RowsProjection
from telemetry.names import PROFILE
from telemetry.profiles.events import AlarmCleared, AlarmRaised, DeviceRegistered, LimitsChanged
from telemetry.series.events import LimitKind

ALL: Final = "all"


class AlarmStatus(StrEnum):
    """Whether an alarm is on."""

    OPEN = "open"
    PAST = "past"


class AlarmRow(CamelModel):
    """An alarm.

    Parameters
    ----------
    threshold : float
        What the reading went beyond that raised it.
    raised_at, cleared_at : datetime
        Times of the readings that raised and cleared it; when its limit was removed, if it ended by that.
    value, cleared_value : float
        Of these readings.
    """

    device_id: str
    limit: LimitKind
    status: AlarmStatus
    threshold: FiniteFloat
    raised_at: datetime
    value: FiniteFloat
    cleared_at: datetime | None = None
    cleared_value: FiniteFloat | None = None


class DeviceAlarms(CamelModel):
    """What is carried from event to event: the alarms that are on, and the sorts of their rows."""

    device_id: str = ""
    open: Mapping[LimitKind, str] = Field(default_factory=dict)


def moment_key(moment: datetime) -> str:
    """A moment as a part of a sort."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _keys(alarms: DeviceAlarms, event: Event) -> Iterable[str]:
    return [alarms.open[limit] for limit in _ended(alarms, event)]


def _ended(alarms: DeviceAlarms, event: Event) -> Iterable[LimitKind]:
    """The alarms that are on and end with an event."""
    match event.payload:
        case AlarmCleared(limit=limit):
            return [limit] if limit in alarms.open else []
        case LimitsChanged(limits=limits):
            return [limit for limit in alarms.open if getattr(limits, limit.value) is None]
    return []


def _apply(
    alarms: DeviceAlarms, rows: Mapping[str, AlarmRow], event: Event
) -> tuple[DeviceAlarms, Mapping[str, AlarmRow]]:
    match event.payload:
        case DeviceRegistered(device_id=device_id):
            return alarms.model_copy(update={"device_id": device_id}), {}
        case AlarmRaised() as raised:
            return _raised(alarms, raised)
    ended = {alarms.open[limit]: limit for limit in _ended(alarms, event)}
    left = {limit: sort for limit, sort in alarms.open.items() if sort not in ended}
    return alarms.model_copy(update={"open": left}), {sort: _cleared(rows[sort], event) for sort in ended}


def _raised(alarms: DeviceAlarms, raised: AlarmRaised) -> tuple[DeviceAlarms, Mapping[str, AlarmRow]]:
    sort = f"{raised.limit}#{moment_key(raised.at)}"
    row = AlarmRow(
        device_id=alarms.device_id,
        limit=raised.limit,
        status=AlarmStatus.OPEN,
        threshold=raised.threshold,
        raised_at=raised.at,
        value=raised.value,
    )
    return alarms.model_copy(update={"open": {**alarms.open, raised.limit: sort}}), {sort: row}


def _cleared(row: AlarmRow, event: Event) -> AlarmRow:
    reading = event.payload if isinstance(event.payload, AlarmCleared) else None
    update = {
        "status": AlarmStatus.PAST,
        "cleared_at": reading.at if reading else event.timestamp,
        "cleared_value": reading.value if reading else None,
    }
    return row.model_copy(update=update)


def _place(row: AlarmRow) -> str:
    return f"{moment_key(row.raised_at)}#{row.device_id}#{row.limit}"


ALARMS: Final = RowsProjection(
    name="alarms",
    entity=PROFILE,
    state=DeviceAlarms,
    initial=DeviceAlarms,
    row=AlarmRow,
    apply=_apply,
    keys=_keys,
    lookups=[
        Lookup("all", partition=lambda _: ALL, sort=_place),
        Lookup("status", partition=lambda alarm: alarm.status.value, sort=_place),
        Lookup("device", partition=lambda alarm: alarm.device_id, sort=_place),
    ],
)
