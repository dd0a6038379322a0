"""Windows of a month are those of all its readings at once, whatever came when and however it was delivered."""

from __future__ import annotations

from datetime import timedelta
from math import inf, nan
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.support.clocks import EVERYTHING
from tests.support.owned import SweptViews
from tests.telemetry.support.months import MARCH, SECOND, STREAM, MonthOfReadings, reading

from banyan.projections.items import owned_item
from banyan.projections.owned import fold_owned, stored_rows
from banyan.projections.rebuild.filling import rebuild_stream
from banyan.projections.views import Generation
from banyan.store.items import item_size
from banyan.testing.projections import deliveries
from telemetry.projections.series import LATE, SIZES, kept_seconds, late_key, series_projection
from telemetry.series.events import Reading
from telemetry.settings import TelemetrySettings

MONTH = 31 * 24 * 3600
GENERATION = Generation("series")

seconds = st.one_of(
    st.integers(0, MONTH - 1),
    st.integers(0, 7200),
    st.sampled_from([0, 59, 60, 3599, 3600, 86_399, 86_400, MONTH - 1]),
    st.floats(0, 600, width=32),
)
values = st.one_of(st.floats(-50, 50), st.sampled_from([0.0, -0.0, 5e-324, 1e308, -1e308, 0.1, -200.0]))
batches = st.lists(
    st.lists(st.builds(reading, seconds, values, late=st.sampled_from([False] * 9 + [True])), min_size=1, max_size=12),
    min_size=1,
    max_size=8,
)


def once(history: list[list[Reading]]) -> list[list[Reading]]:
    """Each sequence once, as the decider records them."""
    found: list[list[Reading]] = []
    for batch in history:
        seen = {each.sequence for earlier in found for each in earlier}
        found.append([each for each in {each.sequence: each for each in batch}.values() if each.sequence not in seen])
    return [batch for batch in found if batch]


@given(batches, st.integers())
@settings(max_examples=500 if EVERYTHING else 60)
def test_windows_are_those_of_all_readings_at_once(history: list[list[Reading]], seed: int) -> None:
    random = Random(seed)
    month = MonthOfReadings()
    for batch in once(history):
        month.record(*batch)
    for way, delivered in random.sample(list(deliveries(month.commits)), 2):
        month.views = type(month.views)()
        month.deliver(*delivered)
        assert month.windows() == month.expected(), way
        assert month.state().late == sum(each.late for each in month.recorded)
        assert month.state().newest == max((each.at, each.sequence, each.value) for each in month.recorded)
    rows = stored_rows(month.views, GENERATION, month.views.states(GENERATION, [STREAM])[STREAM], month.clock())
    folded = fold_owned(month.projection, month.store, month.commits, month.clock())
    assert folded
    assert rows.digests == folded.digests
    assert rows.carried.state == folded.carried.state


gaps = st.lists(st.sampled_from([0, 0, 1, 12, 29, 31, 40, 401]), min_size=8, max_size=8)
"""Days between two commits: within what windows are kept for, and far beyond."""


retentions = st.sampled_from(
    [TelemetrySettings(), TelemetrySettings(minutes_kept_days=1, hours_kept_days=12, days_kept_days=29)]
)


@given(batches, gaps, retentions, st.integers())
@settings(max_examples=500 if EVERYTHING else 80)
def test_a_window_is_whole_or_gone(
    history: list[list[Reading]], days: list[int], retention: TelemetrySettings, seed: int
) -> None:
    """When readings come for a window that has expired, what is left of it is not shown as if it were the window."""
    random = Random(seed)
    views, kept = SweptViews(), kept_seconds(retention)
    month = MonthOfReadings(retention, views)
    for batch, pause in zip(once(history), days, strict=False):
        month.clock.move(timedelta(days=pause))
        views.sweep(month.clock.now)
        month.deliver([month.record(*batch)])
        if random.random() < 0.3:
            month.deliver(month.commits)
        shown, expected = month.windows(), month.expected()
        assert shown == {key: window for key, window in expected.items() if key in shown}
        begun = month.commits[0].recorded_at
        for size, seconds in kept.items():
            if not seconds or month.clock.now < begun + timedelta(seconds=seconds):
                assert {key for key in expected if key[0] == size} == {key for key in shown if key[0] == size}
    rebuild_stream(month.projection, GENERATION, STREAM, month.store, month.views, month.clock)
    assert month.windows() == shown


def test_a_day_that_may_have_expired_is_not_begun_again() -> None:
    month = MonthOfReadings(TelemetrySettings(minutes_kept_days=1, hours_kept_days=2, days_kept_days=3))
    month.deliver([month.record(reading(0, 1.0), reading(100 * 3600, 2.0))])
    month.clock.move(timedelta(days=4))
    month.deliver([month.record(reading(1, 3.0), reading(101 * 3600, 4.0))])
    assert {size: window.count for (size, _), window in month.windows().items()} == {"1m": 1, "1h": 1, "1d": 2}


@pytest.mark.parametrize("days", [-1, 36_501, inf, nan])
def test_a_window_is_kept_for_a_time_that_has_an_end_or_for_ever(days: float) -> None:
    with pytest.raises(ValidationError):
        TelemetrySettings(days_kept_days=days)


