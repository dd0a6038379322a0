"""Commands while the legacy system is primary: one of its transactions decides, and says what the events will be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from pydantic import ValidationError

from banyan.commands.handler import Outcome
from banyan.decider import AnyDecider
from banyan.errors import ConcurrencyError, RowParked
from banyan.events import DomainEvent, EventRegistry, Metadata
from banyan.migration.stores.adapter import AnyAdapter
from banyan.migration.stores.legacy import AnyRepository, AnyRow, LegacyRow, OutboxEntry, SyncPoint, Unit
from banyan.migration.stores.rows import of_a_row, readable
from banyan.migration.sync.contents import as_recorded, fold_row, from_text, import_event, occurring, to_text
from banyan.migration.writes.parked import Owner, Parked
from banyan.migration.writes.primary import Primary
from banyan.store.eventstore import Clock
from banyan.streams import StreamHead, StreamId

_IMPORTS = UUID("0d9cbf0e-5d0f-4b8c-9a52-8a4f1ab3c0f4")


def import_id(row: AnyRow, behind: int = 0) -> str:
    """Commit id of the import of a row at its version, after that of a stream that the row lacks."""
    return str(uuid5(_IMPORTS, f"{row.stream}/{row.version}" + (f"/{behind}" if behind else "")))


@dataclass(eq=False)
class LegacyLed:
    """Handles commands in the legacy system.

    Parameters
    ----------
    dual : bool
        Whether the event table is to get the events too.
    parked : Parked, optional
        Given where events may have been primary before: no command is decided on a row that lacks what its stream has.
    """

    repository: AnyRepository
    adapter: AnyAdapter
    decider: AnyDecider
    registry: EventRegistry
    clock: Clock
    dual: bool = field(kw_only=True)
    parked: Parked | None = field(kw_only=True, default=None)

    def handle(
        self,
        stream: StreamId,
        command: Any,
        *,
        commit_id: str,
        metadata: Metadata | None = None,
        expected: int | None = None,
        first_attempt: datetime | None = None,  # noqa: ARG002
    ) -> Outcome[Any]:
        """Handle a command in one transaction; the outbox remembers every first attempt.

        As ``CommandHandler.handle``; ``PrimaryChanged``, ``RowRaced``, ``UnreadableRow``, ``RowParked``,
        ``RowRefused``.
        """
        now = self.clock()
        metadata = occurring(metadata, now)
        with self.repository.unit(stream, Primary.LEGACY) as unit:
            entry = unit.answered(commit_id)
            if entry:
                return repeated(entry, self.decider, self.registry, lambda: self._current(unit))
            self._expect_synced(stream)
            state, version = self._current(unit), self._version(unit)
            if expected not in (None, version):
                raise ConcurrencyError(stream, expected or 0, version)
            row_version = _row_version(unit) + 1
            entry = OutboxEntry(stream, version + 1, 0, row_version, commit_id, "", metadata, "", now, relay=self.dual)
            return self._write(unit, entry, self._decided(command, state))

    def import_row(self, stream: StreamId, primary: Primary = Primary.LEGACY) -> bool:
        """Import a row that its stream lacks, or has otherwise, into the event table.

        Returns
        -------
        bool
            Whether there was anything to import.

        Raises ``PrimaryChanged``, ``RowRaced``, ``UnreadableRow``, ``RowParked``, ``StoreUnavailable``.
        """
        with self.repository.unit(stream, primary) as unit:
            row = readable(unit.row)
            if row is None or row.in_sync:
                return False
            self._expect_synced(stream)
            sync_point = SyncPoint(row.version, row.stream_version)
            unit.write(LegacyRow(stream, row.version, row.data, sync_point), [self._import(row)])
            return True

    def _expect_synced(self, stream: StreamId) -> None:
        """Asked within the transaction, while no other side can become primary."""
        parked = self.parked.get(stream) if self.parked else None
        if parked and parked.owner is Owner.LEGACY_SYNC:
            raise RowParked(stream, parked.reason)

    def _version(self, unit: Unit[Any]) -> int:
        """What the answer to a command continues from: the versions of a row that was deleted stay in use."""
        if unit.row:
            return unit.row.stream_version if self.dual else unit.row.version
        if unit.sync_point:
            return unit.sync_point.version if self.dual else unit.sync_point.row_version
        return 0

    def _write(self, unit: Unit[Any], entry: OutboxEntry, events: Sequence[DomainEvent]) -> Outcome[Any]:
        row, content = readable(unit.row), to_text(events)
        head, recorded = as_recorded(entry, events, self.registry)
        data = fold_row(self.adapter, recorded, row.data if row else None)
        state = self._state(data)
        if data is None or not events:
            return Outcome(head, state, ())
        corrects = self.dual and row is None and unit.sync_point is not None
        if corrects:
            content = data.model_dump_json()
            head, recorded = as_recorded(entry, [import_event(self.adapter, data, None)], self.registry)
        sync_point = SyncPoint(entry.row_version, head.version) if self.dual else unit.sync_point
        state_json = state.model_dump_json()
        entry = replace(entry, count=len(recorded), content=content, state=state_json, imported=corrects)
        imports = [self._import(row)] if self.dual and row and not row.in_sync else []
        unit.write(LegacyRow(entry.stream, entry.row_version, data, sync_point), [*imports, entry])
        return Outcome(head, state, recorded)

    def _current(self, unit: Unit[Any]) -> Any:
        row = readable(unit.row)
        return self._state(row.data if row else None)

    def _state(self, data: Any) -> Any:
        if data is None:
            return self.decider.initial()
        with of_a_row("no command can be decided on the legacy row"):
            return self.adapter.state(data)

    def _decided(self, command: Any, state: Any) -> Sequence[DomainEvent]:
        try:
            return self.decider.decided(command, state)
        except ValidationError as error:
            with of_a_row("the legacy row does not fit the events that would follow"):
                raise error

    def _import(self, row: AnyRow) -> OutboxEntry:
        import_event(self.adapter, row.data, None)
        return OutboxEntry(
            row.stream,
            row.stream_version,
            1,
            row.version,
            import_id(row),
            row.data.model_dump_json(),
            Metadata(actor="migration"),
            "",
            self.clock(),
            imported=True,
        )


def _row_version(unit: Unit[Any]) -> int:
    if unit.row:
        return unit.row.version
    return unit.sync_point.row_version if unit.sync_point else 0


def repeated(
    entry: OutboxEntry, decider: AnyDecider, registry: EventRegistry, current: Callable[[], Any]
) -> Outcome[Any]:
    """The first outcome of a command that was handled before.

    Its state is the ``current`` one when what was kept does not fit the decider's model any more.
    """
    try:
        state = decider.state.model_validate_json(entry.state)
    except ValidationError:
        state = current()
    _, events = as_recorded(entry, [] if entry.imported else from_text(entry.content, registry), registry)
    head = StreamHead(entry.stream, entry.last, "", entry.written_at)
    return Outcome(head, state, events, repeated=True)
