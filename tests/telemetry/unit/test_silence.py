"""Silence: a device that stops is silent after its time, one that sends costs a look in a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.telemetry.support.fleet import Fleet

from banyan.streams import StreamId
from telemetry.profiles.decider import CheckSilence, DeviceStatus
from telemetry.profiles.events import DeviceHeard, DeviceSilent, MonthBegun, SilenceDeferred
from telemetry.settings import TelemetrySettings

MINUTE = timedelta(minutes=1)


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet(TelemetrySettings(silence_check_minutes=15))
    fleet.register("a", silentAfterSeconds=180)
    return fleet


def passes(fleet: Fleet, minutes: int, *, sends: bool, at: timedelta = timedelta()) -> None:
    """Minutes, each with a reading of its own time, or of so much earlier, and then a run of the deadlines."""
    for _ in range(minutes):
        fleet.clock.move(MINUTE)
        if sends:
            fleet.record("a", ((fleet.clock.now - at).isoformat(), 1.0))
        fleet.fire()


def status(fleet: Fleet) -> DeviceStatus | None:
    return fleet.profile("a").status


def silences(fleet: Fleet) -> int:
    return sum(isinstance(event, DeviceSilent) for event in fleet.events("profile", "a"))


def test_a_device_that_was_never_heard_is_new_and_never_silent(fleet: Fleet) -> None:
    passes(fleet, 60, sends=False)
    assert status(fleet) is DeviceStatus.NEW


def test_a_device_that_sends_is_never_silent_and_writes_nothing_to_its_profile(fleet: Fleet) -> None:
    passes(fleet, 200, sends=True)
    kinds = [type(event) for event in fleet.events("profile", "a")][1:]
    assert kinds == [MonthBegun, DeviceHeard]
    assert len(list(fleet.deadlines.due(fleet.clock.now + 60 * MINUTE))) <= 2


@pytest.mark.parametrize("before", [1, 7, 14, 15, 16, 31])
def test_a_device_that_stops_is_silent_once_between_its_time_and_that_and_two_looks(fleet: Fleet, before: int) -> None:
    passes(fleet, before, sends=True)
    passes(fleet, 2, sends=False)
    assert status(fleet) is DeviceStatus.ACTIVE
    passes(fleet, 15 + 3 + 3, sends=False)
    assert status(fleet) is DeviceStatus.SILENT
    passes(fleet, 60, sends=False)
    assert silences(fleet) == 1


def test_a_look_that_comes_again_finds_the_same_silence(fleet: Fleet) -> None:
    passes(fleet, 3, sends=True)
    passes(fleet, 30, sends=False)
    series = fleet.series("a", "2026-01")
    look = CheckSilence(device_id="a", month="2026-01", stretch=series.stretch, count=series.count)
    outcome = fleet.application.handlers["profile"].handle(StreamId("acme", "profile", "a"), look)
    assert (outcome.events, silences(fleet)) == ((), 1)


def test_a_device_that_sends_again_is_heard_and_can_be_silent_again(fleet: Fleet) -> None:
    passes(fleet, 3, sends=True)
    passes(fleet, 30, sends=False)
    passes(fleet, 2, sends=True)
    assert status(fleet) is DeviceStatus.ACTIVE
    assert sum(isinstance(event, DeviceHeard) for event in fleet.events("profile", "a")) == 2
    passes(fleet, 30, sends=False)
    assert (status(fleet), silences(fleet)) == (DeviceStatus.SILENT, 2)


def test_silence_is_measured_by_arrival_whatever_the_clock_of_the_device_says(fleet: Fleet) -> None:
    """Readings that arrive keep it heard, even where all are older than one that came first."""
    fleet.record("a", (fleet.clock.now.isoformat(), 1.0))
    passes(fleet, 90, sends=True, at=timedelta(hours=3))
    assert silences(fleet) == 0
    deferred = [event for event in fleet.events("profile", "a") if isinstance(event, SilenceDeferred)]
    assert [event.check_after_seconds for event in deferred] == [180, *[900] * 5]
    passes(fleet, 24, sends=False)
    assert status(fleet) is DeviceStatus.SILENT


def test_a_clock_that_is_set_right_is_not_silence(fleet: Fleet) -> None:
    """Where a device was first heard with a clock of another century."""
    passes(fleet, 5, sends=True, at=-timedelta(days=40_000))
    assert fleet.profile("a").watched == "2135-07"
    passes(fleet, 60, sends=True)
    assert (silences(fleet), fleet.profile("a").watched) == (0, "2026-01")
    passes(fleet, 24, sends=False)
    assert (status(fleet), silences(fleet)) == (DeviceStatus.SILENT, 1)


def test_a_change_of_month_is_not_silence(fleet: Fleet) -> None:
    fleet.clock.now = datetime(2026, 1, 31, 23, 40, tzinfo=UTC)
    passes(fleet, 60, sends=True)
    assert (silences(fleet), fleet.profile("a").months) == (0, ("2026-01", "2026-02"))
    assert fleet.profile("a").watched == "2026-02"
    passes(fleet, 24, sends=False)
    assert status(fleet) is DeviceStatus.SILENT


def test_history_that_is_imported_leaves_what_is_live_watched(fleet: Fleet) -> None:
    fleet.clock.now = datetime(2026, 3, 5, tzinfo=UTC)
    passes(fleet, 20, sends=True)
    for month in ("2014-01", "2014-02", "2099-01"):
        fleet.record("a", (f"{month}-05T00:00:00Z", 1.0))
    passes(fleet, 60, sends=True)
    assert (silences(fleet), fleet.profile("a").watched) == (0, "2026-03")
    passes(fleet, 24, sends=False)
    assert status(fleet) is DeviceStatus.SILENT


def test_a_device_with_history_alone_is_silent_once_that_has_arrived(fleet: Fleet) -> None:
    for day in range(1, 20):
        fleet.record("a", (f"2014-01-{day:02}T00:00:00Z", 1.0))
        passes(fleet, 1, sends=False)
    assert status(fleet) is DeviceStatus.ACTIVE
    passes(fleet, 24, sends=False)
    assert status(fleet) is DeviceStatus.SILENT
    fleet.record("a", ("2013-12-01T00:00:00Z", 1.0))
    fleet.fire()
    assert status(fleet) is DeviceStatus.ACTIVE
    passes(fleet, 24, sends=False)
    assert (status(fleet), silences(fleet)) == (DeviceStatus.SILENT, 2)


def test_another_timing_counts_from_the_next_look_on(fleet: Fleet) -> None:
    passes(fleet, 20, sends=True)
    fleet.done("/devices/a/timing", {"intervalSeconds": 600})
    assert fleet.profile("a").timing.watch_seconds == 1800
    passes(fleet, 30, sends=True)
    passes(fleet, 30 + 30 + 30, sends=False)
    assert status(fleet) is DeviceStatus.SILENT
