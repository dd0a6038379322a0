"""What is recorded of readings, however they arrive: each once, exactly as it was sent, in order of arrival."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from banyan import Conflict, NotFound, memory_store
from banyan.streams import StreamHead, StreamId
from banyan.testing import DeciderSpec
from telemetry import DOMAIN
from telemetry.profiles.decider import DeviceStatus, Profile
from telemetry.profiles.events import Timing
from telemetry.series import decider
from telemetry.series.decider import SERIES_DECIDER, RecordReadings, Series
from telemetry.series.events import Reading, ReadingsRecorded, SeriesWatched

SECOND = 1_000_000
START = 1_767_600_000 * SECOND
VALUES = [0.1, -0.0, 0.0, 1e-308, 5e-324, -1.7976931348623157e308, 3.0, 1 / 3, -200.0]
FINITE = st.floats(allow_nan=False, allow_infinity=False)
STREAM = StreamId("acme", "device", "boiler-1.2026-01")


def profile(lateness: int = 31 * 24 * 3600) -> Profile:
    timing = Timing(interval_seconds=60, silent_after_seconds=180, watch_seconds=900, allowed_lateness_seconds=lateness)
    return Profile(device_id="boiler-1", timing=timing, status=DeviceStatus.ACTIVE)


PROFILE = profile()


def record(readings: Sequence[Reading], of: Profile = PROFILE) -> RecordReadings:
    return RecordReadings(readings, of)


def fed(batches: Sequence[Sequence[Reading]], of: Profile = PROFILE) -> tuple[Series, list[ReadingsRecorded]]:
    """The state after some batches, and the events with readings."""
    series, events = SERIES_DECIDER.initial(), []
    for batch in batches:
        decided = SERIES_DECIDER.decide(record(batch, of), series)
        series = SERIES_DECIDER.fold(decided, series)
        events += [event for event in decided if isinstance(event, ReadingsRecorded)]
    return series, events


def readings_of(events: Sequence[ReadingsRecorded]) -> list[Reading]:
    return [reading for event in events for reading in event.readings()]


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 15)), min_size=1, max_size=10),
    st.sampled_from([1, 7, 60_000_000_000]),
    st.randoms(use_true_random=False),
)
def test_any_delivery_records_each_reading_once_in_order_of_arrival(
    pieces: list[tuple[int, int]], step: int, chance: random.Random
) -> None:
    made = [Reading(number * step, START + number * SECOND, number / 3) for number in range(60)]
    batches = [made[first : first + size] for first, size in pieces]
    for batch in batches:
        chance.shuffle(batch)
    batches += chance.choices(batches, k=3)
    arrived = list(dict.fromkeys(reading for batch in batches for reading in batch))
    series, events = fed(batches)
    assert readings_of(events) == arrived
    assert (series.count, series.late) == (len(arrived), 0)
    assert series.newest == max(reading.at for reading in arrived)


def test_nothing_new_is_no_event() -> None:
    first = [Reading(1, START, 1.0), Reading(2, START + SECOND, 2.0)]
    series, _ = fed([first])
    assert SERIES_DECIDER.decide(record(first[::-1]), series) == []


@given(st.lists(st.tuples(st.integers(0, 2**63 - 1), st.integers(0, 2**52), FINITE, st.booleans()), max_size=30))
def test_columns_give_back_what_they_were_made_of(rows: list[tuple[int, int, float, bool]]) -> None:
    readings = [Reading(*row) for row in rows]
    event = ReadingsRecorded.of(readings)
    again = list(event.readings())
    assert again == readings
    assert [struct.pack("d", each.value) for each in again] == [struct.pack("d", each.value) for each in readings]


@given(st.lists(FINITE, min_size=1, max_size=20))
def test_values_are_the_same_bits_after_they_were_stored(drawn: list[float]) -> None:
    values = [*VALUES, *drawn]
    readings = [Reading(number, START + number, value) for number, value in enumerate(values)]
    store = memory_store(DOMAIN.registry)
    store.append(STREAM, StreamHead.empty(STREAM), [ReadingsRecorded.of(readings)])
    (event,) = store.read(STREAM)
    assert isinstance(event.payload, ReadingsRecorded)
    assert [struct.pack("d", each.value) for each in event.payload.readings()] == [struct.pack("d", v) for v in values]
    assert event.payload == ReadingsRecorded.of(readings)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_not_an_event(value: float) -> None:
    with pytest.raises(ValidationError):
        ReadingsRecorded(sequences=(1,), times=(1,), values=(value,))


def test_late_is_what_is_older_than_the_newest_so_far_by_more_than_allowed() -> None:
    times = [100, 40, 39, 160, 99]
    readings = [Reading(number, START + at * SECOND, 0.0) for number, at in enumerate(times)]
    series, (one, two) = fed([readings[:2], readings[2:]], profile(lateness=60))
    assert [reading.late for reading in readings_of([one, two])] == [False, False, True, False, True]
    assert (series.late, one.late, two.late) == (2, (), (0, 2))


def test_a_reading_of_the_month_before_is_recorded_in_its_own_stream_and_late_for_none_of_another() -> None:
    """By default a whole month may be late, and each month has a stream: so nothing is."""
    last, first = Reading(1, START, 1.0), Reading(2, START - 20 * 24 * 3600 * SECOND, 2.0)
    series, _ = fed([[last], [first]])
    assert (series.count, series.late) == (2, 0)


def test_a_thousand_readings_are_one_event_and_few_numbers_of_state() -> None:
    readings = [Reading(number, START + number * SECOND, 0.5) for number in range(1000)]
    series, events = fed([readings])
    assert (len(events), series.seen.flat()) == (1, [0, 1, 1000])
    assert len(series.model_dump_json()) < 200


def test_more_readings_than_an_item_of_the_table_holds_are_recorded_at_once() -> None:
    chance = random.Random(16)
    times = [START + chance.randrange(20 * 24 * 3600 * SECOND) for _ in range(30_000)]
    readings = [Reading(number, at, chance.gauss(0, 1e5)) for number, at in enumerate(times)]
    series, events = fed([readings])
    store = memory_store(DOMAIN.registry)
    store.append(STREAM, StreamHead.empty(STREAM), events, commit_id="c-1")
    recorded = [each.payload for each in store.read(STREAM) if isinstance(each.payload, ReadingsRecorded)]
    assert readings_of(recorded) == readings
    assert (series.count, {commit.commit_id for commit in store.commits(STREAM)}) == (30_000, {"c-1"})


def test_a_sequence_that_begins_again_within_a_month_is_refused_aloud() -> None:
    spec = DeciderSpec(SERIES_DECIDER).given(ReadingsRecorded.of([Reading(0, START, 1.0), Reading(1, START + 1, 1.0)]))
    spec.when(record([Reading(0, START + 2, 3.0)])).then_rejected("sequence_reused", kind=Conflict)
    spec.when(record([Reading(2, START + 2, 3.0), Reading(2, START + 3, 3.0)])).then_rejected("sequence_reused")


def test_a_device_that_is_not_registered_has_no_readings() -> None:
    command = record([Reading(0, START, 1.0)], Profile())
    DeciderSpec(SERIES_DECIDER).when(command).then_rejected("device_not_registered", kind=NotFound)


def test_more_gaps_than_can_be_kept_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decider, "MOST_RUNS", 3)
    irregular = [Reading(number * number, START + number * number, 0.0) for number in range(1, 7)]
    series, _ = fed([irregular])
    assert series.seen.runs == 3
    with pytest.raises(Conflict) as refused:
        fed([irregular, [Reading(1000, START + 1000, 0.0)]])
    assert refused.value.code == "too_many_gaps"
    regular = [Reading(number, START + number, 0.0) for number in range(100)]
    assert fed([irregular, regular])[0].seen.runs == 1


def watched(batches: Sequence[Sequence[Reading]], of: Profile = PROFILE) -> list[list[SeriesWatched]]:
    series, found = SERIES_DECIDER.initial(), []
    for batch in batches:
        decided = SERIES_DECIDER.decide(record(batch, of), series)
        series = SERIES_DECIDER.fold(decided, series)
        found.append([event for event in decided if isinstance(event, SeriesWatched)])
    return found


def test_a_device_is_watched_once_in_a_stretch_however_often_it_sends() -> None:
    sent = [[Reading(number, START + number * 10 * SECOND, 0.0)] for number in range(360)]
    looks = [event for events in watched(sent) for event in events]
    assert [event.count for event in looks] == [1, 91, 181, 271]
    assert [event.heard for event in looks] == [True, False, False, False]
    assert {event.check_after_seconds for event in looks} == {900 + 180}


def test_a_month_before_the_one_that_is_watched_is_not_watched() -> None:
    later = PROFILE.model_copy(update={"watched": "2026-02"})
    first, second = watched([[Reading(1, START, 0.0)], [Reading(2, START + 3600 * SECOND, 0.0)]], later)
    assert ([event.heard for event in first], second) == ([True], [])


def test_the_end_of_a_silence_is_said_once() -> None:
    silent = PROFILE.model_copy(update={"status": DeviceStatus.SILENT, "silences": 1})
    sent = [[Reading(number, START + number, 0.0)] for number in range(3)]
    series, _ = fed(sent[:1])
    said = []
    for batch in sent[1:]:
        decided = SERIES_DECIDER.decide(record(batch, silent), series)
        said.append([event.heard for event in decided if isinstance(event, SeriesWatched)])
        series = SERIES_DECIDER.fold(decided, series)
    assert said == [[True], []]
