"""What a run has read of a stream serves every comparison, up to a bound."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.clocks import ManualClock, no_sleep
from tests.support.engines import BUCKETS
from tests.support.ledger import REGISTRY, Deposited, account

from banyan.reconciliation.rows import Histories
from banyan.store import Commit, EventStore, Expected, Snapshot
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId

ANNA, BEN = account("anna"), account("ben")


class Read(MemoryTable):
    """Counts how often a stream is read."""

    def __init__(self) -> None:
        super().__init__(BUCKETS)
        self.streams: list[StreamId] = []

    def forward(self, stream: StreamId, after: int) -> Iterator[Commit | Snapshot]:
        self.streams.append(stream)
        return super().forward(stream, after)


@pytest.fixture
def table() -> Read:
    return Read()


@pytest.fixture
def store(table: Read) -> EventStore:
    store = EventStore(table, REGISTRY, ManualClock(), no_sleep)
    for stream in (ANNA, BEN):
        for _ in range(3):
            store.append(stream, Expected.ANY, [Deposited(amount=1)])
    table.streams.clear()
    return store


def test_a_stream_is_read_once_for_all(table: Read, store: EventStore) -> None:
    histories = Histories(store)
    assert histories.recent(ANNA) == histories.recent(ANNA) == tuple(store.commits(ANNA))
    assert table.streams == [ANNA, ANNA]


def test_who_must_know_reads_again_and_the_others_learn_of_it(store: EventStore) -> None:
    histories = Histories(store)
    histories.recent(ANNA)
    store.append(ANNA, Expected.ANY, [Deposited(amount=1)])
    assert [len(histories.recent(ANNA)), len(histories.read(ANNA)), len(histories.recent(ANNA))] == [3, 4, 4]


def test_what_was_read_elsewhere_is_kept(table: Read, store: EventStore) -> None:
    histories, commits = Histories(store), tuple(store.commits(ANNA))
    table.streams.clear()
    histories.keep(ANNA, commits)
    assert (histories.recent(ANNA), table.streams) == (commits, [])


def test_what_was_read_first_goes_first(table: Read, store: EventStore) -> None:
    histories = Histories(store, limit=5)
    for stream in (ANNA, BEN, BEN, ANNA):
        histories.recent(stream)
    assert table.streams == [ANNA, BEN, ANNA]
