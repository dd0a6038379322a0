"""Where the migration of an entity stands, for all who have to know within seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, Final

from banyan.commands.handler import CommandHandler, Outcome
from banyan.events import Event, Metadata
from banyan.migration.phases.aggregate import (
    MIGRATION,
    REGISTRY,
    Command,
    MigrationState,
    migration_of,
)
from banyan.store import CommitTable, EventStore
from banyan.store.eventstore import Clock, utc_now

TRUSTED_SECONDS: Final = 2.0


class Phases:
    """Reads and moves the migration of one entity.

    Parameters
    ----------
    table : CommitTable
        The event table, where the migration is a stream like any other.
    ticks : Callable[[], float]
        Seconds that only go forward.
    """

    def __init__(
        self, table: CommitTable, entity: str, clock: Clock = utc_now, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = EventStore(table, REGISTRY, clock)
        self._handler: CommandHandler[MigrationState, Command] = CommandHandler(self._store, MIGRATION)
        self.entity = entity
        self.stream = migration_of(entity)
        self._ticks = ticks
        self._kept: tuple[float, MigrationState] | None = None
        self._lock = Lock()

    def current(self) -> MigrationState:
        """Where it stands, at most ``TRUSTED_SECONDS`` ago. Raises ``StoreUnavailable``."""
        with self._lock:
            if self._kept is None or self._ticks() - self._kept[0] >= TRUSTED_SECONDS:
                self._kept = self._ticks(), self._handler.load(self.stream).state
            return self._kept[1]

    def refreshed(self) -> MigrationState:
        """Where it stands now."""
        self.forget()
        return self.current()

    def forget(self) -> None:
        """Look again the next time."""
        with self._lock:
            self._kept = None

    def version(self) -> int:
        """Version of the migration's stream now. Raises ``StoreUnavailable``."""
        return self._handler.load(self.stream).head.version

    def handle(self, command: Command, actor: str = "", **options: Any) -> Outcome[MigrationState]:
        """Decide on a command. As ``CommandHandler.handle``."""
        outcome = self._handler.handle(self.stream, command, metadata=Metadata(actor=actor), **options)
        self.forget()
        return outcome

    def history(self) -> Sequence[Event]:
        """Everything that was decided, oldest first."""
        return tuple(self._store.read(self.stream))
