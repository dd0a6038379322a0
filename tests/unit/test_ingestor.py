"""Ingesting: one command for each stream and batch, and what a commit costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.clocks import ManualClock
from tests.support.engines import DynamoDBEngine
from tests.support.meters import DOMAIN, INGEST, METERS, SHOWN, UNREADABLE, Meter, Register, Shown, encoded, shows

from banyan.commands.handler import CommandHandler, ConflictRetries, Outcome
from banyan.commands.ingestor import (
    MAX_REFERENCE_AGE,
    TRACKED_REFERENCES,
    Arrival,
    IngestedStream,
    Ingestor,
    References,
    arrivals,
    delivery_id,
    max_age,
)
from banyan.errors import CommandRejected, InvalidStreamId, StoreUnavailable
from banyan.ingest import Ingested
from banyan.store import Commit, EventStore, Snapshot
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId


class CountingTable(MemoryTable):
    """Names each request, and fails for the streams of some meters."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.down: set[str] = set()

    def insert(self, commits: Sequence[Commit], **checks: Any) -> None:
        self.asked.append("write")
        if {commit.stream.id for commit in commits} & self.down:
            raise StoreUnavailable("down")
        super().insert(commits, **checks)

    def backward(self, *arguments: Any, **more: Any) -> Iterator[Commit | Snapshot]:
        self.asked.append("read")
        return super().backward(*arguments, **more)

    def forward(self, *arguments: Any, **more: Any) -> Iterator[Commit | Snapshot]:
        self.asked.append("read")
        return super().forward(*arguments, **more)


class Fleet:
    """Meters that are read by one process."""

    def __init__(self, store: EventStore, clock: ManualClock) -> None:
        retries = ConflictRetries(sleep=lambda _: None)
        self.meters = CommandHandler(store, METERS, retries=retries)
        self.shown = CommandHandler(store, SHOWN, retries=retries)
        self.ingestor = Ingestor(INGEST, References(self.meters.aggregates, clock))
        self.clock = clock

    def register(self, *meters: str, highest: int = 99) -> None:
        for meter in meters:
            self.meters.handle(StreamId("acme", "meter", meter), Register(highest))

    def read(self, *records: bytes, start: int = 1) -> list[Arrival]:
        numbered = enumerate(records, start)
        return [each for number, data in numbered for each in self.ingestor.read("acme", data, f"r{number}")]

    def ingest(self, *records: bytes, start: int = 1) -> list[IngestedStream]:
        return list(self.ingestor.ingest(self.read(*records, start=start), self.handle))

    def handle(self, stream: StreamId, command: Any, records: Sequence[str]) -> Outcome[Any]:
        return self.shown.handle(stream, command, commit_id=delivery_id(stream, records), optimistic=True)

    def values(self, meter: str) -> Shown:
        return self.shown.load(StreamId("acme", "shown", meter)).state


@pytest.fixture
def table() -> CountingTable:
    return CountingTable()


@pytest.fixture
def fleet(table: CountingTable) -> Fleet:
    return another(table)


def another(table: CountingTable) -> Fleet:
    """A process of its own, which knows nothing yet."""
    clock = ManualClock()
    return Fleet(EventStore(table, DOMAIN.registry, clock), clock)


def test_a_batch_is_one_commit_for_each_stream_in_order_of_arrival(fleet: Fleet) -> None:
    fleet.register("a", "b")

    results = fleet.ingest(
        encoded(shows("a", 2, 20)), encoded(shows("b", 1, 5), shows("a", 1, 10)), encoded(shows("a", 3, 30))
    )

    assert [(result.stream.id, result.records) for result in results] == [("a", ["r1", "r2", "r3"]), ("b", ["r2"])]
    assert [each.outcome and [list(event.payload.values) for event in each.outcome.events] for each in results] == [  # type: ignore[attr-defined]
        [[2, 1, 3]],
        [[1]],
    ]
    assert [each.outcome and each.outcome.head.version for each in results] == [1, 1]


def test_a_warm_commit_is_one_write_and_no_read(fleet: Fleet, table: CountingTable) -> None:
    fleet.register("a")
    fleet.ingest(encoded(shows("a", 1, 1)))
    table.asked.clear()

    fleet.ingest(encoded(shows("a", 2, 2)), encoded(shows("a", 3, 3)))

    assert table.asked == ["write"]


