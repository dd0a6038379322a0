"""What answers to queries look like; times are in UTC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from banyan import CamelModel
from banyan.answers import ListAnswer, Provenance
from telemetry.messages import DeviceState
from telemetry.names import moment_of
from telemetry.profiles.decider import DeviceStatus
from telemetry.projections.alarms import AlarmStatus
from telemetry.projections.series import Size
from telemetry.reads.gaps import Gap
from telemetry.reads.readings import LateReading
from telemetry.series.events import LimitKind
from telemetry.windows.window import Moment, Window


class ShownReading(CamelModel):
    """A reading."""

    at: datetime
    value: float
    sequence: int


class DeviceAnswer(DeviceState, Provenance):
    """A device, its newest reading, and where the answer comes from."""

    newest: ShownReading | None


class ListedDevice(CamelModel):
    """A device in a list.

    Parameters
    ----------
    alarms : tuple[str, ...]
        The limits whose alarm is on.
    """

    device_id: str
    unit: str
    status: DeviceStatus
    interval_seconds: int
    groups: tuple[str, ...]
    alarms: tuple[str, ...]


class DevicePage(ListAnswer):
    """A page of devices, and the cursor of the next one."""

    devices: tuple[ListedDevice, ...]


class ShownWindow(CamelModel):
    """A window.

    Parameters
    ----------
    sum, mean : float, optional
        The exact sum of the values, rounded once, and that divided by the count; ``null`` beyond the largest float.
    first, last : float
        Values by time, then by sequence.
    p50, p95, p99 : float
        Each within 0.5 % of the value at place ``floor(q * (count - 1))`` in order.
    """

    start: datetime
    count: int
    sum: float | None
    min: float
    max: float
    first: float
    last: float
    mean: float | None
    p50: float
    p95: float
    p99: float


class ShownGroupWindow(ShownWindow):
    """A window of a group.

    Parameters
    ----------
    devices : int
        How many devices have readings in it.
    """

    devices: int


class WindowPage(ListAnswer):
    """A page of windows, and the cursor of the next one."""

    device_id: str
    unit: str
    size: Size
    windows: tuple[ShownWindow, ...]


class GroupWindowPage(ListAnswer):
    """A page of windows of a group, and the cursor of the next one.

    Parameters
    ----------
    unit : str, optional
        That of all its devices, if they have the same one.
    units : tuple[str, ...]
        Those of its devices: figures merged of several units mean nothing but their ``count``.
    """

    group: str
    unit: str | None
    units: tuple[str, ...]
    size: Size
    windows: tuple[ShownGroupWindow, ...]


class ReadingPage(ListAnswer):
    """A page of readings, and the cursor of the next one."""

    device_id: str
    unit: str
    readings: tuple[ShownReading, ...]


class ShownLateReading(ShownReading):
    """A reading that came too late."""

    recorded_at: datetime


class LatePage(ListAnswer):
    """A page of readings that came too late, and the cursor of the next one.

    Parameters
    ----------
    count : int
        How many came too late in the months that the query touches.
    """

    device_id: str
    unit: str
    count: int
    readings: tuple[ShownLateReading, ...]


class ShownGap(CamelModel):
    """A time without a reading: the times of the readings before and after it."""

    start: datetime
    end: datetime
    seconds: float


class GapPage(ListAnswer):
    """A page of gaps, and the cursor of the next one.

    Parameters
    ----------
    longer_than_seconds : float
        How long a gap is at least.
    """

    device_id: str
    longer_than_seconds: float
    gaps: tuple[ShownGap, ...]


class ShownAlarm(CamelModel):
    """An alarm; one that is on has no time at which it was cleared."""

    device_id: str
    limit: LimitKind
    status: AlarmStatus
    threshold: float
    raised_at: datetime
    value: float
    cleared_at: datetime | None
    cleared_value: float | None


class AlarmPage(ListAnswer):
    """A page of alarms, and the cursor of the next one."""

    alarms: tuple[ShownAlarm, ...]


def shown_window(start: int, window: Window) -> dict[str, object]:
    """Members of a window in an answer."""
    p50, p95, p99 = window.quantiles()
    return {
        "start": moment_of(start),
        "count": window.count,
        "sum": window.sum,
        "min": window.low,
        "max": window.high,
        "first": window.first[2],
        "last": window.last[2],
        "mean": window.mean,
        "p50": p50,
        "p95": p95,
        "p99": p99,
    }


def shown_reading(moment: Moment) -> Mapping[str, object]:
    """Members of a reading in an answer."""
    at, sequence, value = moment
    return {"at": moment_of(at), "value": value, "sequence": sequence}


def shown_late(late: Iterable[LateReading]) -> tuple[ShownLateReading, ...]:
    """Late readings in an answer."""
    return tuple(
        ShownLateReading.model_validate({**shown_reading(each.moment), "recorded_at": each.recorded_at})
        for each in late
    )


def shown_gap(gap: Gap) -> ShownGap:
    """A gap in an answer."""
    return ShownGap(start=moment_of(gap.start), end=moment_of(gap.end), seconds=(gap.end - gap.start) / 1_000_000)
