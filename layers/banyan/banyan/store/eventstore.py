"""The event store: appending to streams, on top of reading them; and the snapshots that stand for long histories."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import count, islice
from typing import Any, Final, TypeVar
from uuid import uuid4

from pydantic import BaseModel, ValidationError

from banyan.decider import AnyDecider, Decider
from banyan.errors import ConcurrencyError
from banyan.events import DomainEvent, EventRegistry, Metadata
from banyan.store.base import Appended, Collision, Commit, CommitTable, Expected, Snapshot, Write
from banyan.store.items import Draft, check_snapshot, check_transaction, record
from banyan.store.reader import SNAPSHOT_INTERVAL, StreamReader
from banyan.streams import StreamHead, StreamId
from banyan.telemetry import Attributes, span

ANY_ATTEMPTS: Final = 10

Clock = Callable[[], datetime]
Parts = tuple[Commit, ...]
A = TypeVar("A")


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class EventStore(StreamReader):
    """Appends to and reads from streams of events.

    Parameters
    ----------
    registry : EventRegistry
        Events of the domain.
    clock : Callable[[], datetime]
        Time of recording, UTC.
    """

    def __init__(
        self,
        table: CommitTable,
        registry: EventRegistry,
        clock: Clock = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        snapshot_interval: int = SNAPSHOT_INTERVAL,
    ) -> None:
        super().__init__(table, registry, sleep, snapshot_interval)
        self._clock = clock

    def append(
        self,
        stream: StreamId,
        expected: StreamHead | int | Expected,
        events: Sequence[DomainEvent],
        *,
        commit_id: str | None = None,
        metadata: Metadata | None = None,
    ) -> Appended:
        """Append one commit.

        Parameters
        ----------
        expected : StreamHead | int | Expected
            A head handed out by the store, or ``NO_STREAM``: one write. A bare version: one read more.
            ``ANY``: one read more, or, with a ``commit_id``, a read of the whole stream, as it may be a repeat.
        events : Sequence[DomainEvent]
            At least one.
        commit_id : str, optional
            Idempotency id: repeating the append returns the first result.

        Raises
        ------
        ConcurrencyError
            The stream is not at the expected version.
        CommitTooLarge
            Nothing was written.
        StoreUnavailable
            The outcome is unknown; repeat with the same ``commit_id``.
        """
        write = Write(stream, expected, events)
        self._check(write)
        metadata = metadata or Metadata()
        anywhere = (stream,) if expected is Expected.ANY else ()
        with _span(stream, len(events), metadata):
            return _while_elsewhere(anywhere, lambda: self._append(write, commit_id, metadata))

    def append_many(
        self,
        writes: Sequence[Write],
        *,
        commit_id: str | None = None,
        metadata: Metadata | None = None,
        unmoved: Sequence[StreamHead] = (),
    ) -> tuple[Appended, ...]:
        """Append to several streams, all or nothing and at one moment; results in the order of ``writes``.

        Parameters and errors as in ``append``; a ``ConcurrencyError`` names the stream that conflicted.

        Parameters
        ----------
        unmoved : Sequence[StreamHead]
            Heads of other streams, on which the events depend: nothing is written unless each is still the head.
        """
        if not writes:
            raise ValueError("there is nothing to append")
        streams = [*(write.stream for write in writes), *(head.stream for head in unmoved)]
        if len(set(streams)) < len(streams):
            raise ValueError("one append holds a stream only once")
        for write in writes:
            self._check(write)
        metadata = metadata or Metadata()
        anywhere = {write.stream for write in writes if write.expected is Expected.ANY}
        with _span(writes[0].stream, sum(len(write.events) for write in writes), metadata):
            return _while_elsewhere(anywhere, lambda: self._append_all(writes, commit_id, metadata, unmoved))

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot; ``load`` uses it while it fits the chain and the state version.

        Raises
        ------
        SnapshotTooLarge
            Above 4 MB, compressed.
        """
        check_snapshot(snapshot)
        self.table.put_snapshot(snapshot)

    def _check(self, write: Write) -> None:
        if not write.events:
            raise ValueError("there is nothing to append")
        if isinstance(write.expected, StreamHead) and write.expected.stream != write.stream:
            raise ValueError(f"the head of {write.expected.stream} says nothing about {write.stream}")
        for event in write.events:
            self.registry.check(event)

    def _append(self, write: Write, commit_id: str | None, metadata: Metadata) -> Appended:
        head = self._resolve(write, commit_id)
        draft = record(head, write.events, commit_id or str(uuid4()), metadata, self._clock())
        try:
            self._insert(draft.parts)
        except Collision as collision:
            return self._first_results([draft], collision)[0]
        return Appended(draft.parts[-1].head, draft.events)

    def _append_all(
        self, writes: Sequence[Write], commit_id: str | None, metadata: Metadata, unmoved: Sequence[StreamHead]
    ) -> tuple[Appended, ...]:
        heads = [self._resolve(write, commit_id) for write in writes]
        commit_id = commit_id or str(uuid4())
        now = max(self._clock(), *(head.recorded_at for head in heads))
        drafts = [record(head, w.events, commit_id, metadata, now) for head, w in zip(heads, writes, strict=True)]
        try:
            self._insert([commit for draft in drafts for commit in draft.parts], unmoved)
        except Collision as collision:
            if not collision.found:
                raise self._conflict(unmoved[min(collision.moved)]) from None
            return self._first_results(drafts, collision)
        return tuple(Appended(draft.parts[-1].head, draft.events) for draft in drafts)

    def _insert(self, commits: Sequence[Commit], unmoved: Sequence[StreamHead] = ()) -> None:
        if len(commits) + len(unmoved) > 1:
            check_transaction(commits, len(unmoved))
        self.table.insert(commits, unmoved=unmoved)

    def _first_results(self, drafts: Sequence[Draft], collision: Collision) -> tuple[Appended, ...]:
        """What stands there is the first attempt's success if it has our commit id, else a conflict."""
        commit_id = drafts[0].parts[0].commit_id
        found = _by_draft(drafts, collision)
        for draft, stored in zip(drafts, found, strict=True):
            if any(commit.commit_id != commit_id for commit in stored):
                raise self._conflict(draft.head)
        return tuple(self._repeated(draft.head, commit_id, stored) for draft, stored in zip(drafts, found, strict=True))

    def _repeated(self, head: StreamHead, commit_id: str, stored: Parts) -> Appended:
        if not stored or len(stored) != stored[0].parts:
            stored = self._commit_behind(head)
        if not stored or stored[0].commit_id != commit_id:
            raise self._conflict(head)
        return Appended(stored[-1].head, self.recorded(stored), repeated=True)

    def _conflict(self, head: StreamHead) -> ConcurrencyError:
        return ConcurrencyError(head.stream, head.version, self.get_stream_version(head.stream))

    def _commit_behind(self, head: StreamHead) -> Parts:
        parts = []
        for commit in self.commits(head.stream, head):
            parts.append(commit)
            if commit.part == commit.parts:
                break
        return tuple(parts)

    def _resolve(self, write: Write, commit_id: str | None) -> StreamHead:
        expected = write.expected
        if isinstance(expected, StreamHead):
            return expected
        if expected is Expected.NO_STREAM:
            return StreamHead.empty(write.stream)
        if isinstance(expected, int):
            return self._head_at(write.stream, expected)
        repeated = self.find(write.stream, commit_id) if commit_id else None
        if repeated:
            return self._head_at(write.stream, self.boundary_before(write.stream, repeated.position))
        return self.head(write.stream)

    def _head_at(self, stream: StreamId, version: int) -> StreamHead:
        if version == 0:
            return StreamHead.empty(stream)
        commit = self.newest(stream, version)
        if commit is None or commit.last != version or commit.part != commit.parts:
            raise ConcurrencyError(stream, version, self.get_stream_version(stream))
        return commit.head


