"""The relay: from the legacy system's outbox into the event table, in order, each entry once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from banyan.commands.handler import Outcome
from banyan.errors import Diverged
from banyan.events import DomainEvent
from banyan.migration.stores.adapter import LegacyAdapter
from banyan.migration.stores.legacy import Outbox, OutboxEntry
from banyan.migration.sync.contents import fold_row, from_text, import_event
from banyan.migration.writes.legacy_led import LegacyLed
from banyan.migration.writes.parked import HalfDone, Owner, Parked
from banyan.store import EventStore
from banyan.streams import StreamId
from banyan.telemetry import NoTelemetry, Telemetry


class Relay:
    """Appends pending entries, each at the version that its transaction gave it."""

    def __init__(
        self,
        outbox: Outbox,
        store: EventStore,
        adapter: LegacyAdapter[Any, Any],
        parked: Parked,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._outbox = outbox
        self._store = store
        self._adapter = adapter
        self._parked = parked
        self._telemetry = telemetry or NoTelemetry()

    def stream(self, stream: StreamId) -> None:
        """Relay what one stream is still to get.

        Raises
        ------
        Diverged, StoreUnavailable, ConcurrencyError
            The entries stay pending.
        """
        while entries := self._outbox.pending(stream):
            for entry in entries:
                self._relay(entry)

    def all(self, more: Callable[[], bool] = lambda: True, limit: int = 1000) -> int:
        """Relay up to ``limit`` entries, then try what is parked again; a stream that fails does not stop the others.

        Parameters
        ----------
        more : Callable[[], bool]
            Whether there is time for another stream, asked behind each.

        Returns
        -------
        int
            Entries that stay pending of those looked at, parked ones among them.
        """
        parked = self._parked.of(Owner.RELAY)
        entries = self._outbox.pending(limit=limit, without=parked)
        if not entries and not parked:
            return 0
        for stream in dict.fromkeys([*(entry.stream for entry in entries), *parked]):
            if self.attempt(stream) and stream in parked:
                self._parked.remove(stream)
            if not more():
                break
        return len(self._outbox.pending(limit=limit))

    def attempt(self, stream: StreamId) -> bool:
        """Relay what one stream is still to get, or park it; whether nothing is left."""
        with self._parked.failing(Owner.RELAY, stream):
            self.stream(stream)
            return True
        return False

    def oldest(self) -> datetime | None:
        """When the oldest entry was written that the event table is about to get."""
        entries = self._outbox.pending(limit=1, without=self._parked.of(Owner.RELAY))
        return entries[0].written_at if entries else None

    def half_done(self, limit: int) -> Iterator[HalfDone]:
        """The oldest entries that the event table does not have yet."""
        for entry in self._outbox.pending(limit=limit):
            yield HalfDone(entry.stream, entry.last, entry.written_at, Owner.RELAY)

    def _relay(self, entry: OutboxEntry) -> None:
        head = self._store.head(entry.stream)
        if head.version == entry.version - 1:
            self._store.append(
                entry.stream, head, self._events(entry), commit_id=entry.commit_id, metadata=entry.metadata
            )
        elif head.version < entry.last or not self._store.find(entry.stream, entry.commit_id):
            self._telemetry.count("LegacyDiverged")
            raise Diverged(entry.stream, entry.version)
        self._outbox.relayed(entry)

    def _events(self, entry: OutboxEntry) -> Sequence[DomainEvent]:
        if not entry.imported:
            return from_text(entry.content, self._store.registry)
        row = self._adapter.row.model_validate_json(entry.content)
        return [import_event(self._adapter, row, fold_row(self._adapter, self._store.read(entry.stream)))]


class RelayedAtOnce:
    """Handles commands in the legacy system, and has the event table follow at once if it can."""

    def __init__(self, led: LegacyLed, relay: Relay) -> None:
        self._led = led
        self._relay = relay

    def handle(self, stream: StreamId, command: Any, **options: Any) -> Outcome[Any]:
        """As ``LegacyLed.handle``."""
        outcome = self._led.handle(stream, command, **options)
        self._relay.attempt(stream)
        return outcome
