"""The benchmark of telemetry, in the small: everything that is timed runs, and loses nothing."""

from __future__ import annotations

import pytest
from bench.page import PAGE
from bench.stored import read_stored
from bench.telemetry import peers
from bench.telemetry.__main__ import BEGIN, END, NAME, shown
from bench.telemetry.fleet import Fleet, stream_of
from bench.telemetry.pipeline import application, environment, readings_in_windows
from bench.telemetry.rates import TRIALS, highest_rate
from bench.telemetry.side_by_side import APPEND, BARE, BATCHED, PUT, REQUESTS, SHOWN, SideBySide
from bench.telemetry.sustained import Phase, Place, Sending, run
from tests.support.engines import DynamoDBEngine, local_tables


@pytest.mark.slow
def test_what_is_sent_at_a_rate_is_seen_in_its_windows(dynamodb_local: DynamoDBEngine) -> None:
    place = Place(dynamodb_local.client.meta.endpoint_url, environment(dynamodb_local))
    here, fleet = application(place.endpoint, place.environ), Fleet("f", 3, 4, hot=5)
    fleet.register(here)

    found = run(place, fleet, [Phase(100, 0.2), Phase(50, 0.2)])

    assert (found.sent, len(found.seen)) == (fleet.greeting + 30, 30)
    assert readings_in_windows(here, fleet) == found.sent * 4
    assert found.largest_lag > 0
    assert {stream for _, _, stream in found.seen} == {str(stream_of(device)) for device in fleet.ids}


@pytest.mark.slow
def test_all_that_write_the_same_readings_take_turns(dynamodb_local: DynamoDBEngine) -> None:
    with local_tables(dynamodb_local.client.meta.endpoint_url) as floor:
        speeds = SideBySide(dynamodb_local, floor, 10, plain=30).speeds(rounds=1, batches=1)

    assert set(speeds) == {APPEND, BARE, SHOWN, REQUESTS, PUT, BATCHED}
    assert all(each > 0 for (each,) in speeds.values())


def test_a_record_is_sent_when_its_phase_comes_to_it() -> None:
    sending = Sending([Phase(10, 2), Phase(5, 2)])

    assert [sending.due(elapsed) for elapsed in (0, 1, 2, 3, 4, 9)] == [0, 10, 20, 25, 30, 30]
    assert [sending.at(number) for number in (0, 19, 20, 29)] == [0.1, 2.0, 2.2, 4.0]


def test_a_hot_device_adds_to_what_the_others_send() -> None:
    calm, hot = Fleet("f", 3, 1), Fleet("f", 3, 1, hot=80)
    senders = [hot.sender(number) for number in range(200)]

    assert [each for each in senders if each[0] != "f-hot"] == [calm.sender(number) for number in range(40)]
    assert [before for device, before in senders if device == "f-hot"] == list(range(160))


@pytest.mark.parametrize(("devices", "hot"), [(3, 0), (3, 5), (100, 80), (101, 80)])
def test_every_device_sends_before_a_run_is_timed(devices: int, hot: int) -> None:
    fleet = Fleet("f", devices, 1, hot=hot)

    assert {fleet.sender(number)[0] for number in range(fleet.greeting)} == set(fleet.ids)


@pytest.mark.parametrize(("limit", "found"), [(100, 87.5), (60, 50), (20, 12.5), (1, 6.25)])
def test_a_rate_that_holds_is_looked_for_below_what_is_seen_at_most(limit: float, found: float) -> None:
    tried: list[float] = []

    def holds(rate: float) -> bool:
        tried.append(rate)
        return rate <= limit

    assert highest_rate(holds, 100) == found
    assert len(tried) == TRIALS


@pytest.mark.slow
def test_other_event_stores_append_beside_the_ingest_function(dynamodb_local: DynamoDBEngine) -> None:
    chapter = peers.measure(dynamodb_local, "peers", 1, lambda _: None)

    units = [each.value for each in chapter.figures if each.who == peers.BANYAN and "unit" in each.what]
    assert units == [2000, 200, 20]


def test_the_page_shows_what_was_measured_last() -> None:
    block = PAGE.read_text().partition(BEGIN)[2].partition(END)[0].strip()

    assert block == shown(read_stored(NAME)).strip(), "run `make bench-telemetry`"
