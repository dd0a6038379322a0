"""aett as a contestant, on a table of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from uuid import uuid4

from aett.domain import Aggregate, ConflictingCommitException, DefaultAggregateRepository, NonConflictingCommitException
from aett.eventstore import Commit, DomainEvent, EventMessage, Memento, Topic, TopicMap
from aett.storage.synchronous.dynamodb.commit_store import CommitStore
from aett.storage.synchronous.dynamodb.persistence_management import PersistenceManagement
from aett.storage.synchronous.dynamodb.snapshot_store import SnapshotStore

from bench.peers.protocol import Act, note, serve

TENANT: Final = "acme"
COMMITS, SNAPSHOTS = "aett-commits", "aett-snapshots"
PLACE: Final[dict[str, Any]] = {"region": "localhost", "port": int(os.environ["BENCH_ENDPOINT"].rpartition(":")[2])}


@Topic("Deposited")
class Deposited(DomainEvent):
    """An event."""

    amount: int
    note: str


class Balance(Memento):
    """A state."""


class Account(Aggregate[Balance]):
    """Counts and adds up."""

    def __init__(self, stream_id: str, commit_sequence: int, memento: Any = None) -> None:
        self.balance = 0
        self.movements = 0
        super().__init__(stream_id, commit_sequence, memento)

    def apply_memento(self, memento: Balance) -> None:
        """Nothing: no snapshots are taken here."""

    def get_memento(self) -> Balance:
        return Balance(id=self.id, version=self.version, payload={})

    def _apply(self, event: Deposited) -> None:
        self.balance += event.amount
        self.movements += 1


@cache
def store() -> Any:
    """Where commits are kept."""
    PersistenceManagement(COMMITS, SNAPSHOTS, **PLACE).initialize()
    return CommitStore(TopicMap().register(Deposited), table_name=COMMITS, **PLACE)


def commit(stream: str, first: int, size: int) -> Any:
    """A commit whose first event has a version."""
    now = datetime.now(UTC)
    made = [
        Deposited(source=stream, timestamp=now, version=number, amount=number, note=note(number))
        for number in range(first, first + size)
    ]
    return Commit(
        tenant_id=TENANT,
        stream_id=stream,
        stream_revision=first + size - 1,
        commit_id=uuid4(),
        commit_sequence=1 + (first - 1) // size,
        commit_stamp=now,
        headers={},
        events=[EventMessage(body=event) for event in made],
        checkpoint_token=0,
    )


def fill(stream: str, count: int, size: int) -> Act:
    """Write commits from several threads."""

    def act() -> int:
        with ThreadPoolExecutor(4) as pool:
            for _ in pool.map(lambda first: store().commit(commit(stream, first, size)), range(1, 1 + count, size)):
                pass
        return count

    return act


def append(stream: str, size: int, times: int) -> Act:
    """Append commits to a new stream."""

    def act() -> int:
        for number in range(times):
            store().commit(commit(stream, 1 + number * size, size))
        return size * times

    return act


def load(stream: str) -> Act:
    """Load an aggregate, and say how many events it got."""
    repository = DefaultAggregateRepository(TENANT, store(), SnapshotStore(SNAPSHOTS, **PLACE))
    return lambda: repository.get(Account, stream).movements


def race(stream: str) -> Act:
    """Let two writers append what follows the same version: how many are accepted."""
    seen: int = load(stream)()

    def accepted(write: Callable[[], Any]) -> bool:
        try:
            write()
        except (ConflictingCommitException, NonConflictingCommitException):
            return False
        return True

    return lambda: sum(accepted(lambda: store().commit(commit(stream, seen + 1, 1))) for _ in range(2))


if __name__ == "__main__":
    serve({act.__name__: act for act in (fill, append, load, race)})