def test_a_cold_commit_reads_its_stream_and_its_reference_once(fleet: Fleet, table: CountingTable) -> None:
    fleet.register("a")
    fleet.ingest(encoded(shows("a", 1, 1)))
    table.asked.clear()

    another(table).ingest(encoded(shows("a", 2, 2)), encoded(shows("a", 3, 3)))

    assert table.asked == ["read", "read", "write"]


def test_a_warm_commit_is_one_write_and_no_read_on_dynamodb(moto: DynamoDBEngine) -> None:
    fleet = Fleet(moto.store(DOMAIN.registry), ManualClock())
    fleet.register("a")
    moto.wire.clear()
    fleet.ingest(encoded(shows("a", 1, 1)))
    assert sorted(moto.wire.sent) == ["PutItem", "Query", "Query"], "its stream and its reference"
    moto.wire.clear()

    fleet.ingest(encoded(shows("a", 2, 2)), encoded(shows("a", 3, 3)), start=2)

    assert moto.wire.sent == ["PutItem"]


AGE = max_age(StreamId("acme", "meter", "a"))


@pytest.mark.parametrize(("age", "reads"), [(AGE - timedelta(seconds=1), 0), (AGE, 1), (MAX_REFERENCE_AGE, 1)])
def test_a_reference_is_read_again_once_it_is_a_minute_old_at_most(
    fleet: Fleet, table: CountingTable, age: timedelta, reads: int
) -> None:
    fleet.register("a")
    fleet.ingest(encoded(shows("a", 1, 1)))
    another(table).register("a", highest=1000)
    fleet.clock.move(age)
    table.asked.clear()

    (result,) = fleet.ingest(encoded(shows("a", 2, 2)), start=2)

    assert table.asked == [*["read"] * reads, "write"]
    assert result.outcome
    assert result.outcome.events[0].payload.highest == (1000 if reads else 99)  # type: ignore[attr-defined]


def test_references_that_were_read_at_once_are_not_read_again_at_once() -> None:
    ages = Counter(max_age(StreamId("acme", "meter", f"m{number}")) for number in range(3200))

    assert MAX_REFERENCE_AGE / 2 < min(ages) < max(ages) == MAX_REFERENCE_AGE
    assert max(ages.values()) < 3200 / 16, "a sixteenth"


def test_a_reference_is_known_for_its_minute_however_many_others_are_read(table: CountingTable) -> None:
    store, clock = EventStore(table, DOMAIN.registry, ManualClock()), ManualClock()
    meters = CommandHandler(store, METERS, cache_size=2 * TRACKED_REFERENCES)
    references = References(meters.aggregates, clock)
    meter = StreamId("acme", "meter", "a")
    meters.handle(meter, Register(7))

    references.state(meter)
    for number in range(TRACKED_REFERENCES):
        references.state(StreamId("acme", "meter", f"x{number}"))
    table.asked.clear()

    assert references.state(meter) == Meter(highest=7)
    assert table.asked == []


def test_a_record_that_says_several_things_of_a_stream_is_one_record(fleet: Fleet) -> None:
    fleet.register("a")

    results = fleet.ingest(encoded(shows("a", 1, 1), shows("a", 2, 13)))

    assert [(each.records, type(each.error)) for each in results] == [(["r1"], CommandRejected)]


def test_what_this_process_registers_it_knows_at_once(fleet: Fleet) -> None:
    (unknown,) = fleet.ingest(encoded(shows("a", 1, 1)))
    fleet.register("a")
    (known,) = fleet.ingest(encoded(shows("a", 1, 1)))
    fleet.register("a", highest=1000)
    (raised,) = fleet.ingest(encoded(shows("a", 2, 2)), start=2)

    assert isinstance(unknown.error, CommandRejected)
    assert unknown.error.code == "unknown_meter"
    assert known.outcome
    assert raised.outcome
    assert raised.outcome.events[0].payload.highest == 1000  # type: ignore[attr-defined]


def test_a_meter_that_another_process_registers_is_known_at_once(fleet: Fleet, table: CountingTable) -> None:
    fleet.ingest(encoded(shows("a", 1, 1)))
    another(table).register("a")

    assert fleet.ingest(encoded(shows("a", 1, 1)))[0].outcome


