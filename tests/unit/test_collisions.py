"""A table need not report all that stands in the way of a transaction; the store looks for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.support.clocks import ManualClock
from tests.support.ledger import REGISTRY, account, bulk, deposits

from banyan.errors import ConcurrencyError
from banyan.store import Commit, EventStore, Expected, Write
from banyan.store.base import Collision
from banyan.store.eventstore import ANY_ATTEMPTS
from banyan.store.memory import MemoryTable
from banyan.streams import StreamHead

A, B = account("a"), account("b")


class TerseTable(MemoryTable):
    """Reports one collision of several: the first, or the last."""

    def __init__(self, reported: int) -> None:
        super().__init__()
        self._reported = reported

    def insert(self, commits: Sequence[Commit], **checks: Any) -> None:
        try:
            super().insert(commits, **checks)
        except Collision as collision:
            index = sorted(collision.found)[self._reported]
            raise Collision({index: collision.found[index]}) from collision


@pytest.fixture(params=[0, -1], ids=["first", "last"])
def store(request: pytest.FixtureRequest) -> EventStore:
    return EventStore(TerseTable(request.param), REGISTRY, ManualClock())


def test_a_repeated_split_commit_comes_back_whole(store: EventStore) -> None:
    first = store.append(A, 0, bulk(3, 300_000), commit_id="x")
    store.append(A, first.head, deposits(9))

    again = store.append(A, Expected.NO_STREAM, bulk(3, 300_000), commit_id="x")

    assert (again.repeated, again.head, again.events) == (True, first.head, first.events)


def test_every_stream_of_a_repeat_comes_back(store: EventStore) -> None:
    writes = [Write(A, Expected.NO_STREAM, deposits(1, 2)), Write(B, Expected.NO_STREAM, bulk(3, 300_000))]
    first = store.append_many(writes, commit_id="x")

    again = store.append_many(writes, commit_id="x")

    assert [(a.head, a.events) for a in again] == [(a.head, a.events) for a in first]


def test_the_commit_of_another_is_never_taken_for_ours(store: EventStore) -> None:
    store.append(A, 0, deposits(1), commit_id="x")
    store.append(B, 0, deposits(2), commit_id="y")

    with pytest.raises(ConcurrencyError) as conflict:
        store.append_many(
            [Write(A, Expected.NO_STREAM, deposits(1)), Write(B, Expected.NO_STREAM, deposits(2))], commit_id="x"
        )
    assert (conflict.value.stream, conflict.value.expected, conflict.value.actual) == (B, 0, 1)


class ContendedTable(MemoryTable):
    """Lets a rival write to the stream before an insert, a number of times."""

    def __init__(self, rivals: int) -> None:
        super().__init__()
        self.rivals = rivals

    def insert(self, commits: Sequence[Commit], **checks: Any) -> None:
        if self.rivals:
            self.rivals -= 1
            rival = EventStore(self, REGISTRY, ManualClock())
            left, self.rivals = self.rivals, 0
            rival.append(A, rival.head(A), deposits(1))
            self.rivals = left
        super().insert(commits, **checks)


@pytest.mark.parametrize("rivals", [1, ANY_ATTEMPTS - 1])
def test_an_append_anywhere_goes_behind_its_rivals(rivals: int) -> None:
    store = EventStore(ContendedTable(rivals), REGISTRY, ManualClock())
    assert store.append(A, Expected.ANY, deposits(2)).head.version == rivals + 1


def test_an_append_anywhere_gives_up_when_rivals_never_end() -> None:
    store = EventStore(ContendedTable(ANY_ATTEMPTS), REGISTRY, ManualClock())
    with pytest.raises(ConcurrencyError):
        store.append(A, Expected.ANY, deposits(2))


def test_an_append_at_a_head_does_not_go_behind_its_rivals() -> None:
    store = EventStore(ContendedTable(1), REGISTRY, ManualClock())
    with pytest.raises(ConcurrencyError):
        store.append_many([Write(A, StreamHead.empty(A), deposits(2)), Write(B, Expected.ANY, deposits(2))])
