"""Names of devices and of their streams, and the months that their readings are kept by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

PROFILE: Final = "profile"
"""Entity of the streams that say what a device is: ``profile:<deviceId>``."""
SERIES: Final = "device"
"""Entity of the streams with the readings of a device in a month: ``device:<deviceId>.<yyyy-mm>``."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
TIMES: Final = range((datetime(2200, 1, 1, tzinfo=UTC) - EPOCH) // MICROSECOND)
"""Microseconds since 1970 that a reading may have: a clock that is set to another century is set wrong."""

_DAY: Final = timedelta(days=1) // MICROSECOND
_SERIES: Final = re.compile(r"(.+)\.(\d{4}-\d\d)", re.ASCII)


def ends_with_month(id: str) -> bool:
    """Whether an id could be that of a month's stream, and so not that of a device."""
    return _SERIES.fullmatch(id) is not None


def _without_month(id: str) -> str:
    if ends_with_month(id):
        raise PydanticCustomError("device_id", "the id of a device does not end with a month, such as '.2026-01'")
    return id


DEVICE_ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,255}$"
DeviceId = Annotated[str, StringConstraints(pattern=DEVICE_ID_PATTERN), AfterValidator(_without_month)]
GroupId = Annotated[str, StringConstraints(pattern=DEVICE_ID_PATTERN)]
Month = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
"""A month of UTC, ``yyyy-mm``."""


def micros(moment: datetime) -> int:
    """Microseconds since 1970 of a moment with a zone."""
    return (moment - EPOCH) // MICROSECOND


def moment_of(micros: int) -> datetime:
    """The moment, in UTC, of microseconds since 1970."""
    return EPOCH + micros * MICROSECOND


def month_of(micros: int) -> str:
    """The month of UTC that a time belongs to, ``yyyy-mm``."""
    return _month_of_day(micros // _DAY)


@lru_cache(maxsize=1024)
def _month_of_day(day: int) -> str:
    moment = moment_of(day * _DAY)
    return f"{moment.year:04}-{moment.month:02}"


def month_after(month: str) -> str:
    """The month that follows."""
    number = int(month[:4]) * 12 + int(month[5:])
    return f"{number // 12:04}-{number % 12 + 1:02}"


def month_start(month: str) -> datetime:
    """The first moment of a month, in UTC."""
    return datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC)


def months_between(first: str, last: str) -> Iterator[str]:
    """The months from one to another, both included."""
    while first <= last:
        yield first
        first = month_after(first)


def series_id(device_id: str, month: str) -> str:
    """Last part of the name of the stream with a device's readings of a month."""
    return f"{device_id}.{month}"


def split_series(id: str) -> tuple[str, str]:
    """Device and month of a stream of readings. Raises ``ValueError`` for what is not the id of one."""
    found = _SERIES.fullmatch(id)
    if found is None:
        raise ValueError(f"{id!r} does not end with a month")
    return found[1], found[2]


def device_of(id: str) -> str:
    """The device of a stream of readings, and so the id of its profile. Raises as ``split_series``."""
    return split_series(id)[0]
