"""Alarms: hysteresis, judged by the newest readings alone, over months, and known by the profile."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.support.clocks import START as NINE
from tests.support.http import body_of
from tests.telemetry.support.fleet import READER, Fleet

from banyan.events import Event, Metadata
from banyan.projections.owned import RowFold
from banyan.streams import StreamId
from telemetry.names import micros, moment_of, month_of
from telemetry.profiles.decider import PROFILE_DECIDER, Alarm, DeviceStatus, NoteAlarm, Profile
from telemetry.profiles.events import AlarmCleared, AlarmNoted, AlarmRaised, Limit, Limits
from telemetry.projections.alarms import ALARMS, AlarmRow
from telemetry.series.alarms import crossing_of
from telemetry.series.decider import SERIES_DECIDER, RecordReadings
from telemetry.series.events import AlarmContinued, AlarmEvent, LimitKind, Reading, ThresholdCleared, ThresholdCrossed

START = 1_767_600_000_000_000
HIGH = Limits(high=Limit(raise_at=10, clear_at=8))
LOW = Limits(low=Limit(raise_at=-10, clear_at=-8))


def profile(limits: Limits, **alarms: Alarm) -> Profile:
    known = {LimitKind(kind): alarm for kind, alarm in alarms.items()}
    return Profile(device_id="a", status=DeviceStatus.ACTIVE, limits=limits, alarms=known)


def alarm(*, on: bool, at: int) -> Alarm:
    return Alarm(on=on, at=moment_of(at), shown_at=moment_of(at), value=0, threshold=0)


def judged(values: Sequence[float], of: Profile, times: Sequence[int] = (), size: int = 100) -> list[tuple[str, float]]:
    """Which alarms are raised and cleared by which values."""
    made = [Reading(n, START + (times[n] if times else n), value) for n, value in enumerate(values)]
    series, found = SERIES_DECIDER.initial(), []
    for place in range(0, len(made), size):
        decided = SERIES_DECIDER.decide(RecordReadings(made[place : place + size], of), series)
        series = SERIES_DECIDER.fold(decided, series)
        found += [event for event in decided if isinstance(event, ThresholdCrossed | ThresholdCleared)]
    return [(f"{event.limit} {'on' if isinstance(event, ThresholdCrossed) else 'off'}", event.value) for event in found]


def test_an_alarm_is_raised_beyond_a_value_and_cleared_beyond_another() -> None:
    values = [9, 10, 10.5, 12, 9, 8, 7.9, 9.9, 10, 11]
    assert judged(values, profile(HIGH)) == [("high on", 10.5), ("high off", 7.9), ("high on", 11)]
    mirrored = [(what.replace("high", "low"), -value) for what, value in judged(values, profile(HIGH))]
    assert judged([-value for value in values], profile(LOW)) == mirrored


def test_where_both_values_are_one_equal_changes_nothing() -> None:
    at_once = Limits(high=Limit(raise_at=5, clear_at=5))
    assert judged([5, 6, 5, 5, 4, 5], profile(at_once)) == [("high on", 6), ("high off", 4)]


@given(st.lists(st.sampled_from([-11, -9, 0, 7, 8, 9, 10, 11]), max_size=30), st.integers(1, 7))
def test_however_readings_are_cut_into_batches_the_alarms_are_the_same(values: list[float], size: int) -> None:
    both = profile(Limits(high=HIGH.high, low=LOW.low))
    assert judged(values, both, size=size) == judged(values, both)


def test_what_is_not_newer_than_all_before_it_is_not_judged() -> None:
    assert judged([0, 99, 99, 11], profile(HIGH), times=[10, 5, 10, 11]) == [("high on", 11)]


def test_a_month_continues_with_what_the_profile_knows() -> None:
    assert judged([9, 7], profile(HIGH, high=alarm(on=True, at=START - 1))) == [("high off", 7)]
    assert judged([11], profile(HIGH, high=alarm(on=True, at=START - 1))) == []
    assert judged([9, 7], profile(HIGH, high=alarm(on=False, at=START - 1))) == []


def test_what_the_profile_knows_of_later_readings_does_not_count_for_older_ones() -> None:
    assert judged([9, 7, 11], profile(HIGH, high=alarm(on=True, at=START + 100))) == [("high on", 11)]


def test_how_an_alarm_stands_is_recorded_once_in_a_month_that_changes_nothing() -> None:
    for values, on in (([9, 7, 7, 9, 7], False), ([9, 11, 9, 11], True)):
        known = profile(HIGH, high=alarm(on=on, at=START - 1))
        readings = [Reading(number, START + number, value) for number, value in enumerate(values)]
        decided = SERIES_DECIDER.decide(RecordReadings(readings, known), SERIES_DECIDER.initial())
        shown = [event for event in decided if isinstance(event, AlarmEvent)]
        assert [(type(event), event.value) for event in shown] == [(AlarmContinued, values[1])]


def test_a_note_that_comes_again_says_nothing() -> None:
    for on in (True, False):
        note = NoteAlarm(limit=LimitKind.HIGH, on=on, threshold=10, at=moment_of(START), value=11)
        noted_once = _after(profile(HIGH), note)
        assert PROFILE_DECIDER.decide(note, noted_once) == []


def test_a_limit_that_was_taken_away_and_set_again_judges_from_the_beginning() -> None:
    fleet = Fleet()
    fleet.register("a", limits={"high": {"raise": 10, "clear": 8}})
    fleet.record("a", (START // 1000, 11))
    fleet.react()
    assert fleet.profile("a").alarms[LimitKind.HIGH].on
    fleet.done("/devices/a/limits", {})
    assert not fleet.profile("a").alarms[LimitKind.HIGH].on
    fleet.done("/devices/a/limits", {"high": {"raise": 10, "clear": 8}})
    fleet.record("a", (START // 1000 + 1, 12))
    events = fleet.events("device", "a.2026-01")
    assert [event.value for event in events if isinstance(event, ThresholdCrossed)] == [11, 12]


def test_the_profile_knows_the_newest_by_the_time_of_its_reading_and_each_change_once() -> None:
    fleet = Fleet()
    fleet.clock.now = datetime(2026, 2, 1, 0, 2, tzinfo=UTC)
    fleet.register("a", limits={"high": {"raise": 10, "clear": 8}})
    fleet.record("a", ("2026-02-01T00:00:00Z", 11))
    fleet.react()
    fleet.record("a", ("2026-01-31T23:59:00Z", 12), ("2026-01-31T23:59:30Z", 7))
    fleet.react()
    fleet.record("a", ("2026-02-01T00:01:00Z", 7))
    fleet.react()
    noted = [event for event in fleet.events("profile", "a") if isinstance(event, AlarmRaised | AlarmCleared)]
    assert [(type(event), event.value) for event in noted] == [(AlarmRaised, 11), (AlarmCleared, 7)]
    assert fleet.profile("a").alarms[LimitKind.HIGH].at.isoformat() == "2026-02-01T00:01:00+00:00"


@pytest.mark.parametrize("value", [7, 12])
def test_a_reading_of_a_clock_that_is_far_ahead_does_not_have_the_last_word(value: float) -> None:
    """It shows how the alarm stands at the time when it came."""
    fleet = Fleet()
    fleet.register("a", limits={"high": {"raise": 10, "clear": 8}})
    fleet.record("a", ("2150-01-01T00:00:00Z", value))
    fleet.react()
    assert fleet.profile("a").alarms[LimitKind.HIGH].on == (value > 10)
    for minutes, later, on in ((1, 11, True), (2, 7, False), (3, 11, True)):
        fleet.clock.now = NINE + timedelta(minutes=minutes)
        fleet.record("a", (fleet.clock.now.isoformat(), later))
        fleet.react()
        assert fleet.profile("a").alarms[LimitKind.HIGH].on == on
    assert not [event for event in fleet.events("profile", "a") if isinstance(event, AlarmNoted)]


@pytest.mark.parametrize("values", [(7, 11), (11, 7), (11, 7, 11)])
def test_all_that_a_commit_of_a_clock_that_is_far_ahead_shows_counts_in_its_order(values: tuple[float, ...]) -> None:
    fleet = Fleet()
    fleet.register("a", limits={"high": {"raise": 10, "clear": 8}})
    fleet.record("a", *((f"2150-01-01T00:0{place}:00Z", value) for place, value in enumerate(values)))
    fleet.react()
    assert fleet.profile("a").alarms[LimitKind.HIGH].on == (values[-1] > 10)


def test_a_reading_from_before_one_of_a_clock_that_was_ahead_ends_no_listed_alarm() -> None:
    fleet = Fleet()
    fleet.register("a", limits={"high": {"raise": 10, "clear": 8}})
    fleet.record("a", ("2150-01-01T00:00:00Z", 11))
    fleet.react()
    fleet.record("a", ((NINE - timedelta(minutes=1)).isoformat(), 7))
    fleet.react()
    assert fleet.profile("a").alarms[LimitKind.HIGH].on
    fleet.project_all()
    (listed,) = body_of(fleet.get("/alarms", claims=READER, query={"deviceId": "a"}))["alarms"]
    assert (listed["status"], listed["clearedAt"]) == ("open", None)


def test_a_clock_that_stays_far_ahead_still_raises_and_clears_alarms() -> None:
    fleet = Fleet()
    fleet.register("a", limits={"high": {"raise": 10, "clear": 8}})
    for minutes, value, on in ((0, 11, True), (1, 7, False), (2, 11, True)):
        fleet.clock.now = NINE + timedelta(minutes=minutes)
        fleet.record("a", ((fleet.clock.now + timedelta(days=400)).isoformat(), value))
        fleet.react()
        known = fleet.profile("a").alarms[LimitKind.HIGH]
        assert known.on == on
        assert timedelta() <= known.shown_at - NINE < timedelta(minutes=3)


DAY = 24 * 3600 * 1_000_000


def noted(event: Any) -> NoteAlarm:
    said = event.model_dump(exclude={"sequence", "on"})
    return NoteAlarm(on=crossing_of(event).on, **said)


@given(
    st.lists(st.sampled_from([0.0, 7, 8, 9, 10, 11, 12]), min_size=1, max_size=25),
    st.randoms(use_true_random=False),
    st.permutations(range(25)),
)
def test_however_old_the_profile_is_that_readings_are_judged_by_it_ends_with_what_they_show(
    values: list[float], chance: random.Random, order: list[int]
) -> None:
    """Over months, and in whatever order its notes arrive."""
    known, notes, months = [profile(HIGH)], [], dict[str, Any]()
    for number, value in enumerate(values):
        at = START + 9 * number * DAY
        series = months.get(month_of(at), SERIES_DECIDER.initial())
        given_profile = known[chance.randrange(len(known))]
        decided = SERIES_DECIDER.decide(RecordReadings([Reading(number, at, value)], given_profile), series)
        months[month_of(at)] = SERIES_DECIDER.fold(decided, series)
        notes += [noted(event) for event in decided if isinstance(event, AlarmEvent)]
        if chance.random() < 0.7:
            known.append(reduce(_after, notes, known[0]))
    shuffled = [notes[place] for place in order if place < len(notes)]
    ended = reduce(_after, shuffled, known[0])
    alarm = ended.alarms.get(LimitKind.HIGH)
    assert (alarm is not None and alarm.on) == reduce(
        lambda on, value: value > 10 or (on and value >= 8), values, False
    )


def _after(profile: Profile, note: NoteAlarm) -> Profile:
    return PROFILE_DECIDER.fold(PROFILE_DECIDER.decide(note, profile), profile)


@given(
    st.lists(st.sampled_from([0.0, 7, 9, 11, 12]), min_size=1, max_size=25),
    st.integers(4, 20),
    st.randoms(use_true_random=False),
)
def test_in_whatever_order_months_are_heard_of_every_alarm_is_listed(
    values: list[float], days: int, chance: random.Random
) -> None:
    """Each month in its own order, judged by profiles of any age; also after each note, by what is known until then."""
    known, months, waiting = [profile(HIGH)], dict[str, Any](), dict[str, list[NoteAlarm]]()
    for number, value in enumerate(values):
        at = START + days * number * DAY
        month = month_of(at)
        series = months.get(month, SERIES_DECIDER.initial())
        decided = SERIES_DECIDER.decide(RecordReadings([Reading(number, at, value)], chance.choice(known)), series)
        months[month] = SERIES_DECIDER.fold(decided, series)
        waiting.setdefault(month, []).extend(noted(event) for event in decided if isinstance(event, AlarmEvent))
        known.append(reduce(_after, [note for notes in waiting.values() for note in notes], known[0]))
    fold, state, rows = RowFold(ALARMS, ALARMS.initial()), profile(HIGH), dict[str, AlarmRow]()
    heard: list[NoteAlarm] = []
    while left := [month for month, notes in waiting.items() if notes]:
        heard.append(waiting[chance.choice(left)].pop(0))
        events = PROFILE_DECIDER.decide(heard[-1], state)
        state = PROFILE_DECIDER.fold(events, state)
        for sort, written in fold.apply(_recorded(event) for event in events).items():
            rows.pop(sort, None)
            if written.row:
                rows[sort] = written.row
        assert _listed(rows) == _intervals([(micros(note.at), note.on) for note in sorted(heard, key=_at)])
    beyond = [(START + days * number * DAY, value > 10) for number, value in enumerate(values) if not 8 <= value <= 10]
    assert _listed(rows) == _intervals(beyond)


def _at(note: NoteAlarm) -> Any:
    return note.at


def _recorded(payload: Any) -> Event:
    return Event(
        event_id="e",
        event_type=type(payload).__name__,
        stream_id=StreamId("acme", "profile", "a"),
        version=1,
        timestamp=moment_of(START),
        payload=payload,
        metadata=Metadata(),
    )


def _listed(rows: Mapping[str, AlarmRow]) -> list[tuple[int, int | None]]:
    assert all((row.cleared_at is None) == (row.status == "open") for row in rows.values())
    return sorted((micros(row.raised_at), micros(row.cleared_at) if row.cleared_at else None) for row in rows.values())


def _intervals(shown: Sequence[tuple[int, bool]]) -> list[tuple[int, int | None]]:
    """From when and until when an alarm was on, by what readings showed, oldest first."""
    found: list[tuple[int, int | None]] = []
    for at, on in shown:
        is_on = bool(found) and found[-1][1] is None
        if on and not is_on:
            found.append((at, None))
        if is_on and not on:
            found[-1] = (found[-1][0], at)
    return found


@pytest.mark.parametrize(
    "limits",
    [
        {"high": {"raise": 1, "clear": 2}},
        {"low": {"raise": 2, "clear": 1}},
        {"high": {"raise": 1, "clear": 1}, "low": {"raise": 1, "clear": 1}},
        {"high": {"raise": float("inf"), "clear": 1}},
        {"high": {"raise": 1}},
    ],
    ids=str,
)
def test_limits_that_cannot_work_are_refused(limits: Any) -> None:
    with pytest.raises(ValidationError):
        Limits.model_validate(limits)
