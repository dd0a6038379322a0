"""What the newest commits say of a lag and of how much is recorded, however many commits there are."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.ledger import account, deposits
from tests.support.projections import Ledger

from banyan.projections import lag
from banyan.projections.lag import Lag, Throughput
from banyan.projections.operations import Operations, ProjectionStatus

ANNA, BEN = account("anna"), account("ben")
SECOND = timedelta(seconds=1)


def lags(operations: Operations, projection: str = "turnover") -> tuple[int, int, bool]:
    """The lag of a projection, in whole seconds."""
    found = seen(operations)[0][projection].lag
    return found.events, found.milliseconds // 1000, found.complete


def seen(operations: Operations) -> tuple[dict[str, ProjectionStatus], Throughput]:
    """How projections stand, by name, and what was recorded of late."""
    statuses, throughput = operations.overview()
    return {each.projection: each for each in statuses}, throughput


def test_what_few_commits_say_is_exact() -> None:
    ledger = Ledger()
    operations = ledger.operations
    ledger.runner.project(ledger.append(ANNA, *deposits(1, 2)))
    ledger.append(ANNA, *deposits(3, 4))
    ledger.append(BEN, *deposits(5))
    ledger.clock.move(SECOND)
    found, throughput = seen(operations)
    assert [(each.projection, each.lag.events) for each in operations.status()] == [
        (name, each.lag.events) for name, each in found.items()
    ]
    assert lags(operations) == (2, 1, True)
    assert [each.lag.events for each in operations.status(newest=True)] == [each.lag.events for each in found.values()]
    assert operations.status("turnover", newest=True)[0].lag.events == 2
    assert (throughput.commits, throughput.events) == (3, 4), "of the newest commit of each stream one event is known"
    for stream in (ANNA, BEN):
        operations.retry("turnover", stream)
    found, throughput = seen(operations)
    assert (found["turnover"].lag, found["balances"].lag.events) == (Lag(0, 0, True), 2)
    assert (throughput.commits, throughput.events, throughput.whole_minute) == (3, 5, True)
    ledger.clock.move(timedelta(minutes=1))
    assert seen(operations)[1] == Throughput(60.0, 0, 0)


def test_what_was_applied_is_remembered_and_what_came_since_is_asked_for() -> None:
    ledger = Ledger()
    operations = ledger.operations
    for _ in range(3):
        ledger.runner.project(ledger.append(ANNA, *deposits(1)))
        assert seen(operations)[0]["turnover"].lag.events == 0
        ledger.append(ANNA, *deposits(1))
        assert seen(operations)[0]["turnover"].lag.events == 1
        operations.retry("turnover", ANNA)
        assert seen(operations)[0]["turnover"].lag.events == 0


def test_what_many_commits_say_is_a_lower_bound_and_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger()
    operations = ledger.operations
    monkeypatch.setattr(lag, "NEWEST", 10 * len(ledger.store.log_buckets()))
    for _ in range(30):
        ledger.append(ANNA, *deposits(1))
        ledger.clock.move(SECOND)
    _, throughput = seen(operations)
    assert lags(operations) == (30, 10, False), "its checkpoint says how many lie before the ten"
    assert (round(throughput.seconds), throughput.commits, throughput.events) == (10, 10, 10)
    assert not throughput.whole_minute


def test_of_many_streams_the_newest_and_the_oldest_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger()
    operations = ledger.operations
    monkeypatch.setattr(lag, "ASKED_STREAMS", 2)
    for number in range(4):
        ledger.append(account(f"a{number}"), *deposits(1))
        ledger.clock.move(SECOND)
    assert lags(operations) == (2, 4, False), "however many came since, the oldest says how long it takes"
    for number in (3, 0):
        operations.retry("turnover", account(f"a{number}"))
    assert lags(operations) == (0, 0, False), "others were not asked for yet"
    assert lags(operations) == (2, 3, True), "these are known, so that others are"


def test_a_commit_of_a_fast_clock_makes_no_rate_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger()
    operations = ledger.operations
    monkeypatch.setattr(lag, "NEWEST", 10 * len(ledger.store.log_buckets()))
    ledger.clock.move(10 * SECOND)
    for _ in range(20):
        ledger.append(ANNA, *deposits(1))
    ledger.clock.move(-5 * SECOND)
    _, throughput = seen(operations)
    assert (throughput.seconds, throughput.commits) == (1.0, 10)
