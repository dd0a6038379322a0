"""Telemetry touches no clock, no random and no I/O, and every event that it knows can come about."""

from __future__ import annotations

from datetime import UTC, datetime

from banyan.testing import check_purity
from telemetry import DOMAIN
from telemetry.profiles.decider import (
    ChangeGroups,
    ChangeLimits,
    ChangeTiming,
    CheckSilence,
    DeviceStatus,
    HearDevice,
    NoteAlarm,
    Profile,
    RegisterDevice,
)
from telemetry.profiles.events import Limit, Limits, Timing
from telemetry.series.decider import RecordReadings
from telemetry.series.events import LimitKind, Reading, ReadingsRecorded

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
AT = 1_767_600_000_000_000
TIMING = Timing(interval_seconds=60, silent_after_seconds=180, watch_seconds=900, allowed_lateness_seconds=0)
OTHER = TIMING.model_copy(update={"interval_seconds": 30})
LIMITS = Limits(high=Limit(raise_at=9, clear_at=8))
OF_SERIES = {"ReadingsRecorded", "ThresholdCrossed", "ThresholdCleared", "AlarmContinued", "SeriesWatched"}


def note(*, on: bool, second: int) -> NoteAlarm:
    return NoteAlarm(limit=LimitKind.HIGH, on=on, threshold=9, at=NOW.replace(second=second), value=10)


def check(count: int) -> CheckSilence:
    return CheckSilence(device_id="a", month="2026-01", stretch=AT, count=count)


def test_profiles_are_pure() -> None:
    life = [
        RegisterDevice(device_id="a", unit="K", timing=TIMING, limits=LIMITS, groups=()),
        HearDevice(month="2026-01", recorded_at=NOW),
        check(1),
        note(on=True, second=1),
        note(on=False, second=2),
        note(on=False, second=4),
        note(on=True, second=3),
        ChangeTiming(timing=OTHER),
        ChangeGroups(groups=("hall",)),
        ChangeLimits(limits=Limits()),
        check(2),
        HearDevice(month="2026-01", recorded_at=NOW),
    ]
    given = {"device:a.2026-01": [ReadingsRecorded.of([Reading(1, AT, 1.0), Reading(2, AT + 1, 1.0)])]}
    check_purity(DOMAIN, "profile", life, {*DOMAIN.registry.event_types} - OF_SERIES, given=given)


def test_series_are_pure() -> None:
    profile = Profile(device_id="a", timing=TIMING, limits=LIMITS, status=DeviceStatus.ACTIVE)
    life = [RecordReadings([Reading(n, AT + n, value)], profile) for n, value in enumerate([1.0, 10.0, 7.0])]
    check_purity(DOMAIN, "device", [*life, life[0]], OF_SERIES, id="a.2026-01")
