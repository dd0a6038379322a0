"""What reading and writing costs: requests, and capacity units."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, uuid5

import pytest
from tests.support.clocks import ManualClock, lengthy
from tests.support.engines import BUCKETS, DynamoDBEngine
from tests.support.ledger import ACCOUNTS, REGISTRY, Deposit, Deposited, account, deposits
from tests.support.wire import Capacity

from banyan.commands.handler import CommandHandler
from banyan.events import Metadata
from banyan.store import Commit, EventStore, Expected, Write
from banyan.store.eventstore import Clock, write_snapshot
from banyan.store.items import MAX_ITEM_BYTES, Item, commit_item, item_size, record
from banyan.store.reader import SEARCH_PAGE
from banyan.streams import StreamHead, StreamId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import WriteRequestTypeDef

A, B = account("a"), account("b")
WRITE_UNIT_BYTES = 1024
INDEXED = ("stream", "position", "log_bucket", "log_key")

COMMANDS = 12

each_size = pytest.mark.parametrize("size", [1, 5, 100])


@each_size
def test_an_append_is_one_write(dynamodb: DynamoDBEngine, size: int) -> None:
    store = dynamodb.store(REGISTRY)
    head = store.append(A, 0, deposits(1)).head
    dynamodb.wire.clear()

    head = store.append(A, head, deposits(*range(size))).head
    store.append(B, Expected.NO_STREAM, deposits(*range(size)))
    assert dynamodb.wire.sent == ["PutItem"] * 2
    dynamodb.wire.clear()

    store.append(A, head.version, deposits(1))
    store.append(A, Expected.ANY, deposits(1))
    assert dynamodb.wire.sent == ["Query", "PutItem"] * 2


@pytest.mark.parametrize("size", [1, 100, 1500])
def test_the_events_of_a_commit_are_compressed_once(
    dynamodb: DynamoDBEngine, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    store, compressed, compress = dynamodb.store(REGISTRY), list[int](), zlib.compress

    def counted(content: bytes) -> bytes:
        compressed.append(len(content))
        return compress(content)

    monkeypatch.setattr(zlib, "compress", counted)
    store.append(A, Expected.NO_STREAM, deposits(*range(size)))
    store.append_many([Write(B, Expected.NO_STREAM, deposits(1)), Write(A, store.head(A), deposits(2))])

    assert len(compressed) == 1 + 2
    assert max(compressed) == len(next(store.commits(A)).events) < MAX_ITEM_BYTES


def test_an_append_to_several_streams_is_one_write(dynamodb: DynamoDBEngine) -> None:
    assert dynamodb.events
    dynamodb.wire.clear()
    store = dynamodb.store(REGISTRY)
    assert dynamodb.wire.sent == []

    store.append_many([Write(A, Expected.NO_STREAM, deposits(1)), Write(B, Expected.NO_STREAM, deposits(2))])
    assert dynamodb.wire.sent == ["TransactWriteItems"]


@each_size
def test_a_load_is_one_read(dynamodb: DynamoDBEngine, size: int) -> None:
    store = dynamodb.store(REGISTRY)
    head = store.append(A, 0, deposits(*range(size))).head
    dynamodb.wire.clear()

    store.load(A)
    store.load(A, since=head)
    store.head(A)
    assert dynamodb.wire.sent == ["Query"] * 3


def test_every_read_of_a_stream_is_strongly_consistent(dynamodb: DynamoDBEngine) -> None:
    store, asked = dynamodb.store(REGISTRY), list[bool]()
    head = store.append(A, 0, deposits(1, 2)).head
    dynamodb.client.meta.events.register(
        "provide-client-params.dynamodb.Query", lambda params, **_: asked.append(params.get("ConsistentRead", False))
    )

    store.load(A)
    store.load(A, since=head)
    store.head(A)
    store.find(A, "x")
    assert [event.version for event in store.read(A, after=1)] == [2]
    assert asked == [True] * 6


def test_a_command_is_a_read_and_a_write(dynamodb: DynamoDBEngine) -> None:
    handler = CommandHandler(dynamodb.store(REGISTRY), ACCOUNTS)
    handler.handle(A, Deposit(1))
    dynamodb.wire.clear()

    handler.handle(A, Deposit(2))
    assert dynamodb.wire.sent == ["Query", "PutItem"]
    dynamodb.wire.clear()

    outcome = handler.handle(A, Deposit(3), optimistic=True)
    assert dynamodb.wire.sent == ["PutItem"]
    assert (outcome.head.version, outcome.state.balance) == (3, 6)


def test_commands_of_long_ago_to_a_busy_stream_cost_one_search_in_all(dynamodb: DynamoDBEngine) -> None:
    """As policies send them when the reactor was off for long."""
    store, clock = dynamodb.store(REGISTRY), ManualClock()
    long_ago, busy = clock.now - timedelta(days=3), 2 * SEARCH_PAGE
    head = StreamHead.empty(A)
    for _ in range(busy):
        head = store.append(A, head, deposits(1)).head
    write_snapshot(store, ACCOUNTS, A)
    handler = CommandHandler(store, ACCOUNTS)
    dynamodb.wire.clear()

    for number in range(COMMANDS):
        handler.handle(A, Deposit(1), commit_id=f"x{number}", first_attempt=long_ago + timedelta(hours=number))

    pages_of_the_search = 2
    assert dynamodb.wire.sent.count("Query") == COMMANDS + pages_of_the_search
    assert dynamodb.wire.sent.count("PutItem") == COMMANDS


def unique(number: int, kind: int) -> str:
    """An id that does not compress, the same in every run."""
    return str(uuid5(NAMESPACE_OID, f"{number}/{kind}"))


class TestUnits:
    """Events as they are in practice: 0.35 KB of JSON each, ids and all."""

    stream = StreamId("acme", "account", unique(0, 0))

    def commit(self, head: StreamHead, size: int, number: int, clock: Clock) -> Commit:
        told = Metadata(correlation_id=unique(number, 1), causation_id=unique(number, 2), actor="customer-4711")
        events = [Deposited(amount=i, note=f"for order {unique(number, i + 9)} by card") for i in range(size)]
        (commit,) = record(head, events, unique(number, 3), told, clock()).parts
        assert len(commit.events) >= 350 * size
        return commit

    def fill(self, engine: DynamoDBEngine, head: StreamHead, commits: int, size: int, clock: Clock) -> StreamHead:
        puts: list[WriteRequestTypeDef] = []
        for number in range(head.version, head.version + commits):
            commit = self.commit(head, size, number, clock)
            puts.append({"PutRequest": {"Item": commit_item(commit, BUCKETS)}})
            head = commit.head
        for first in range(0, len(puts), 25):
            engine.client.batch_write_item(RequestItems={engine.events: puts[first : first + 25]})
        return head

    @pytest.mark.parametrize("size", [pytest.param(5, marks=lengthy), 100])
    def test_a_cold_load_of_a_long_stream(self, dynamodb_local: DynamoDBEngine, size: int) -> None:
        clock = ManualClock()
        store = EventStore(dynamodb_local.table(), REGISTRY, clock, snapshot_interval=50)
        head = self.fill(dynamodb_local, StreamHead.empty(self.stream), 10_000 // size, size, clock)
        write_snapshot(store, ACCOUNTS, self.stream)
        self.fill(dynamodb_local, head, 50, 1, clock)
        capacity = Capacity(dynamodb_local.client)
        dynamodb_local.wire.clear()

        aggregate = CommandHandler(store, ACCOUNTS).load(self.stream)

        assert (aggregate.head.version, aggregate.state.movements) == (10_050, 10_050)
        assert dynamodb_local.wire.sent == ["Query"]
        assert 0 < capacity.units["Query"] <= 12

    @pytest.mark.parametrize(
        ("interval", "size", "units"),
        [(2, 1, 1), (10, 1, 2.5), (100, 1, 16), (100, 5, 24), pytest.param(1000, 1, 155, marks=lengthy)],
    )
    def test_a_cold_command_at_any_distance_from_the_snapshot(
        self, dynamodb_local: DynamoDBEngine, interval: int, size: int, units: float
    ) -> None:
        """The items that a page may hold decide what it costs, however few of them are needed."""
        store = EventStore(dynamodb_local.table(), REGISTRY, ManualClock(), snapshot_interval=interval)
        head = self.fill(dynamodb_local, StreamHead.empty(self.stream), 2 * interval // size, size, ManualClock())
        write_snapshot(store, ACCOUNTS, self.stream)
        capacity = Capacity(dynamodb_local.client)

        for tail in sorted({0, 1, interval // 2, interval - 1}):
            missing = 2 * interval + tail - head.version
            head = self.fill(dynamodb_local, head, missing // size, size, ManualClock())
            head = self.fill(dynamodb_local, head, missing % size, 1, ManualClock())
            dynamodb_local.wire.clear()
            capacity.units.clear()

            outcome = CommandHandler(store, ACCOUNTS).handle(self.stream, Deposit(1))

            assert outcome.state.movements == outcome.head.version == 2 * interval + tail + 1
            assert dynamodb_local.wire.sent == ["Query", "PutItem"], f"{tail} events behind the snapshot"
            assert 0 < capacity.units["Query"] <= units
            head = outcome.head

    def test_a_load_that_finds_no_snapshot_reads_ever_larger_pages(self, dynamodb_local: DynamoDBEngine) -> None:
        store = EventStore(dynamodb_local.table(), REGISTRY, ManualClock(), snapshot_interval=10)
        self.fill(dynamodb_local, StreamHead.empty(self.stream), 300, 1, ManualClock())
        write_snapshot(store, ACCOUNTS, self.stream)
        dynamodb_local.wire.clear()

        newer = CommandHandler(store, replace(ACCOUNTS, state_version=2)).load(self.stream)
        assert newer.state.movements == 300
        assert dynamodb_local.wire.sent == ["Query"] * 5
        dynamodb_local.wire.clear()

        assert len(store.load(self.stream).events) == 300
        assert dynamodb_local.wire.sent == ["Query"]

    def test_an_append_of_five_events(self, dynamodb_local: DynamoDBEngine) -> None:
        commit = self.commit(StreamHead.empty(self.stream), 5, 1, ManualClock())
        item = commit_item(commit, BUCKETS)
        table = dynamodb_local.table()
        capacity = Capacity(dynamodb_local.client)

        table.insert([commit])

        assert capacity.units["PutItem"] == written(item) + written({name: item[name] for name in INDEXED}) <= 3


def written(item: Item) -> int:
    """Write units of an item by DynamoDB's published rules."""
    return ceil(item_size(item) / WRITE_UNIT_BYTES)