def test_the_same_delivery_is_answered_with_its_first_outcome(fleet: Fleet, table: CountingTable) -> None:
    fleet.register("a")
    first = fleet.ingest(encoded(shows("a", 1, 1)))[0].outcome
    again = another(table).ingest(encoded(shows("a", 1, 1)))[0].outcome

    assert first
    assert again
    assert (again.repeated, again.events) == (True, first.events)


def test_a_delivery_in_another_composition_records_only_what_is_new(fleet: Fleet, table: CountingTable) -> None:
    fleet.register("a")
    records = [encoded(shows("a", number, number)) for number in range(1, 6)]
    fleet.ingest(*records[:3])

    for process, start in ((fleet, 2), (another(table), 1), (another(table), 4)):
        process.ingest(*records[start - 1 :], start=start)

    assert fleet.values("a") == Shown(values={number: number for number in range(1, 6)})
    assert fleet.shown.load(StreamId("acme", "shown", "a")).head.version == 2


@pytest.mark.parametrize(("value", "error"), [(13, CommandRejected), (666, ZeroDivisionError)])
def test_only_the_record_stays_behind_that_is_refused_alone(fleet: Fleet, value: int, error: type[Exception]) -> None:
    fleet.register("a", "b")
    records = [shows("a", 1, 1), shows("a", 2, value), shows("b", 1, 1), shows("a", 3, 3)]

    results = fleet.ingest(*map(encoded, records))

    assert [(each.stream.id, each.records, type(each.error)) for each in results if each.error] == [
        ("a", ["r2"], error)
    ]
    assert fleet.values("a") == Shown(values={1: 1, 3: 3})
    assert fleet.values("b") == Shown(values={1: 1})


def test_a_stream_that_the_store_does_not_take_holds_up_no_other(fleet: Fleet, table: CountingTable) -> None:
    fleet.register("a", "b")
    table.down = {"a"}

    failed, recorded = fleet.ingest(*(encoded(shows(meter, 1, 1)) for meter in ("a", "b")), encoded(shows("a", 2, 2)))

    assert (failed.records, type(failed.error)) == (["r1", "r3"], StoreUnavailable)
    assert recorded.outcome


def test_streams_are_handled_as_results_are_asked_for(fleet: Fleet) -> None:
    fleet.register("a", "b")
    found = fleet.read(encoded(shows("a", 1, 1)), encoded(shows("b", 1, 1)))

    next(fleet.ingestor.ingest(found, fleet.handle))

    assert (fleet.values("a"), fleet.values("b")) == (Shown(values={1: 1}), Shown())


def test_a_record_that_cannot_be_read_or_names_no_stream_is_refused(fleet: Fleet) -> None:
    with pytest.raises(CommandRejected, match="a record is JSON"):
        fleet.ingestor.read("acme", UNREADABLE, "r1")
    with pytest.raises(InvalidStreamId, match="a meter"):
        fleet.ingestor.read("acme", encoded(shows("a meter", 1, 1)), "r1")


def test_without_a_reference_the_command_is_given_none(table: CountingTable) -> None:
    store = EventStore(table, DOMAIN.registry, ManualClock())
    states: list[Any] = []

    def command(contents: Sequence[Any], state: Any) -> Any:
        states.append(state)
        return Register(contents[0])

    handler = CommandHandler(store, METERS)
    ingestor = Ingestor(replace(INGEST, command=command, reference=None), None)
    found = arrivals("acme", [Ingested("meter", "a", 7)])

    results = list(ingestor.ingest(found, lambda stream, sent, _: handler.handle(stream, sent, optimistic=True)))

    assert states == [None]
    assert [each.outcome and each.outcome.head.version for each in results] == [1]


def test_a_commit_id_stands_for_its_stream_and_its_records() -> None:
    a, b = StreamId("acme", "shown", "a"), StreamId("acme", "shown", "b")
    ids = [delivery_id(a, ["1", "2"]), delivery_id(a, ["1"]), delivery_id(a, ["2", "1"]), delivery_id(b, ["1", "2"])]

    assert len({*ids, delivery_id(a, ["1", "2"])}) == len(ids)
