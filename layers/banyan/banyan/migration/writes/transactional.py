"""Commands on a DynamoDB legacy: its item and the commit change in one transaction, so that nothing can diverge."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from banyan.adapters.dynamodb.commits import DynamoDBTable
from banyan.commands.handler import CommandHandler, Outcome
from banyan.decider import AnyDecider
from banyan.errors import Diverged, LegacyWritesOff, PrimaryChanged, RowRaced, RowRefused, StoreRejected
from banyan.events import EventRegistry, Metadata
from banyan.migration.stores.adapter import AnyAdapter
from banyan.migration.stores.dynamodb import TOO_LARGE, DynamoDBLegacy, StoredRow
from banyan.migration.stores.legacy import LegacyRow, OutboxEntry, SyncPoint
from banyan.migration.sync.contents import fold_row, import_event, occurring
from banyan.migration.writes.legacy_led import import_id, repeated
from banyan.store import Commit, CompanionWriteRejected, EventStore, Expected, LogEntry, Snapshot
from banyan.store.eventstore import Clock
from banyan.store.items import decode
from banyan.streams import StreamHead, StreamId


class TransactionalTable(ABC):
    """A commit table whose inserts carry more; what, a subclass says."""

    def __init__(self, table: DynamoDBTable) -> None:
        self.table = table
        self.buckets = table.buckets

    @abstractmethod
    def insert(self, commits: Sequence[Commit], *, unmoved: Sequence[StreamHead] = ()) -> None:
        """Insert all of the commits, and what they carry, or nothing."""

    def forward(self, stream: StreamId, after: int) -> Iterator[Commit | Snapshot]:
        return self.table.forward(stream, after)

    def backward(
        self, stream: StreamId, upto: int | None = None, page: int | None = None
    ) -> Iterator[Commit | Snapshot]:
        return self.table.backward(stream, upto, page)

    def moved(self, heads: Sequence[StreamHead]) -> frozenset[StreamId]:
        return self.table.moved(heads)

    def existing(self, streams: Sequence[StreamId]) -> frozenset[StreamId]:
        return self.table.existing(streams)

    def put_snapshot(self, snapshot: Snapshot) -> None:
        self.table.put_snapshot(snapshot)

    def log_buckets(self) -> range:
        return self.table.log_buckets()

    def log(self, bucket: int, after: datetime | None = None) -> Iterator[LogEntry]:
        return self.table.log(bucket, after)

    def log_behind(self, bucket: int, place: str, page: int, *, newest_first: bool = False) -> Iterator[LogEntry]:
        return self.table.log_behind(bucket, place, page, newest_first=newest_first)


class DualWriteTable(TransactionalTable):
    """Writes the legacy row that follows from the commits together with them."""

    def __init__(
        self, table: DynamoDBTable, legacy: DynamoDBLegacy[Any], adapter: AnyAdapter, registry: EventRegistry
    ) -> None:
        super().__init__(table)
        self._legacy = legacy
        self._adapter = adapter
        self._registry = registry

    def insert(self, commits: Sequence[Commit], *, unmoved: Sequence[StreamHead] = ()) -> None:
        """Insert all of the commits, and their row, or nothing.

        Raises
        ------
        RowRaced
            The row was written meanwhile, or holds what the stream lacks.
        PrimaryChanged
            The stream went on without the row; ``LegacyWritesOff`` when the row takes no more writes.
        """
        stored = self._legacy.stored(commits[0].stream)
        _check(stored, commits[0])
        row = self._following(stored, commits)
        with _refusals():
            companions = self._legacy.companions(stored, row, [self._entry(commits, row)])
            self.table.insert(commits, companions, unmoved=unmoved)

    def _following(self, stored: StoredRow[Any] | None, commits: Sequence[Commit]) -> LegacyRow[Any]:
        data, version = (stored.row.data, stored.row.version) if stored else (None, 0)
        events = (event for commit in commits for event in decode(commit, self._registry))
        data = fold_row(self._adapter, events, data)
        return LegacyRow(commits[0].stream, version + 1, data, SyncPoint(version + 1, commits[-1].last))

    def _entry(self, commits: Sequence[Commit], row: LegacyRow[Any]) -> OutboxEntry:
        first, count = commits[0], sum(commit.count for commit in commits)
        state = self._adapter.state(row.data).model_dump_json()
        return OutboxEntry(
            first.stream,
            first.position,
            count,
            row.version,
            first.commit_id,
            "[]",
            Metadata(),
            state,
            first.recorded_at,
            relay=False,
        )


class ImportTable(TransactionalTable):
    """Writes the sync point of a row together with the event that imports the row."""

    def __init__(self, table: DynamoDBTable, legacy: DynamoDBLegacy[Any], stored: StoredRow[Any]) -> None:
        super().__init__(table)
        self._legacy = legacy
        self._stored = stored

    def insert(self, commits: Sequence[Commit], *, unmoved: Sequence[StreamHead] = ()) -> None:
        """Raises ``RowRaced``, ``LegacyWritesOff``."""
        row = self._stored.row
        in_sync = LegacyRow(row.stream, row.version, row.data, SyncPoint(row.version, commits[-1].last))
        with _refusals():
            self.table.insert(commits, self._legacy.companions(self._stored, in_sync), unmoved=unmoved)


@dataclass(eq=False)
class TransactionalDualWrite:
    """Handles commands on both sides at once.

    Parameters
    ----------
    handler : CommandHandler
        On a store over a ``DualWriteTable``.
    """

    handler: CommandHandler[Any, Any]
    decider: AnyDecider
    table: DynamoDBTable
    legacy: DynamoDBLegacy[Any]
    adapter: AnyAdapter
    registry: EventRegistry
    clock: Clock

    def handle(
        self, stream: StreamId, command: Any, *, commit_id: str, metadata: Metadata | None = None, **options: Any
    ) -> Outcome[Any]:
        """Handle a command, after an import of the row when the stream does not know it.

        As ``CommandHandler.handle``; ``PrimaryChanged``, ``RowRaced``.
        """
        stored = self.legacy.stored(stream)
        entry = stored.answered(commit_id) if stored else None
        if stored and entry:
            return repeated(entry, self.decider, self.registry, lambda: self.adapter.state(stored.row.data))
        if stored:
            self._import_row(stored)
        metadata = occurring(metadata, self.clock())
        return self.handler.handle(stream, command, commit_id=commit_id, metadata=metadata, **options)

    def import_row(self, stream: StreamId) -> bool:
        """Import a row that its stream lacks, or has otherwise.

        Returns
        -------
        bool
            Whether there was anything to import.

        Raises ``PrimaryChanged``, ``RowRaced``, ``Diverged``, ``StoreUnavailable``.
        """
        stored = self.legacy.stored(stream)
        return self._import_row(stored) if stored else False

    def _import_row(self, stored: StoredRow[Any]) -> bool:
        if stored.row.in_sync:
            return False
        stream = stored.row.stream
        store = EventStore(ImportTable(self.table, self.legacy, stored), self.registry, self.clock)
        head = store.head(stream)
        if stored.row.sync_point and head.version > stored.row.sync_point.version:
            raise self._ahead(stored.row)
        event = import_event(self.adapter, stored.row.data, fold_row(self.adapter, store.read(stream)))
        expected = head if head.version else Expected.NO_STREAM
        metadata = Metadata(actor="migration")
        commit_id = import_id(stored.row, behind=0 if stored.row.sync_point else head.version)
        store.append(stream, expected, [event], commit_id=commit_id, metadata=metadata)
        return True

    def _ahead(self, row: LegacyRow[Any]) -> Exception:
        """Another process imported the row since it was read, or else the stream went on without it."""
        if self.legacy.load(row.stream) != row:
            return RowRaced("another process imported the row first")
        return Diverged(row.stream, row.stream_version)


@contextmanager
def _refusals() -> Iterator[None]:
    """Say why nothing was written: the check of the primary is the second; commits are known to fit, the row is not."""
    try:
        yield
    except CompanionWriteRejected as refused:
        raise (LegacyWritesOff() if 1 in refused.indexes else RowRaced("another program wrote the row first")) from None
    except StoreRejected:
        raise RowRefused(TOO_LARGE) from None


def _check(stored: StoredRow[Any] | None, first: Commit) -> None:
    known = stored.row.sync_point.version if stored and stored.row.sync_point else 0
    if stored and not stored.row.in_sync:
        raise RowRaced("the row holds what the stream lacks")
    if known < first.position - 1:
        raise PrimaryChanged("the stream went on without the row")
