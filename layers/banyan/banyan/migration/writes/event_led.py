"""Commands while the event store is primary: the legacy system follows, so that there is a way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from banyan.adapters.dynamodb.commits import DynamoDBTable
from banyan.commands.handler import CommandHandler, Outcome
from banyan.errors import PrimaryChanged
from banyan.events import Metadata
from banyan.migration.sync.backlog import LegacySync, SyncBacklog
from banyan.migration.sync.contents import occurring
from banyan.migration.writes.primary import DynamoDBPrimary, Primary
from banyan.migration.writes.transactional import TransactionalTable
from banyan.store import Commit, CompanionWriteRejected
from banyan.store.eventstore import Clock
from banyan.streams import StreamHead, StreamId


class LedTable(TransactionalTable):
    """Inserts commits only while the event store is primary, and notes that the legacy system is to follow."""

    def __init__(self, table: DynamoDBTable, primary: DynamoDBPrimary, backlog: SyncBacklog) -> None:
        super().__init__(table)
        self._primary = primary
        self._backlog = backlog

    def insert(self, commits: Sequence[Commit], *, unmoved: Sequence[StreamHead] = ()) -> None:
        """Raises ``PrimaryChanged``."""
        companions = [self._primary.check(commits[0].stream, Primary.EVENTS), self._backlog.put(commits[-1])]
        try:
            self.table.insert(commits, companions, unmoved=unmoved)
        except CompanionWriteRejected as refused:
            raise PrimaryChanged("the event store is not primary any more, or not yet") from refused


@dataclass(eq=False)
class EventLed:
    """Handles commands in the event store, and has the legacy system follow at once if it can.

    Parameters
    ----------
    handler : CommandHandler
        On a store over a ``LedTable``.
    """

    handler: CommandHandler[Any, Any]
    legacy_sync: LegacySync
    clock: Clock

    def handle(
        self, stream: StreamId, command: Any, *, metadata: Metadata | None = None, **options: Any
    ) -> Outcome[Any]:
        """As ``CommandHandler.handle``. Raises ``PrimaryChanged`` too."""
        outcome = self.handler.handle(stream, command, metadata=occurring(metadata, self.clock()), **options)
        if outcome.events:
            self.legacy_sync.attempt(stream)
        return outcome
