"""Reading while a transaction becomes visible: some of its items may be seen before the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.support.clocks import ManualClock
from tests.support.ledger import REGISTRY, account, bulk, deposits

from banyan.errors import StreamCorrupted
from banyan.events import Event
from banyan.store import Commit, EventStore, Snapshot
from banyan.store.memory import MemoryTable
from banyan.store.verify import verify_stream
from banyan.streams import StreamHead

A = account("a")
PARTS = 3


class SlowTable(MemoryTable):
    """Hides some positions from the next few queries.

    Parameters
    ----------
    hidden : set[int]
        Positions.
    queries : int
        How many queries miss them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hidden: set[int] = set()
        self.queries = 0

    def forward(self, stream: object, after: int) -> Iterator[Commit | Snapshot]:
        return self._visible(super().forward(stream, after))  # type: ignore[arg-type]

    def backward(self, stream: object, upto: int | None = None, page: int | None = None) -> Iterator[Commit | Snapshot]:
        return self._visible(super().backward(stream, upto, page))  # type: ignore[arg-type]

    def _visible(self, items: Iterator[Commit | Snapshot]) -> Iterator[Commit | Snapshot]:
        hidden = self.hidden if self.queries > 0 else set()
        self.queries -= 1
        return (item for item in items if not (isinstance(item, Commit) and item.position in hidden))


READERS: dict[str, Callable[[EventStore, StreamHead], object]] = {
    "load": lambda store, _: store.load(A).head.version,
    "load the news": lambda store, since: store.load(A, since=since).head.version,
    "read": lambda store, _: list(store.read(A))[-1].version,
    "head": lambda store, _: store.get_stream_version(A),
}


@pytest.fixture
def table() -> SlowTable:
    return SlowTable()


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def store(table: SlowTable, waits: list[float]) -> EventStore:
    return EventStore(table, REGISTRY, ManualClock(), waits.append)


@pytest.mark.parametrize("hidden", [{2}, {3}, {4}, {2, 3}, {3, 4}, {2, 4}])
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_half_a_commit_is_never_returned(
    table: SlowTable,
    store: EventStore,
    reader: Callable[[EventStore, StreamHead], object],
    hidden: set[int],
) -> None:
    before = store.append(A, 0, deposits(1)).head
    store.append(A, before, bulk(PARTS, 300_000))
    table.hidden, table.queries = hidden, 2

    assert reader(store, before) == 1 + PARTS


@pytest.mark.parametrize("hidden", [{4}, {3, 4}])
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_nor_is_what_stands_behind_half_a_commit_taken_for_its_rest(
    table: SlowTable, store: EventStore, reader: Callable[[EventStore, StreamHead], object], hidden: set[int]
) -> None:
    before = store.append(A, 0, deposits(1)).head
    split = store.append(A, before, bulk(PARTS, 300_000)).head
    store.append(A, split, deposits(1))
    table.hidden, table.queries = hidden, 2

    assert reader(store, before) == 2 + PARTS


@pytest.mark.parametrize("hidden", [{3}, {4}, {5}, {4, 5}])
@pytest.mark.parametrize("queries", [1, 3])
def test_what_was_read_before_half_a_commit_is_not_read_again(
    table: SlowTable, store: EventStore, hidden: set[int], queries: int
) -> None:
    head = store.append(A, 0, deposits(1)).head
    before = store.append(A, head, deposits(2)).head
    store.append(A, before, bulk(PARTS, 300_000))
    for read in (store.read, store.commits):
        table.hidden, table.queries = hidden, queries
        versions = [each.version if isinstance(each, Event) else each.position for each in read(A)]
        assert versions == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("hidden", [{2}, {3}, {4}])
@pytest.mark.parametrize("reader", [READERS["load"], READERS["load the news"], READERS["read"]])
def test_a_part_that_never_appears_is_damage(
    table: SlowTable,
    store: EventStore,
    waits: list[float],
    reader: Callable[[EventStore, StreamHead], object],
    hidden: set[int],
) -> None:
    before = store.append(A, 0, deposits(1)).head
    store.append(A, before, bulk(PARTS, 300_000))
    table.hidden, table.queries = hidden, 1000

    with pytest.raises(StreamCorrupted, match="a part of the commit is missing"):
        reader(store, before)
    assert waits == sorted(waits)
    assert 1 < len(waits) < 10
    assert sum(waits) < 1


def test_verification_looks_again(table: SlowTable, store: EventStore) -> None:
    store.append(A, 0, bulk(PARTS, 300_000))
    table.hidden, table.queries = {2}, 1

    assert verify_stream(store, A).problems == ()
