"""What every table of deadlines promises."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.clocks import ManualClock, no_sleep
from tests.support.deferring import CREDITED, DOMAIN, Credit, deadline, due
from tests.support.engines import LISTED, DynamoDBEngine, Engine
from tests.support.ledger import REGISTRY, account
from tests.support.wire import lost_answer, refused

from banyan.adapters.dynamodb.deadlines import DynamoDBDeadlines
from banyan.commands.handler import CommandHandler, ConflictRetries
from banyan.deadlines.base import MemoryDeadlines, WaitingDeadlines, command_of
from banyan.deadlines.runner import RESERVE_MS, DeadlineRunner
from banyan.errors import StoreMisconfigured, StoreUnavailable

THROTTLED = refused("ThrottlingException")


def table(engine: Engine) -> WaitingDeadlines:
    if isinstance(engine, DynamoDBEngine):
        return DynamoDBDeadlines(engine.gateway, engine.named("deadlines"), engine.log_buckets())
    return MemoryDeadlines()


@pytest.fixture
def deadlines(engine: Engine) -> WaitingDeadlines:
    return table(engine)


def names(deadlines: WaitingDeadlines, after: float) -> list[str]:
    """Accounts with a deadline that is due some seconds after the start, in order."""
    return [waiting.stream.id for waiting in deadlines.due(due(after))]


def test_what_is_due_comes_in_the_order_of_due_times_over_all_streams(deadlines: WaitingDeadlines) -> None:
    for number in (7, 2, 9, 1, 5, 8, 0, 3, 6, 4):
        deadlines.schedule(deadline(f"a{number}", after=number))
    assert names(deadlines, 6) == [f"a{number}" for number in range(7)]
    assert names(deadlines, 5.999999) == [f"a{number}" for number in range(6)]
    assert names(deadlines, -1) == []


def test_a_deadline_comes_back_as_it_was_scheduled(deadlines: WaitingDeadlines) -> None:
    scheduled = deadline("a", 5, note="Köln")
    deadlines.schedule(scheduled)
    (waiting,) = deadlines.due(due(0))
    assert command_of(DOMAIN.deciders, waiting) == Credit(amount=5, note="Köln")
    assert (waiting.stream, waiting.name, waiting.due) == (scheduled.stream, "credit", scheduled.due)
    assert (waiting.commit_id, waiting.metadata) == (scheduled.commit_id, scheduled.metadata)
    assert (waiting.attempts, waiting.error) == (0, "")


def test_a_deadline_scheduled_again_stays_as_it_is_and_another_one_stands_beside_it(
    deadlines: WaitingDeadlines,
) -> None:
    first = deadline("a")
    deadlines.schedule(first)
    (waiting,) = deadlines.due(due(0))
    deadlines.put_back(replace(waiting, attempts=2, error="ZeroDivisionError"))
    deadlines.schedule(first)
    deadlines.schedule(replace(first, commit_id="another"))
    assert sorted((w.commit_id, w.attempts) for w in deadlines.due(due(0))) == [("a-0.0", 2), ("another", 0)]


def test_what_is_removed_is_gone_and_stays_gone(deadlines: WaitingDeadlines) -> None:
    for name in ("a", "b"):
        deadlines.schedule(deadline(name))
    waiting = next(w for w in deadlines.due(due(0)) if w.stream == account("a"))
    for _ in range(2):
        deadlines.remove(waiting)
    deadlines.put_back(replace(waiting, attempts=1))
    assert names(deadlines, 0) == ["b"]


def test_what_is_parked_is_not_due_until_it_is_let_wait_again(deadlines: WaitingDeadlines) -> None:
    for number in (1, 0):
        deadlines.schedule(deadline(f"a{number}", after=number))
    for waiting in list(deadlines.due(due(1))):
        deadlines.park(replace(waiting, attempts=4, error="ZeroDivisionError"))
    assert names(deadlines, 10) == []
    parked = list(deadlines.parked())
    assert [(w.stream.id, w.attempts, w.error) for w in parked] == [
        ("a0", 4, "ZeroDivisionError"),
        ("a1", 4, "ZeroDivisionError"),
    ]
    for _ in range(2):
        deadlines.unpark(parked[0])
    assert [(w.stream.id, w.attempts, w.error) for w in deadlines.due(due(10))] == [("a0", 0, "")]
    assert [w.stream.id for w in deadlines.parked()] == ["a1"]


def test_what_is_due_is_read_to_the_last_page(deadlines: WaitingDeadlines) -> None:
    large = "x" * 300_000
    for number in range(5):
        deadlines.schedule(deadline("a", after=number, note=large))
    assert [waiting.due for waiting in deadlines.due(due(9))] == [due(number) for number in range(5)]


def test_a_lost_answer_schedules_once(dynamodb: DynamoDBEngine) -> None:
    deadlines = table(dynamodb)
    dynamodb.wire.inject(lost_answer, on="PutItem")
    deadlines.schedule(deadline("a"))
    assert names(deadlines, 0) == ["a"]


def test_a_table_that_does_not_answer_is_distinguished_from_a_wrong_request(moto: DynamoDBEngine) -> None:
    deadlines = table(moto)
    moto.wire.inject(*[THROTTLED] * 3)
    with pytest.raises(StoreUnavailable, match=r"refused for now: deadlines.* says ThrottlingException"):
        deadlines.schedule(deadline("a"))
    missing = DynamoDBDeadlines(moto.gateway, "missing", moto.log_buckets())
    with pytest.raises(StoreMisconfigured, match="missing says ResourceNotFoundException"):
        missing.schedule(deadline("a"))


def test_a_crowd_is_worked_off_in_order_with_three_requests_each(dynamodb: DynamoDBEngine) -> None:
    deadlines, clock = table(dynamodb), ManualClock()
    store = dynamodb.store(REGISTRY, clock)
    crowd = [f"a{number:02}" for number in range(40)]
    for number, name in enumerate(crowd):
        deadlines.schedule(deadline(name, after=-number / 1000))
    clock.move(timedelta(minutes=1))
    handlers = {"account": CommandHandler(store, CREDITED, retries=ConflictRetries(sleep=no_sleep))}
    runner = DeadlineRunner(deadlines, DOMAIN.deciders, handlers, clock=clock)
    seconds = iter([RESERVE_MS] * 25 + [0] + [RESERVE_MS] * 15)
    dynamodb.wire.clear()
    first = runner.run(lambda: next(seconds))
    assert (first.fired, first.out_of_time) == (25, True)
    assert names(deadlines, 60) == crowd[14::-1]
    second = runner.run(lambda: next(seconds))
    assert (second.fired, second.out_of_time) == (15, False)
    sent = Counter(dynamodb.wire.sent)
    gauge_of_parked = 2
    assert sent == {"Query": 40 + 3 * (1 + LISTED) + gauge_of_parked, "PutItem": 40, "DeleteItem": 40}
    assert [store.get_stream_version(account(name)) for name in crowd] == [1] * 40
