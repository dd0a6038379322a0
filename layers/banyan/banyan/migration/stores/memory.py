"""A legacy system in memory, for tests and for trying things out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from threading import RLock
from typing import Generic, TypeVar

from pydantic import BaseModel

from banyan.errors import LegacyWritesOff, PrimaryChanged
from banyan.migration.stores.legacy import BadRow, LegacyRow, NamedRow, OutboxEntry, SyncPoint, Unit
from banyan.migration.writes.primary import Primary, already_made
from banyan.streams import StreamId

R = TypeVar("R", bound=BaseModel)


class MemoryLegacy(Generic[R]):
    """Keeps rows and an outbox in dictionaries; safe to share between threads."""

    def __init__(self) -> None:
        self._rows: dict[StreamId, LegacyRow[R]] = {}
        self._links: dict[StreamId, SyncPoint] = {}
        self._entries: list[OutboxEntry] = []
        self._primary = Primary.LEGACY
        self._token = 0
        self._lock = RLock()

    def load(self, stream: StreamId) -> LegacyRow[R] | None:
        return self._rows.get(stream)

    def rows(self, streams: Sequence[StreamId]) -> Mapping[StreamId, LegacyRow[R] | BadRow]:
        with self._lock:
            return {stream: self._rows[stream] for stream in streams if stream in self._rows}

    def scan(self, after: NamedRow | None, limit: int) -> Sequence[LegacyRow[R]]:
        with self._lock:
            behind = (after.tenant, after.id) if after else ("", "")
            return [self._rows[s] for s in islice((s for s in sorted(self._rows) if (s.tenant, s.id) > behind), limit)]

    def count(self) -> int:
        return len(self._rows)

    def out_of_sync(self, limit: int) -> Sequence[StreamId]:
        with self._lock:
            return [stream for stream, row in self._rows.items() if not row.in_sync][:limit]

    @contextmanager
    def unit(self, stream: StreamId, primary: Primary) -> Iterator[Unit[R]]:
        with self._lock:
            if self._primary is Primary.OFF is not primary:
                raise LegacyWritesOff
            if self._primary is not primary:
                raise PrimaryChanged(f"{self._primary} is primary, not {primary}")
            entries = [e for e in self._entries if e.stream == stream]
            unit = MemoryUnit(self._rows.get(stream), self._links.get(stream), entries)
            yield unit
            if unit.written:
                self._rows[stream] = unit.written
                self._links |= {stream: unit.written.sync_point} if unit.written.sync_point else {}
            self._entries += unit.added

    def primary(self) -> Primary:
        return self._primary

    def transfer(self, primary: Primary, token: int) -> bool:
        with self._lock:
            if already_made(self._token, token):
                return False
            self._primary, self._token = primary, token
            return True

    def pending(
        self, stream: StreamId | None = None, limit: int = 100, without: Collection[StreamId] = ()
    ) -> Sequence[OutboxEntry]:
        with self._lock:
            found = (e for e in self._entries if e.relay and stream in (None, e.stream) and e.stream not in without)
            return list(islice(found, limit))

    def relayed(self, entry: OutboxEntry) -> None:
        with self._lock:
            self._entries = [replace(e, relay=False) if e == entry else e for e in self._entries]

    def write_directly(self, stream: StreamId, data: R) -> None:
        """Write a row behind the facade's back, as an old program does."""
        with self._lock:
            old, sync_point = self._rows.get(stream), self._links.get(stream)
            before = old.version if old else sync_point.row_version if sync_point else 0
            self._rows[stream] = LegacyRow(stream, before + 1, data, sync_point)

    def delete_directly(self, stream: StreamId) -> None:
        """Delete a row behind the facade's back."""
        with self._lock:
            del self._rows[stream]


class MemoryUnit(Generic[R]):
    """A row as it was read, and what is to replace it."""

    def __init__(self, row: LegacyRow[R] | None, sync_point: SyncPoint | None, entries: Sequence[OutboxEntry]) -> None:
        self.row: LegacyRow[R] | BadRow | None = row
        self.sync_point = sync_point
        self.written: LegacyRow[R] | None = None
        self.added: Sequence[OutboxEntry] = ()
        self._entries = entries

    def answered(self, commit_id: str) -> OutboxEntry | None:
        return next((entry for entry in self._entries if entry.commit_id == commit_id), None)

    def write(self, row: LegacyRow[R], entries: Sequence[OutboxEntry]) -> None:
        self.written, self.added = row, entries
