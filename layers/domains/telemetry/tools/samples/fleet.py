"""What happened in the fleet: two boilers that send over the change of a month, and a pump that fell silent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from banyan_tools.samples.history import START, History
from telemetry import DOMAIN
from telemetry.names import PROFILE, SERIES, micros, month_of, series_id
from telemetry.profiles.decider import PROFILE_DECIDER, CheckSilence, HearDevice, NoteAlarm, Profile, RegisterDevice
from telemetry.profiles.events import Limit, Limits, Timing
from telemetry.series.decider import RecordReadings
from telemetry.series.events import LimitKind, Reading
from telemetry.series.records import MOST_OF_ONE_TIME

GATEWAY: Final = "gateway"
TIMING: Final = Timing(
    interval_seconds=60, silent_after_seconds=180, watch_seconds=900, allowed_lateness_seconds=86_400
)
LIMITS: Final = Limits(high=Limit(raise_at=90, clear_at=85))
MINUTE: Final = 60_000_000
WARM: Final = (20.5, 21.0, 20.75, 88.0, 91.5, 92.0, 84.0, 83.5)
DECEMBER: Final = micros(datetime(2025, 12, 31, 23, 56, tzinfo=UTC))


@cache
def fleet() -> History:
    """The fleet, made by the domain itself."""
    made = History(DOMAIN)
    for number, (entity, id, command) in enumerate(_happened(), start=1):
        made.handle(entity, id, f"{id}-{number}", command, GATEWAY)
    return made


def _happened() -> Iterator[tuple[str, str, Any]]:
    for device_id, unit, groups in (
        ("boiler-1", "°C", ("hall-1",)),
        ("boiler-2", "°C", ("hall-1",)),
        ("pump-1", "bar", ()),
    ):
        register = RegisterDevice(device_id=device_id, unit=unit, timing=TIMING, limits=LIMITS, groups=groups)
        yield PROFILE, device_id, register
        yield from _sent(device_id, PROFILE_DECIDER.fold(PROFILE_DECIDER.decide(register, Profile())))
    yield PROFILE, "boiler-1", _alarm(on=True)
    yield PROFILE, "boiler-1", _alarm(on=False)
    yield PROFILE, "pump-1", CheckSilence(device_id="pump-1", month="2026-01", stretch=DECEMBER + 4 * MINUTE, count=4)


def _sent(device_id: str, profile: Profile) -> Iterator[tuple[str, str, Any]]:
    readings = [_reading(DECEMBER + number * MINUTE, value) for number, value in enumerate(WARM)]
    for month in ("2025-12", "2026-01"):
        of_month = [reading for reading in readings if month_of(reading.at) == month]
        yield SERIES, series_id(device_id, month), RecordReadings(of_month, profile)
        yield PROFILE, device_id, HearDevice(month=month, recorded_at=START)


def _reading(at: int, value: float) -> Reading:
    return Reading(at * MOST_OF_ONE_TIME, at, value)


def _alarm(*, on: bool) -> NoteAlarm:
    at = datetime(2026, 1, 1, 0, 0 if on else 2, tzinfo=UTC)
    return NoteAlarm(limit=LimitKind.HIGH, on=on, threshold=90 if on else 85, at=at, value=91.5 if on else 84)
