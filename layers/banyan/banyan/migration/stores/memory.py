"""A legacy system in memory, for tests and for trying things out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from threading import RLock
from typing import Generic, TypeVar

from pydantic import BaseModel

from banyan.errors import LeaderMoved, LegacyWritesOff
from banyan.migration.stores.legacy import BadRow, Entry, LegacyRow, Link, Named, Unit
from banyan.migration.writes.primary import Leader, refused
from banyan.streams import StreamId

R = TypeVar("R", bound=BaseModel)


class MemoryLegacy(Generic[R]):
    """Keeps rows and an outbox in dictionaries; safe to share between threads."""

    def __init__(self) -> None:
        self._rows: dict[StreamId, LegacyRow[R]] = {}
        self._links: dict[StreamId, Link] = {}
        self._entries: list[Entry] = []
        self._leader = Leader.LEGACY
        self._token = 0
        self._lock = RLock()

    def load(self, stream: StreamId) -> LegacyRow[R] | None:
        """As in ``LegacyRepository``."""
        return self._rows.get(stream)

    def rows(self, streams: Sequence[StreamId]) -> Mapping[StreamId, LegacyRow[R] | BadRow]:
        """As in ``LegacyRepository``."""
        with self._lock:
            return {stream: self._rows[stream] for stream in streams if stream in self._rows}

    def scan(self, after: Named | None, limit: int) -> Sequence[LegacyRow[R]]:
        """As in ``LegacyRepository``."""
        with self._lock:
            behind = (after.tenant, after.id) if after else ("", "")
            return [self._rows[s] for s in islice((s for s in sorted(self._rows) if (s.tenant, s.id) > behind), limit)]

    def count(self) -> int:
        """As in ``LegacyRepository``."""
        return len(self._rows)

    def unaligned(self, limit: int) -> Sequence[StreamId]:
        """As in ``LegacyRepository``."""
        with self._lock:
            return [stream for stream, row in self._rows.items() if not row.aligned][:limit]

    @contextmanager
    def unit(self, stream: StreamId, leader: Leader) -> Iterator[Unit[R]]:
        """As in ``LegacyRepository``."""
        with self._lock:
            if self._leader is Leader.OFF is not leader:
                raise LegacyWritesOff
            if self._leader is not leader:
                raise LeaderMoved(f"{self._leader} leads, not {leader}")
            entries = [e for e in self._entries if e.stream == stream]
            unit = _Unit(self._rows.get(stream), self._links.get(stream), entries)
            yield unit
            if unit.written:
                self._rows[stream] = unit.written
                self._links |= {stream: unit.written.link} if unit.written.link else {}
            self._entries += unit.added

    def lead(self) -> Leader:
        """As in ``LegacyRepository``."""
        return self._leader

    def hand_over(self, leader: Leader, token: int) -> bool:
        """As in ``LegacyRepository``."""
        with self._lock:
            if refused(self._token, token):
                return False
            self._leader, self._token = leader, token
            return True

    def pending(
        self, stream: StreamId | None = None, limit: int = 100, without: Collection[StreamId] = ()
    ) -> Sequence[Entry]:
        """As in ``Outbox``."""
        with self._lock:
            found = (e for e in self._entries if e.relay and stream in (None, e.stream) and e.stream not in without)
            return list(islice(found, limit))

    def relayed(self, entry: Entry) -> None:
        """As in ``Outbox``."""
        with self._lock:
            self._entries = [replace(e, relay=False) if e == entry else e for e in self._entries]

    def write_directly(self, stream: StreamId, data: R) -> None:
        """Write a row behind the facade's back, as an old program does."""
        with self._lock:
            old, link = self._rows.get(stream), self._links.get(stream)
            before = old.version if old else link.row_version if link else 0
            self._rows[stream] = LegacyRow(stream, before + 1, data, link)

    def delete_directly(self, stream: StreamId) -> None:
        """Delete a row behind the facade's back."""
        with self._lock:
            del self._rows[stream]


class _Unit(Generic[R]):
    def __init__(self, row: LegacyRow[R] | None, link: Link | None, entries: Sequence[Entry]) -> None:
        self.row: LegacyRow[R] | BadRow | None = row
        self.link = link
        self.written: LegacyRow[R] | None = None
        self.added: Sequence[Entry] = ()
        self._entries = entries

    def answered(self, commit_id: str) -> Entry | None:
        return next((entry for entry in self._entries if entry.commit_id == commit_id), None)

    def write(self, row: LegacyRow[R], entries: Sequence[Entry]) -> None:
        self.written, self.added = row, entries
