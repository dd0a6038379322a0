"""Reading streams: verified on the way, never half a commit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from banyan.errors import StreamCorrupted
from banyan.events import DomainEvent, Event, EventRegistry
from banyan.store.base import Commit, CommitTable, Loaded, LogEntry, Snapshot, follow
from banyan.store.items import RecordedEvents, decode, payloads, recorded
from banyan.streams import StreamHead, StreamId

SNAPSHOT_INTERVAL: Final = 100
SNAPSHOT_ITEMS: Final = 2
"""A snapshot, and the commit that it stands on."""

SEARCH_PAGE: Final = 50
HALF_COMMIT_READS: Final = 6
HALF_COMMIT_WAIT_SECONDS: Final = 0.01


class HalfCommit(Exception):
    """Not all parts of a split commit are visible yet; ``part`` is the first of those that are."""

    def __init__(self, part: Commit) -> None:
        super().__init__(f"{part.stream} at {part.position}")
        self.part = part

    def for_good(self) -> StreamCorrupted:
        """The error to raise when the other parts never appear."""
        return StreamCorrupted(self.part.stream, self.part.position, "a part of the commit is missing")


class StreamReader:
    """Reads streams of events, strongly consistent and to their end.

    Parameters
    ----------
    registry : EventRegistry
        Events of the domain.
    sleep : Callable[[float], None]
        Waits between two looks at a commit that is still becoming visible, seconds.
    snapshot_interval : int
        Events between two snapshots: so many items a load reads at once, and finds the newest snapshot among them.
    """

    def __init__(
        self,
        table: CommitTable,
        registry: EventRegistry,
        sleep: Callable[[float], None] = time.sleep,
        snapshot_interval: int = SNAPSHOT_INTERVAL,
    ) -> None:
        self.table = table
        self.registry = registry
        self._sleep = sleep
        self._page = snapshot_interval + SNAPSHOT_ITEMS

    def read(self, stream: StreamId, after: int = 0, *, to_version: int | None = None) -> Iterator[Event]:
        """Events of a stream, oldest first: those after version ``after``, to the end or to ``to_version``.

        ``after=0`` is the whole stream, and ``after=5`` begins with version 6, so the version of the last event that
        was read is where the next read continues. ``to_version`` itself is included.

        Raises
        ------
        StreamCorrupted, EventError, StoreUnavailable
        """
        for commit in self.commits(stream, self.boundary_before(stream, after + 1)):
            for event in self.decode(commit):
                if to_version is not None and event.version > to_version:
                    return
                if event.version > after:
                    yield event

    def commits(self, stream: StreamId, after: StreamHead | int = 0) -> Iterator[Commit]:
        """Commits behind a commit boundary, oldest first, undecoded.

        Behind a bare version the first commit's digest is taken on trust; from the beginning or behind a
        ``StreamHead`` all are checked.
        """
        head = StreamHead.empty(stream) if after == 0 else after
        last: Commit | None = None
        for attempt in range(HALF_COMMIT_READS):
            try:
                for commit in self._behind(stream, last.head if last else head):
                    last = commit
                    yield commit
                return
            except HalfCommit as half:
                self._wait_for(half, attempt)

    def decode(self, commit: Commit) -> tuple[Event, ...]:
        """Events of one commit, old schema versions lifted. Raises ``EventError``, ``StreamCorrupted``."""
        return decode(commit, self.registry)

    def payloads(self, commit: Commit) -> list[DomainEvent]:
        """What the events of one commit say, all that a fold needs. Raises ``EventError``, ``StreamCorrupted``."""
        return payloads(commit, self.registry)

    def recorded(self, commits: Sequence[Commit]) -> RecordedEvents:
        """Events of some commits, their payloads read now. Raises ``EventError``, ``StreamCorrupted``."""
        return recorded(commits, self.registry)

    def head(self, stream: StreamId) -> StreamHead:
        """Newest commit boundary; one small read.

        Raises
        ------
        StreamCorrupted
            The newest commit lacks a part.
        """
        for attempt in range(HALF_COMMIT_READS):
            commit = self.newest(stream)
            if commit is None:
                return StreamHead.empty(stream)
            if commit.part == commit.parts:
                return commit.head
            self._wait_for(HalfCommit(commit), attempt)
        raise AssertionError("unreachable")

    def get_stream_version(self, stream: StreamId) -> int:
        """Version of the newest event, 0 for an empty stream."""
        return self.head(stream).version

    def load(
        self,
        stream: StreamId,
        *,
        state_version: int | None = None,
        since: StreamHead | None = None,
        upto: int | None = None,
    ) -> Loaded:
        """Load a stream as of its head, or of a commit before it.

        Parameters
        ----------
        state_version : int, optional
            Accept a snapshot whose state has this version; without it all events are read.
        since : StreamHead, optional
            Read only what came after.
        upto : int, optional
            Version that a commit ends with. What is found includes that commit: no snapshot of it is accepted.

        Raises
        ------
        StreamCorrupted, EventError, StoreUnavailable
        """
        if since is not None:
            snapshot, base, tail = None, since, tuple(self.commits(stream, since))
        else:
            snapshot, base, tail = self._load_back(stream, state_version, upto)
        return Loaded(tail[-1].head if tail else base, snapshot, tail, recorded(tail, self.registry))

    def find(self, stream: StreamId, commit_id: str) -> Commit | None:
        """Look back for a commit by its id; its last part when split."""
        return next((each for each in self.recorded_since(stream) if each.commit_id == commit_id), None)

    def recorded_since(
        self, stream: StreamId, since: datetime | None = None, upto: int | None = None
    ) -> Iterator[Commit]:
        """Commits at a version or before it that were recorded at a moment or later, newest first."""
        for commit in _commits(self.table.backward(stream, upto, page=SEARCH_PAGE)):
            if since is not None and commit.recorded_at < since:
                return
            yield commit

    def newest(self, stream: StreamId, upto: int | None = None) -> Commit | None:
        """The newest commit, or part of one, that begins at a version or before it. Raises ``StreamCorrupted``."""
        return next(_commits(self.table.backward(stream, upto, page=2)), None)

    def boundary_before(self, stream: StreamId, version: int) -> int:
        """A commit boundary before ``version``, with at most one commit between."""
        if version <= 1:
            return 0
        first_parts = (c for c in _commits(self.table.backward(stream, version, page=2)) if c.part == 1)
        commit = next(first_parts, None)
        return commit.position - 1 if commit else 0

    def log_buckets(self) -> range:
        """The buckets of the log, all that ever were. Raises ``StoreUnavailable``."""
        return self.table.log_buckets()

    def log(self, bucket: int, after: datetime | None = None) -> Iterator[LogEntry]:
        """All commits of one bucket recorded at or after a moment, in order, eventually consistent."""
        return self.table.log(bucket, after)

    def moved(self, heads: Sequence[StreamHead]) -> frozenset[StreamId]:
        """Streams that went on behind some heads, each of another stream; one batch read for up to 100."""
        return self.table.moved(heads)

    def existing(self, streams: Sequence[StreamId]) -> frozenset[StreamId]:
        """Those of some different streams that hold a commit; one batch read for up to 100."""
        return self.table.existing(streams)

    def streams(self) -> Iterator[StreamId]:
        """Every stream there is, each once, eventually consistent."""
        for bucket in self.table.log_buckets():
            for entry in self.table.log(bucket):
                if entry.position == 1:
                    yield entry.stream

    def _behind(self, stream: StreamId, head: StreamHead | int) -> Iterator[Commit]:
        version = head if isinstance(head, int) else head.version
        return _checked(head, _commits(self.table.forward(stream, version)))

    def _load_back(
        self, stream: StreamId, state_version: int | None, upto: int | None
    ) -> tuple[Snapshot | None, StreamHead, tuple[Commit, ...]]:
        page = None if state_version is None else self._page
        for attempt in range(HALF_COMMIT_READS):
            snapshot, found, tail = _back_to_snapshot(self.table.backward(stream, upto, page), state_version)
            base = found or StreamHead.empty(stream)
            try:
                return snapshot, base, tuple(_checked(base, tail))
            except HalfCommit as half:
                self._wait_for(half, attempt)
        raise AssertionError("unreachable")

    def _wait_for(self, half: HalfCommit, attempt: int) -> None:
        if attempt == HALF_COMMIT_READS - 1:
            raise half.for_good()
        self._sleep(HALF_COMMIT_WAIT_SECONDS * 2**attempt)


def whole(commits: Iterable[Commit]) -> Iterator[tuple[Commit, ...]]:
    """Group the parts of split commits; a query may see some parts of a transaction before the others.

    Raises
    ------
    HalfCommit
        When a part of a commit is not visible.
    """
    parts: list[Commit] = []
    for commit in commits:
        parts.append(commit)
        if commit.part != len(parts):
            raise HalfCommit(parts[0])
        if commit.part == commit.parts:
            yield tuple(parts)
            parts = []
    if parts:
        raise HalfCommit(parts[0])


def _checked(head: StreamHead | int, commits: Iterable[Commit]) -> Iterator[Commit]:
    """Commits that follow one another, each of them whole. Raises ``HalfCommit``, ``StreamCorrupted``."""
    for parts in whole(commits):
        yield from follow(head, parts)
        head = parts[-1].head


def _commits(items: Iterable[Commit | Snapshot]) -> Iterator[Commit]:
    return (item for item in items if isinstance(item, Commit))


def _back_to_snapshot(
    newest_first: Iterable[Commit | Snapshot], state_version: int | None
) -> tuple[Snapshot | None, StreamHead | None, list[Commit]]:
    """Collect commits back to the newest snapshot that fits the state and the chain."""
    tail: list[Commit] = []
    candidate: Snapshot | None = None
    for item in newest_first:
        if isinstance(item, Snapshot):
            if item.state_version == state_version:
                candidate = item
            continue
        if candidate and _fits(candidate, item):
            return candidate, item.head, tail[::-1]
        candidate = None
        tail.append(item)
    return None, None, tail[::-1]


def _fits(snapshot: Snapshot, commit: Commit) -> bool:
    return (snapshot.version, snapshot.digest) == (commit.last, commit.digest) and commit.part == commit.parts
