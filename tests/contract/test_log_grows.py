"""``LogBuckets`` is raised on a live table: every commit is met once, whatever number writers and readers have."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random

import pytest
from tests.support.clocks import EVERYTHING, ManualClock, only_on_the_exact_engine
from tests.support.deferring import CREDITED, deadline, due
from tests.support.engines import DynamoDBEngine
from tests.support.interruptions import Interruption, Killed, Outside, killed_after, killed_before
from tests.support.ledger import REGISTRY, account, deposits
from tests.support.projections import Ledger, same
from tests.support.wire import refused

from banyan.adapters.dynamodb.commits import DynamoDBTable
from banyan.adapters.dynamodb.deadlines import DynamoDBDeadlines
from banyan.adapters.dynamodb.documents import LOG_CHECKPOINTS, DynamoDBDocuments
from banyan.adapters.dynamodb.gateway import Gateway
from banyan.commands.handler import CommandHandler
from banyan.deadlines.runner import DeadlineRun, DeadlineRunner
from banyan.errors import StoreUnavailable
from banyan.projections.catchup import LogCheckpoints
from banyan.projections.views import Generation
from banyan.store import EventStore
from banyan.store.items import bucket_of
from banyan.streams import StreamHead, StreamId

OLD, NEW = 8, 64
FEWER = NEW if EVERYTHING else 20
NAMES = [f"a{number}" for number in range(30)]
BEYOND = [name for name in NAMES if bucket_of(account(name), NEW) >= OLD]
HOUR = timedelta(hours=1)


class FixedTable(DynamoDBTable):
    """As code had it that knew no number but its own."""

    def log_buckets(self) -> range:
        return range(self.buckets)


class MortalCheckpoints(LogCheckpoints):
    """Their process dies after it has kept some."""

    left = 1_000_000

    def put(self, generation: Generation, bucket: int, moment: datetime) -> None:
        super().put(generation, bucket, moment)
        self.left -= 1
        if not self.left:
            raise Killed


def processes(engine: DynamoDBEngine, checkpoints: LogCheckpoints) -> Sequence[Ledger]:
    """One that knows only the old number, one that is configured with it, and one with the new one."""
    tables = (FixedTable(engine.gateway, engine.events, OLD), engine.table(OLD), engine.table(FEWER))
    views, states = engine.views(), engine.projection_states()
    return [Ledger(views, table, projection_states=states, checkpoints=checkpoints) for table in tables]


@pytest.mark.parametrize("last", [1, 2], ids=["read with the old number", "read with the new one"])
def test_every_commit_is_met_once_while_the_log_grows(dynamodb: DynamoDBEngine, last: int) -> None:
    only_on_the_exact_engine(dynamodb.name)
    chance, written = Random(last), Counter[tuple[str, int]]()
    dynamodb.views()
    checkpoints = MortalCheckpoints(DynamoDBDocuments(dynamodb.gateway, dynamodb.tables.cursors, LOG_CHECKPOINTS))
    running = processes(dynamodb, checkpoints)
    for round in range(5 if EVERYTHING else 3):
        for _ in range(12):
            writer = chance.choice(running if round else running[:2])
            commit = writer.commit(account(chance.choice(NAMES)), *deposits(1))
            written[str(commit.stream), commit.position] += 1
        for each in running:
            each.clock.move(HOUR)
        checkpoints.left = chance.randrange(1, 2 * FEWER)
        with suppress(Killed):
            chance.choice(running).catch_up.everything(running[0].soon())
    for each in running[1:]:
        listed = [entry for bucket in each.store.log_buckets() for entry in each.store.log(bucket)]
        assert Counter((str(entry.stream), entry.position) for entry in listed) == written
        assert sorted(map(str, each.store.streams())) == sorted({stream for stream, _ in written})

    reader, checkpoints.left = running[last], 1_000_000
    assert all(report.complete for report in reader.catch_up.everything(reader.soon()))
    assert all(same(reader.balance(s), reader.expected_balance(s)) for s in reader.store.streams())
    assert reader.turnover_rows() == reader.expected_turnover()
    assert [status.lag.events for status in reader.operations.status()] == [0, 0]


def appended(engine: DynamoDBEngine, table: DynamoDBTable, name: str) -> list[str]:
    """Requests of an append to a new stream."""
    store = EventStore(table, REGISTRY, ManualClock())
    engine.wire.clear()
    store.append(account(name), StreamHead.empty(account(name)), deposits(1))
    return list(engine.wire.sent)


def test_a_process_asks_once_in_its_life_whether_its_number_is_known(dynamodb: DynamoDBEngine) -> None:
    old, new, later = dynamodb.table(OLD), dynamodb.table(NEW), dynamodb.table(NEW)
    first, *others = BEYOND
    assert appended(dynamodb, old, "b0") == ["PutItem"]
    assert appended(dynamodb, new, first) == ["Query", "PutItem", "PutItem"]
    assert appended(dynamodb, later, others[0]) == ["Query", "PutItem"]
    assert appended(dynamodb, new, others[1]) == appended(dynamodb, later, others[2]) == ["PutItem"]
    assert old.log_buckets() == new.log_buckets() == range(NEW)


def test_nothing_is_written_where_others_would_not_look_for_it(dynamodb: DynamoDBEngine) -> None:
    new, old = dynamodb.table(NEW), EventStore(dynamodb.table(OLD), REGISTRY, ManualClock())
    dynamodb.wire.inject(*[refused("ThrottlingException")] * 20, on="PutItem")
    with pytest.raises(StoreUnavailable):
        EventStore(new, REGISTRY, ManualClock()).append(
            account(BEYOND[0]), StreamHead.empty(account(BEYOND[0])), deposits(1)
        )
    assert list(old.streams()) == []
    assert appended(dynamodb, new, BEYOND[0]) == ["Query", "PutItem", "PutItem"]
    assert list(old.streams()) == [account(BEYOND[0])]


@pytest.mark.parametrize("step", [1, 2, 3], ids=["asks", "announces", "writes"])
@pytest.mark.parametrize("death", [killed_before, killed_after])
def test_processes_that_die_while_it_is_raised_twice_lose_and_double_nothing(
    dynamodb: DynamoDBEngine, death: Interruption, step: int
) -> None:
    def append(gateway: Gateway) -> None:
        store = EventStore(DynamoDBTable(gateway, dynamodb.events, number), REGISTRY, ManualClock())
        store.append(stream, StreamHead.empty(stream), deposits(1), commit_id=f"c-{number}")

    old, written = EventStore(dynamodb.table(OLD), REGISTRY, ManualClock()), list[StreamId]()
    for before, number in ((OLD, 24), (24, NEW)):
        stream = next(account(name) for name in BEYOND if bucket_of(account(name), number) >= before)
        with pytest.raises(Killed):
            append(Gateway(Outside({step: death}).tap(dynamodb.client)))
        assert [*old.streams()] == ([*written, stream] if dynamodb.table().existing([stream]) else written)
        append(dynamodb.gateway)
        written.append(stream)
        assert [entry.stream for bucket in old.log_buckets() for entry in old.log(bucket)] == written
    assert old.log_buckets() == range(NEW)


def test_a_number_that_was_lowered_loses_nothing_and_is_reported_once(
    dynamodb: DynamoDBEngine, caplog: pytest.LogCaptureFixture
) -> None:
    raised, lowered = dynamodb.table(NEW), dynamodb.table(18)
    appended(dynamodb, raised, BEYOND[0])
    appended(dynamodb, lowered, BEYOND[1])
    with caplog.at_level(logging.WARNING):
        store = EventStore(lowered, REGISTRY, ManualClock())
        for _ in range(2):
            assert sorted(map(str, store.streams())) == sorted(str(account(name)) for name in BEYOND[:2])
        assert raised.log_buckets() == range(NEW)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "LogBuckets is 18 here, and 64 elsewhere or before" in caplog.text


@pytest.mark.parametrize("readers", [OLD, 24, NEW])
def test_deadlines_are_met_once_whoever_put_them_wherever(dynamodb: DynamoDBEngine, readers: int) -> None:
    old, new, reader = (
        DynamoDBDeadlines(dynamodb.gateway, dynamodb.named("deadlines"), dynamodb.log_buckets(own))
        for own in (OLD, NEW, readers)
    )
    for number, name in enumerate(NAMES[:12]):
        (old if number % 2 else new).schedule(deadline(name, after=number))
    waiting = list(reader.due(due(60)))
    assert [each.stream.id for each in waiting] == NAMES[:12]
    for each in waiting[:4]:
        reader.park(each)
    for each in waiting[4:8]:
        reader.remove(each)
    for each in waiting[8:]:
        reader.put_back(each)
    assert [each.stream.id for each in old.due(due(60))] == NAMES[8:12]
    for each in list(new.parked()):
        reader.unpark(each)
    assert [each.stream.id for each in new.due(due(60))] == NAMES[:4] + NAMES[8:12]
    assert list(reader.parked()) == []


def test_a_deadline_that_was_put_with_the_old_number_and_again_with_the_new_one_acts_once(
    dynamodb: DynamoDBEngine,
) -> None:
    old, new = (
        DynamoDBDeadlines(dynamodb.gateway, dynamodb.named("deadlines"), dynamodb.log_buckets(own))
        for own in (OLD, NEW)
    )
    for each in (old, new):
        each.schedule(deadline(BEYOND[0]))
    store = EventStore(dynamodb.table(NEW), REGISTRY, ManualClock())
    runner = DeadlineRunner(new, [CREDITED], {"account": CommandHandler(store, CREDITED)}, clock=lambda: due(60))
    assert runner.run(lambda: 60_000) == DeadlineRun(fired=2)
    assert store.head(account(BEYOND[0])).version == 1
    assert list(old.due(due(60))) == []
