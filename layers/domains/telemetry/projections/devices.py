"""Devices as they stand, listed by id, by status, and by each group that they belong to.

A device has a row ``device``, and a row ``group#<group>`` for each of its groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from banyan import CamelModel, Event, Lookup
from banyan.projections.base import RowsProjection
from telemetry.names import PROFILE
from telemetry.profiles.decider import DeviceStatus, Profile, evolve

ALL: Final = "all"
DEVICE: Final = "device"


class DeviceRow(CamelModel):
    """A device in a list.

    Parameters
    ----------
    group : str
        Of the row that lists it in a group; else empty.
    alarms : tuple[str, ...]
        The limits whose alarm is on.
    months : tuple[str, ...]
        Those with readings.
    """

    device_id: str
    group: str = ""
    unit: str
    status: DeviceStatus
    interval_seconds: int
    groups: tuple[str, ...]
    alarms: tuple[str, ...]
    months: tuple[str, ...]


def group_key(group: str) -> str:
    """Sort of the row that lists a device in a group."""
    return f"group#{group}"


def _apply(
    profile: Profile,
    rows: Mapping[str, DeviceRow],  # noqa: ARG001
    event: Event,
) -> tuple[Profile, Mapping[str, DeviceRow | None]]:
    after = evolve(profile, event.payload)
    before, now = _listed(profile), _listed(after)
    changed = {sort: row for sort, row in now.items() if row != before.get(sort)}
    return after, {**changed, **dict.fromkeys(before.keys() - now.keys())}


def _listed(profile: Profile) -> Mapping[str, DeviceRow]:
    if profile.status is None:
        return {}
    row = DeviceRow(
        device_id=profile.device_id,
        unit=profile.unit,
        status=profile.status,
        interval_seconds=profile.timing.interval_seconds,
        groups=profile.groups,
        alarms=tuple(sorted(kind.value for kind, alarm in profile.alarms.items() if alarm.on)),
        months=profile.months,
    )
    groups = {group_key(group): row.model_copy(update={"group": group}) for group in profile.groups}
    return {DEVICE: row, **groups}


DEVICES: Final = RowsProjection(
    name="devices",
    entity=PROFILE,
    state=Profile,
    initial=Profile,
    row=DeviceRow,
    apply=_apply,
    lookups=[
        Lookup("all", partition=lambda row: None if row.group else ALL, sort=lambda row: row.device_id),
        Lookup("status", partition=lambda row: None if row.group else row.status.value, sort=lambda row: row.device_id),
        Lookup("group", partition=lambda row: row.group or None, sort=lambda row: row.device_id),
    ],
)
