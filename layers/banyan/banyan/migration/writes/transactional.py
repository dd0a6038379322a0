"""Commands on a DynamoDB legacy: its item and the commit change in one transaction, so that nothing can diverge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from banyan.adapters.dynamodb.commits import DynamoDBTable
from banyan.commands.handler import CommandHandler, Outcome
from banyan.decider import AnyDecider
from banyan.errors import Diverged, LeaderMoved, LegacyWritesOff, RowRaced
from banyan.events import Metadata
from banyan.migration.stores.adapter import AnyAdapter
from banyan.migration.stores.dynamodb import DynamoDBLegacy, Held, expect_no_refusal
from banyan.migration.stores.legacy import Entry, LegacyRow, Link
from banyan.migration.sync.contents import import_event, occurring
from banyan.migration.sync.relay import told
from banyan.migration.writes.legacy_led import import_id, repeated
from banyan.migration.writes.transactional_table import TableBeside
from banyan.store import BesideRefused, Commit, EventStore, Expected
from banyan.store.eventstore import Clock
from banyan.store.recording import decode
from banyan.streams import StreamId
from banyan.upcasting import EventRegistry


class PairedTable(TableBeside):
    """Writes the legacy row that follows from the commits together with them.

    Parameters
    ----------
    table : DynamoDBTable
    legacy : DynamoDBLegacy
    adapter : LegacyAdapter
    registry : EventRegistry
    """

    def __init__(
        self, table: DynamoDBTable, legacy: DynamoDBLegacy[Any], adapter: AnyAdapter, registry: EventRegistry
    ) -> None:
        super().__init__(table)
        self._legacy = legacy
        self._adapter = adapter
        self._registry = registry

    def insert(self, commits: Sequence[Commit]) -> None:
        """As in ``CommitTable``.

        Raises
        ------
        RowRaced
            The row was written meanwhile, or holds what the stream was not told.
        LeaderMoved
            The stream went on without the row; ``LegacyWritesOff`` when the row takes no more writes.
        """
        held = self._legacy.held(commits[0].stream)
        _check(held, commits[0])
        row = self._following(held, commits)
        with _refusals():
            self.table.insert(commits, self._legacy.beside(held, row, [self._entry(commits, row)]))

    def _following(self, held: Held[Any] | None, commits: Sequence[Commit]) -> LegacyRow[Any]:
        data, version = (held.row.data, held.row.version) if held else (None, 0)
        for event in (event for commit in commits for event in decode(commit, self._registry)):
            data = self._adapter.evolve(data, event.payload, event.occurred_at)
        return LegacyRow(commits[0].stream, version + 1, data, Link(version + 1, commits[-1].last))

    def _entry(self, commits: Sequence[Commit], row: LegacyRow[Any]) -> Entry:
        first, count = commits[0], sum(commit.count for commit in commits)
        state = self._adapter.state(row.data).model_dump_json()
        return Entry(
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


class AlignedTable(TableBeside):
    """Writes the link of a row together with the event that tells the row."""

    def __init__(self, table: DynamoDBTable, legacy: DynamoDBLegacy[Any], held: Held[Any]) -> None:
        super().__init__(table)
        self._legacy = legacy
        self._held = held

    def insert(self, commits: Sequence[Commit]) -> None:
        """As in ``CommitTable``. Raises ``RowRaced``, ``LegacyWritesOff``."""
        row = self._held.row
        linked = LegacyRow(row.stream, row.version, row.data, Link(row.version, commits[-1].last))
        with _refusals():
            self.table.insert(commits, self._legacy.beside(self._held, linked))


class Paired:
    """Handles commands on both sides at once.

    Parameters
    ----------
    handler : CommandHandler
        On a store over a ``PairedTable``.
    decider : Decider
    table : DynamoDBTable
    legacy : DynamoDBLegacy
    adapter : LegacyAdapter
    registry : EventRegistry
    clock : Callable[[], datetime]
    """

    def __init__(
        self,
        handler: CommandHandler[Any, Any],
        decider: AnyDecider,
        table: DynamoDBTable,
        legacy: DynamoDBLegacy[Any],
        adapter: AnyAdapter,
        registry: EventRegistry,
        clock: Clock,
    ) -> None:
        self._handler = handler
        self._decider = decider
        self._table = table
        self._legacy = legacy
        self._adapter = adapter
        self._registry = registry
        self._clock = clock

    def handle(
        self, stream: StreamId, command: Any, *, commit_id: str, metadata: Metadata | None = None, **options: Any
    ) -> Outcome[Any]:
        """Handle a command, behind an import of the row when the stream does not know it.

        Raises
        ------
        As ``CommandHandler.handle``; ``LeaderMoved``, ``RowRaced``.
        """
        held = self._legacy.held(stream)
        entry = held.answered(commit_id) if held else None
        if held and entry:
            return repeated(entry, self._decider, self._registry, lambda: self._adapter.state(held.row.data))
        if held:
            self._align(held)
        metadata = occurring(metadata, self._clock())
        return self._handler.handle(stream, command, commit_id=commit_id, metadata=metadata, **options)

    def align(self, stream: StreamId) -> bool:
        """Tell the stream of a row that it does not know, or knows otherwise.

        Returns
        -------
        bool
            Whether there was anything to tell.

        Raises
        ------
        LeaderMoved, RowRaced, Diverged, StoreUnavailable
        """
        held = self._legacy.held(stream)
        return self._align(held) if held else False

    def _align(self, held: Held[Any]) -> bool:
        if held.row.aligned:
            return False
        stream = held.row.stream
        store = EventStore(AlignedTable(self._table, self._legacy, held), self._registry, self._clock)
        head = store.head(stream)
        if held.row.link and head.version > held.row.link.version:
            raise self._ahead(held.row)
        event = import_event(self._adapter, held.row.data, told(self._adapter, store, stream))
        expected = head if head.version else Expected.NO_STREAM
        metadata = Metadata(actor="migration")
        commit_id = import_id(held.row, behind=0 if held.row.link else head.version)
        store.append(stream, expected, [event], commit_id=commit_id, metadata=metadata)
        return True

    def _ahead(self, row: LegacyRow[Any]) -> Exception:
        """Somebody else aligned the row since it was read, or else the stream went on without it."""
        if self._legacy.load(row.stream) != row:
            return RowRaced("somebody else told the stream of the row first")
        return Diverged(row.stream, row.stream_version)


@contextmanager
def _refusals() -> Iterator[None]:
    """Say why nothing was written: the check of the lead stands second; commits are known to fit, so the row is not."""
    try:
        yield
    except BesideRefused as refused:
        raise (LegacyWritesOff() if 1 in refused.indexes else RowRaced("another program wrote the row first")) from None
    except ClientError as error:
        expect_no_refusal(error)
        raise


def _check(held: Held[Any] | None, first: Commit) -> None:
    known = held.row.link.version if held and held.row.link else 0
    if held and not held.row.aligned:
        raise RowRaced("the row holds what the stream was not told")
    if known < first.position - 1:
        raise LeaderMoved("the stream went on without the row")
