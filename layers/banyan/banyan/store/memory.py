"""Commits in memory, for tests and for trying things out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from threading import Lock
from typing import Final

from banyan.events import DomainEvent, EventRegistry
from banyan.store.base import Collision, Commit, LogEntry, Snapshot
from banyan.store.eventstore import Clock, EventStore, utc_now
from banyan.store.items import bucket_of, log_key
from banyan.streams import StreamHead, StreamId

SNAPSHOT_OFFSET: Final = 0.5


class MemoryTable:
    """Keeps commits in a dictionary; safe to share between threads.

    Parameters
    ----------
    buckets : int
        Number of buckets of the log; it may be raised at any time.
    """

    def __init__(self, buckets: int = 1) -> None:
        self.buckets = buckets
        self._streams: dict[StreamId, dict[float, Commit | Snapshot]] = defaultdict(dict)
        self._spread: dict[tuple[StreamId, int], int] = {}
        self._lock = Lock()

    def insert(self, commits: Sequence[Commit], *, unmoved: Sequence[StreamHead] = ()) -> None:
        with self._lock:
            found = {
                index: standing
                for index, commit in enumerate(commits)
                if isinstance(standing := self._streams[commit.stream].get(commit.position), Commit)
            }
            moved = frozenset(index for index, head in enumerate(unmoved) if self._behind(head))
            if found or moved:
                raise Collision(found, moved)
            for commit in commits:
                self._streams[commit.stream][commit.position] = commit
                self._spread[commit.stream, commit.position] = self.buckets

    def forward(self, stream: StreamId, after: int) -> Iterator[Commit | Snapshot]:
        return (item for position, item in self._sorted(stream) if position >= after + 1)

    def backward(
        self,
        stream: StreamId,
        upto: int | None = None,
        page: int | None = None,  # noqa: ARG002
    ) -> Iterator[Commit | Snapshot]:
        return (item for position, item in reversed(self._sorted(stream)) if upto is None or position <= upto)

    def moved(self, heads: Sequence[StreamHead]) -> frozenset[StreamId]:
        with self._lock:
            return frozenset(head.stream for head in heads if self._behind(head))

    def existing(self, streams: Sequence[StreamId]) -> frozenset[StreamId]:
        with self._lock:
            return frozenset(stream for stream in streams if self._streams.get(stream))

    def put_snapshot(self, snapshot: Snapshot) -> None:
        with self._lock:
            self._streams[snapshot.stream][snapshot.version + SNAPSHOT_OFFSET] = snapshot

    def log_buckets(self) -> range:
        with self._lock:
            return range(max(self.buckets, *self._spread.values()) if self._spread else self.buckets)

    def log(self, bucket: int, after: datetime | None = None) -> Iterator[LogEntry]:
        with self._lock:
            items = [item for stream in self._streams.values() for item in stream.values()]
        commits = (item for item in items if isinstance(item, Commit))
        return (
            LogEntry(commit.recorded_at, commit.stream, commit.position)
            for commit in sorted(commits, key=log_key)
            if self._bucket(commit) == bucket and (after is None or commit.recorded_at >= after)
        )

    def log_behind(
        self,
        bucket: int,
        place: str,
        page: int,  # noqa: ARG002
        *,
        newest_first: bool = False,
    ) -> Iterator[LogEntry]:
        entries = sorted(self.log(bucket), key=log_key, reverse=newest_first)
        return (entry for entry in entries if (log_key(entry) < place if newest_first else log_key(entry) > place))

    def _bucket(self, commit: Commit) -> int:
        return bucket_of(commit.stream, self._spread.get((commit.stream, commit.position), self.buckets))

    def _behind(self, head: StreamHead) -> bool:
        return head.version + 1 in self._streams.get(head.stream, {})

    def _sorted(self, stream: StreamId) -> list[tuple[float, Commit | Snapshot]]:
        with self._lock:
            items = self._streams.get(stream, {})
            return sorted(items.items(), key=lambda pair: pair[0])


def memory_store(events: EventRegistry | Iterable[type[DomainEvent]], clock: Clock = utc_now) -> EventStore:
    """An event store for the life of the process, with every promise of the durable one but that.

    Parameters
    ----------
    events : EventRegistry | Iterable[type[DomainEvent]]
        What may be stored: a domain's registry, or its event classes where none has an older schema version.
    """
    registry = events if isinstance(events, EventRegistry) else EventRegistry(events)
    return EventStore(MemoryTable(), registry, clock)