def _span(stream: StreamId, events: int, metadata: Metadata) -> AbstractContextManager[str]:
    attributes: Attributes = {"banyan.entity": stream.entity, "banyan.events": events}
    return span("append", metadata.traceparent, attributes)


def _while_elsewhere(anywhere: Collection[StreamId], append: Callable[[], A]) -> A:
    """Append; again, a bounded number of times, when a stream moved that was to be written wherever it is."""
    for _ in range(ANY_ATTEMPTS - 1):
        try:
            return append()
        except ConcurrencyError as conflict:
            if conflict.stream not in anywhere:
                raise
    return append()


def _by_draft(drafts: Sequence[Draft], collision: Collision) -> list[Parts]:
    remaining = count()
    return [
        tuple(collision.found[index] for index in islice(remaining, len(draft.parts)) if index in collision.found)
        for draft in drafts
    ]


S = TypeVar("S", bound=BaseModel)


def snapshot_of(decider: Decider[S, Any], head: StreamHead, state: S) -> Snapshot:
    """The snapshot of a state at a head."""
    json = state.model_dump_json()
    return Snapshot(head.stream, head.version, head.digest, decider.state_version, json, decider.fingerprint)


def restore(decider: Decider[S, Any], snapshot: Snapshot | None) -> S | None:
    """The state in a snapshot, or ``None`` when there is none or it no longer fits the decider."""
    if snapshot is None or not decider.reads(snapshot.state_version, snapshot.fingerprint):
        return None
    try:
        return decider.state.model_validate_json(snapshot.state)
    except ValidationError:
        return None


def crosses(interval: int, before: int, after: int) -> bool:
    """Whether a stream that went from one version to another passed a multiple of ``interval``."""
    return before // interval < after // interval


def write_snapshot(store: EventStore, decider: AnyDecider, stream: StreamId, interval: int = 1) -> Snapshot | None:
    """Fold a stream up to its head and keep the state; off the command path, and from one load.

    Parameters
    ----------
    interval : int
        Nothing is written while the stream has not passed a multiple of it since the newest snapshot that fits.

    Returns
    -------
    Snapshot or None
        ``None`` when nothing was written.

    Raises
    ------
    StreamCorrupted, EventError, SnapshotTooLarge, StoreUnavailable
    """
    loaded = store.load(stream, state_version=decider.state_version)
    base, covered = restore(decider, loaded.snapshot), 0
    if loaded.snapshot and base is None:
        loaded = store.load(stream)
    elif loaded.snapshot:
        covered = loaded.snapshot.version
    if not crosses(interval, covered, loaded.head.version):
        return None
    state = decider.fold(loaded.events.payloads, base)
    snapshot = snapshot_of(decider, loaded.head, state)
    store.save_snapshot(snapshot)
    return snapshot
