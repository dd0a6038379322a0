"""Putting right what a legacy system and the events say differently: the primary is believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from banyan.errors import PrimaryChanged, RowRaced
from banyan.events import Event
from banyan.migration.stores.legacy import AnyRow, LegacyRow, SyncPoint
from banyan.migration.sync.contents import fold_row, import_event
from banyan.migration.writes.parked import is_of_one_row, reason_of
from banyan.migration.writes.primary import Primary
from banyan.reconciliation.sides import NotRepairable
from banyan.store import EventStore
from banyan.streams import BEGINNING_OF_TIME, StreamId

if TYPE_CHECKING:
    from banyan.migration.migration import Migration

ATTEMPTS: Final = 5


class LegacyRepair:
    """Imports a row into its stream while the legacy system is primary, and rewrites the row while events are."""

    def __init__(self, migration: Migration, store: EventStore) -> None:
        self._migration = migration
        self._adapter = migration.adapter
        self._store = store

    def __call__(self, stream: StreamId) -> str:
        """Say what was done. Raises ``NotRepairable``, ``StoreUnavailable``."""
        for _ in range(ATTEMPTS):
            primary = self._migration.phases.refreshed().primary
            try:
                return self._way(primary)(stream)
            except (PrimaryChanged, RowRaced):
                continue
            except Exception as error:
                if isinstance(error, NotRepairable) or not is_of_one_row(error):
                    raise
                raise NotRepairable(reason_of(error)) from error
        raise NotRepairable(f"the row of {stream} keeps moving")

    def _way(self, primary: Primary) -> Callable[[StreamId], str]:
        ways = {Primary.LEGACY: self._correct, Primary.EVENTS: self._rewrite}
        if primary not in ways:
            raise NotRepairable("the legacy system takes no more writes")
        return ways[primary]

    def _correct(self, stream: StreamId) -> str:
        row = self._migration.repository.load(stream)
        if row is None:
            return self._restore(stream, Primary.LEGACY)
        self._expect_consistent(row)
        if fold_row(self._adapter, self._events(stream)) == row.data:
            raise NotRepairable("the events say what the row says: the read model is to be put right")
        self._mark_changed(row)
        if self._migration.legacy_sync:
            self._migration.legacy_sync.accept(stream, self._store.head(stream).version)
        self._migration.importer.import_row(stream)
        self._relay(stream)
        return "an event says what the row is"

    def _rewrite(self, stream: StreamId) -> str:
        return self._restore(stream, Primary.EVENTS)

    def _restore(self, stream: StreamId, primary: Primary) -> str:
        """Write a row as its events say, in one transaction on the row."""
        with self._migration.repository.unit(stream, primary) as unit:
            self._relay(stream)
            events = self._events(stream)
            if not events:
                raise NotRepairable("no event has such a row: remove it, or send what it says through the API")
            version = unit.row.version + 1 if unit.row else _beyond(events)
            unit.write(
                LegacyRow(stream, version, fold_row(self._adapter, events), SyncPoint(version, events[-1].version)), []
            )
        return "the row was rewritten as its events say"

    def _mark_changed(self, row: AnyRow) -> None:
        """Have a row count as changed since it was last in sync, whatever its sync point says."""
        with self._migration.repository.unit(row.stream, Primary.LEGACY) as unit:
            if unit.row != row:
                raise RowRaced("another transaction wrote the row first")
            self._relay(row.stream)
            head = self._store.head(row.stream).version
            if head and (row.in_sync or row.stream_version != head + 1):
                unit.write(LegacyRow(row.stream, row.version + 1, row.data, SyncPoint(row.version, head)), [])

    def _relay(self, stream: StreamId) -> None:
        if self._migration.relay:
            self._migration.relay.stream(stream)

    def _events(self, stream: StreamId) -> Sequence[Event]:
        return tuple(self._store.read(stream))

    def _expect_consistent(self, row: AnyRow) -> None:
        """A row that contradicts itself would still differ from what an event of it says."""
        folded = self._adapter.evolve(None, import_event(self._adapter, row.data, None), BEGINNING_OF_TIME)
        fields = [name for name, value in row.data if getattr(folded, name) != value]
        if fields:
            raise NotRepairable(f"the row contradicts itself: put {', '.join(fields)} right in the legacy system")


def _beyond(events: Sequence[Event]) -> int:
    """A version that no row had that was deleted since: an import of that version would count as made already."""
    return int(events[-1].timestamp.timestamp()) + len(events)
