"""Commands while the event store is primary: the legacy system follows, so that there is a way back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from banyan.adapters.dynamodb.commits import DynamoDBTable
from banyan.commands.handler import CommandHandler, Outcome
from banyan.decider import AnyDecider
from banyan.errors import PrimaryChanged, RowParked
from banyan.events import Event, Metadata
from banyan.migration.stores.adapter import AnyAdapter
from banyan.migration.stores.legacy import AnyRepository, LegacyRow, OutboxEntry, SyncPoint, Unit
from banyan.migration.sync.backlog import SyncBacklog
from banyan.migration.sync.contents import occurring, to_text
from banyan.migration.sync.relay import told
from banyan.migration.writes.half_done import HalfDone, Owner
from banyan.migration.writes.parked import Parked
from banyan.migration.writes.primary import DynamoDBPrimary, Primary
from banyan.migration.writes.transactional_table import TransactionalTable
from banyan.store import Commit, CompanionWriteRejected, EventStore
from banyan.store.eventstore import Clock
from banyan.streams import StreamId


class LedTable(TransactionalTable):
    """Inserts commits only while the event store is primary, and notes that the legacy system is to follow.

    Parameters
    ----------
    table : DynamoDBTable
    primary : DynamoDBPrimary
    backlog : SyncBacklog
    """

    def __init__(self, table: DynamoDBTable, primary: DynamoDBPrimary, backlog: SyncBacklog) -> None:
        super().__init__(table)
        self._primary = primary
        self._backlog = backlog

    def insert(self, commits: Sequence[Commit]) -> None:
        """As in ``CommitTable``. Raises ``PrimaryChanged``."""
        companions = [self._primary.check(commits[0].stream, Primary.EVENTS), self._backlog.put(commits[-1])]
        try:
            self.table.insert(commits, companions)
        except CompanionWriteRejected as refused:
            raise PrimaryChanged("the event store is not primary any more, or not yet") from refused


class LegacySync:
    """Brings legacy rows up to date with their streams, each commit once.

    Parameters
    ----------
    repository : LegacyRepository
    store : EventStore
    adapter : LegacyAdapter
    decider : Decider
    backlog : SyncBacklog
    parked : Parked
    """

    def __init__(
        self,
        repository: AnyRepository,
        store: EventStore,
        adapter: AnyAdapter,
        decider: AnyDecider,
        backlog: SyncBacklog,
        parked: Parked,
    ) -> None:
        self._repository = repository
        self._store = store
        self._adapter = adapter
        self._decider = decider
        self._backlog = backlog
        self._parked = parked

    def sync(self, stream: StreamId, primary: Primary = Primary.EVENTS) -> None:
        """Follow one stream to its end.

        Parameters
        ----------
        stream : StreamId
        primary : Primary
            The legacy system once it is primary again: only what was parked is left to follow then.

        Raises
        ------
        PrimaryChanged, RowRaced, StoreUnavailable
            The changes stay noted.
        RowRefused, RowParked
            They cannot be followed until the row, or its table, is put right.
        """
        with self._repository.unit(stream, primary) as unit:
            if primary is Primary.LEGACY and unit.row and not unit.row.in_sync:
                raise RowParked(stream, "and another program wrote it since: a repair tells the stream what it says")
            version = self._catch_up(unit, stream)
        self._backlog.complete(stream, version)

    def attempt(self, stream: StreamId, primary: Primary = Primary.EVENTS) -> bool:
        """Follow one stream to its end, or park it; whether nothing is left."""
        with self._parked.failing(Owner.LEGACY_SYNC, stream):
            self.sync(stream, primary)
            return True
        return False

    def accept(self, stream: StreamId, version: int) -> None:
        """Leave a row as it is, whatever its stream told until a version. Raises ``StoreUnavailable``."""
        self._backlog.complete(stream, version)
        self._parked.remove(stream)

    def all(self) -> int:
        """Follow every stream with changes, and try what is parked again; one that fails does not stop the others.

        Returns
        -------
        int
            Streams that still have changes, parked ones among them.
        """
        parked = self._parked.of(Owner.LEGACY_SYNC)
        streams = list(dict.fromkeys([*(entry.stream for entry in self._backlog.all()), *parked]))
        if not streams:
            return 0
        primary = Primary.LEGACY if self._repository.primary() is Primary.LEGACY else Primary.EVENTS
        complete = [stream for stream in streams if self.attempt(stream, primary)]
        for stream in parked.keys() & set(complete):
            self._parked.remove(stream)
        return len(streams) - len(complete)

    def oldest(self) -> datetime | None:
        """When the oldest change was made that the legacy system is about to get."""
        parked = self._parked.of(Owner.LEGACY_SYNC)
        return min((entry.since for entry in self._backlog.all() if entry.stream not in parked), default=None)

    def half_done(self, limit: int) -> Iterator[HalfDone]:
        """Commits that the legacy system does not have yet, of each stream the last."""
        for entry in islice(self._backlog.all(), limit):
            yield HalfDone(entry.stream, entry.version, entry.since, Owner.LEGACY_SYNC)

    def _catch_up(self, unit: Unit[Any], stream: StreamId) -> int:
        row, sync_point = unit.row, unit.sync_point
        known = sync_point.version if sync_point else 0
        commits = list(self._store.commits(stream, known))
        if not commits:
            return known
        entries = []
        if isinstance(row, LegacyRow) and row.in_sync:
            data = row.data
        else:
            data = told(self._adapter, self._store, stream, known) if sync_point else None
        row_version = row.version if row else sync_point.row_version if sync_point else 0
        for commit in commits:
            events = self._store.decode(commit)
            for event in events:
                data = self._adapter.evolve(data, event.payload, event.occurred_at)
            row_version += 1
            entries.append(self._entry(commit, events, row_version, data))
        last = commits[-1].last
        unit.write(LegacyRow(stream, row_version, data, SyncPoint(row_version, last)), entries)
        return last

    def _entry(self, commit: Commit, events: Sequence[Event], row_version: int, data: Any) -> OutboxEntry:
        return OutboxEntry(
            commit.stream,
            commit.position,
            commit.count,
            row_version,
            commit.commit_id if commit.part == commit.parts else f"{commit.commit_id}/{commit.part}",
            to_text([event.payload for event in events]),
            events[0].metadata,
            self._adapter.state(data).model_dump_json(),
            commit.recorded_at,
            relay=False,
        )


class EventLed:
    """Handles commands in the event store, and has the legacy system follow at once if it can.

    Parameters
    ----------
    handler : CommandHandler
        On a store over a ``LedTable``.
    legacy_sync : LegacySync
    clock : Callable[[], datetime]
    """

    def __init__(self, handler: CommandHandler[Any, Any], legacy_sync: LegacySync, clock: Clock) -> None:
        self._handler = handler
        self._legacy_sync = legacy_sync
        self._clock = clock

    def handle(
        self, stream: StreamId, command: Any, *, metadata: Metadata | None = None, **options: Any
    ) -> Outcome[Any]:
        """As ``CommandHandler.handle``. Raises ``PrimaryChanged`` too."""
        outcome = self._handler.handle(stream, command, metadata=occurring(metadata, self._clock()), **options)
        if outcome.events:
            self._legacy_sync.attempt(stream)
        return outcome