def test_a_time_below_a_second_is_not_for_ever() -> None:
    assert kept_seconds(TelemetrySettings(minutes_kept_days=1e-6))["1m"] == 1


def test_a_window_is_gone_at_the_second_at_which_it_expires() -> None:
    month = MonthOfReadings(TelemetrySettings(minutes_kept_days=1))
    month.deliver([month.record(reading(0, 1.0), reading(7200, 2.0))])
    month.clock.move(timedelta(days=1))
    month.deliver([month.record(reading(1, 3.0))])
    begun, recorded = (commit.recorded_at.replace(microsecond=0) for commit in month.commits)
    assert recorded - begun == timedelta(days=1)
    assert ("1m", MARCH) not in month.windows()


def test_a_minute_that_was_never_there_is_made_though_others_of_its_month_have_expired() -> None:
    month = MonthOfReadings()
    month.deliver([month.record(reading(0, 1.0), reading(40 * 3600, 2.0))])
    month.clock.move(timedelta(days=29))
    month.deliver([month.record(reading(50 * 3600, 3.0))])
    month.clock.move(timedelta(days=2))
    month.deliver([month.record(reading(49 * 3600, 4.0), reading(60, 5.0))])
    minutes = {start for size, start in month.windows() if size == "1m"}
    assert minutes == {MARCH + hour * 3600 * SECOND for hour in (49, 50)}
    assert month.windows()["1d", MARCH].count == 2


def test_there_are_windows_of_the_sizes_that_are_set() -> None:
    month = MonthOfReadings(TelemetrySettings(smallest_window="1h"))
    month.deliver([month.record(reading(0, 1.0), reading(7200, 2.0))])
    assert month.windows() == month.expected(lambda size, _: size != "1m")


def test_a_size_that_is_no_longer_set_ends_with_a_whole_window() -> None:
    month = MonthOfReadings()
    month.deliver([month.record(reading(0, 1.0), reading(61, 2.0))])
    month.projection = series_projection(TelemetrySettings(smallest_window="1h"))
    month.deliver([month.record(reading(62, 3.0))])
    minutes = {start: window.count for (size, start), window in month.windows().items() if size == "1m"}
    assert minutes == {MARCH: 1, MARCH + 60 * SECOND: 1}


def test_late_readings_are_kept_apart() -> None:
    month = MonthOfReadings()
    month.deliver([month.record(reading(9000, 1.0), reading(5, 2.0, late=True), reading(1, 3.0, late=True))])
    late = month.rows()[late_key(1)].late
    assert late
    assert [(at - MARCH, value) for at, _, value in late.readings] == [(SECOND, 3.0), (5 * SECOND, 2.0)]
    assert late.recorded_at == month.commits[0].recorded_at
    assert month.windows() == month.expected()
    assert (month.state().count, month.state().late) == (1, 2)


def test_late_readings_of_many_records_fit_into_rows() -> None:
    """As a gateway sends that was cut off for a day: all that a batch brings for a device is one event."""
    random = Random(1)
    month = MonthOfReadings()
    sent = [reading(second, round(random.gauss(20, 0.2), 1), late=True) for second in range(86_400)]
    month.deliver([month.record(reading(MONTH - 1, 1.0), *sent)])
    rows = [row for row in month.views.list_owned(GENERATION, STREAM) if row.sort.startswith(LATE)]
    assert all(item_size(owned_item(GENERATION, row)) < 400_000 for row in rows)
    late = [moment for row in month.rows().values() if row.late for moment in row.late.readings]
    assert late == [(each.at, each.sequence, each.value) for each in sent]


def test_a_commit_that_ends_no_window_writes_no_row() -> None:
    """Every reading of a sensor is then one write, without a transaction."""
    month = MonthOfReadings()
    month.deliver([month.record(*(reading(second, 20.0 + second / 7) for second in range(10)))])
    assert not list(month.views.list_owned(GENERATION, STREAM))
    month.deliver([month.record(*(reading(second, 20.0) for second in range(55, 65)))])
    assert [row.sort for row in month.views.list_owned(GENERATION, STREAM)] == ["1m#2026-03-01T00:00"]


def test_what_a_sensor_carries_fits_into_two_kilobytes() -> None:
    random = Random(1)
    month = MonthOfReadings()
    for hour in range(30):
        start = hour * 3600
        month.record(*(reading(start + second, round(random.gauss(20, 3), 2)) for second in range(0, 3600, 5)))
    month.deliver(month.commits)
    assert len(month.state().model_dump_json()) < 2048


@pytest.mark.parametrize("size", SIZES)
def test_windows_begin_in_utc(size: str) -> None:
    """At the multiples of their length since 1970, in every month and whatever the zone of the process."""
    month = MonthOfReadings()
    month.deliver([month.record(reading(-0.000001 + 29 * 24 * 3600 + 7200, 1.0))])
    (start,) = [start for found, start in month.windows() if found == size]
    assert start % SIZES[size] == 0  # type: ignore[index]
