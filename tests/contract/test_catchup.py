"""Catching up with what was never delivered ends at the fold, on every engine."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.clocks import START
from tests.support.engines import Engine
from tests.support.ledger import account, deposits
from tests.support.projections import POISON, Ledger, same

from banyan.projections.catchup import LogCheckpoints
from banyan.projections.views import Generation
from banyan.store.log import MARGIN
from banyan.streams import StreamId

STREAMS = [account(f"a{number}") for number in range(12)]
DAY = timedelta(days=1)
BALANCES, TURNOVER = Generation("balances"), Generation("turnover")


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    return Ledger(
        engine.views(), engine.table(), projection_states=engine.projection_states(), checkpoints=engine.checkpoints()
    )


def pay_in(ledger: Ledger, *streams: StreamId) -> None:
    for stream in streams:
        ledger.append(stream, *deposits(1, 2))


def assert_folded(ledger: Ledger, *streams: StreamId) -> None:
    assert ledger.turnover_rows() == ledger.expected_turnover()
    assert all(same(ledger.balance(stream), ledger.expected_balance(stream)) for stream in streams)


@pytest.fixture
def checkpoints(engine: Engine) -> LogCheckpoints:
    return engine.checkpoints()


def test_checkpoints_come_back_by_generation_and_bucket(checkpoints: LogCheckpoints) -> None:
    checkpoints.put(BALANCES, 0, START)
    checkpoints.put(BALANCES, 3, START + DAY)
    checkpoints.put(BALANCES, 0, START + DAY)
    checkpoints.put(TURNOVER, 0, START)
    assert checkpoints.get(BALANCES, range(4)) == {0: START + DAY, 3: START + DAY}
    assert checkpoints.get(Generation("balances", 2), range(4)) == {}
    assert checkpoints.get(BALANCES, []) == {}


def test_a_consumer_that_was_off_for_two_days_ends_at_the_fold(ledger: Ledger) -> None:
    """Nothing recorded meanwhile is ever delivered: its records are gone after 24 hours."""
    for stream in STREAMS[:6]:
        ledger.runner.project(ledger.append(stream, *deposits(5)))
    ledger.catch_up.everything(ledger.soon())
    pay_in(ledger, *STREAMS[3:])
    ledger.clock.move(2 * DAY)
    reports = ledger.catch_up.everything(ledger.soon())
    assert [(report.generation, report.moved, report.complete) for report in reports] == [
        (BALANCES, 9, True),
        (TURNOVER, 9, True),
    ]
    assert_folded(ledger, *STREAMS)
    assert [report.moved for report in ledger.catch_up.everything(ledger.soon())] == [0, 0]


def test_a_resumed_projection_catches_up_with_all_it_missed(ledger: Ledger) -> None:
    pay_in(ledger, *STREAMS[:2])
    ledger.operations.pause("balances", "maintenance", "ops")
    for stream in STREAMS:
        assert not ledger.runner.project(ledger.append(stream, *deposits(7)))
    assert ledger.balance(STREAMS[0]) is None
    (report,) = ledger.operations.resume("balances", ledger.soon())
    assert (report.generation, report.moved, report.complete) == (BALANCES, 12, True)
    assert_folded(ledger, *STREAMS)


def test_a_parked_stream_stays_parked(ledger: Ledger) -> None:
    bad = ledger.commit(STREAMS[0], *deposits(1, note=POISON))
    for _ in range(3):
        ledger.runner.project([bad])
    ledger.cured.cured = True
    pay_in(ledger, *STREAMS)
    ledger.clock.move(DAY)
    ledger.catch_up.everything(ledger.soon())
    assert ledger.balance(STREAMS[0]) is None
    assert [failure.stream for failure in ledger.views.parked(BALANCES)] == [STREAMS[0]]
    assert all(same(ledger.balance(stream), ledger.expected_balance(stream)) for stream in STREAMS[1:])
    assert ledger.operations.retry("balances", STREAMS[0]) is None
    assert ledger.operations.retry("turnover", STREAMS[0]) is None
    assert_folded(ledger, *STREAMS)


def test_what_may_still_be_on_its_way_is_left_to_the_delivery(ledger: Ledger) -> None:
    pay_in(ledger, STREAMS[0])
    assert [report.moved for report in ledger.catch_up.everything(ledger.soon())] == [0, 0]
    ledger.clock.move(MARGIN)
    assert [report.moved for report in ledger.catch_up.everything(ledger.soon())] == [1, 1]
