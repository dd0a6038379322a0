"""What happened in a domain before its sample events: the same each time it is made, by the engine itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from banyan.adapters.settings import Settings
from banyan.commands.decisions import Decisions, deciding
from banyan.commands.handler import CommandHandler, ConflictRetries
from banyan.domain import Domain
from banyan.events import Metadata
from banyan.store import Commit, EventStore
from banyan.store.items import Item, commit_item
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId
from banyan.telemetry import NoTelemetry

TENANT: Final = "acme"
ACTOR: Final = "user-1"
START: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
STEP: Final = timedelta(minutes=1)
BUCKETS: Final = Settings().log_buckets


class Clock:
    """Moves on by a minute each time it is read."""

    def __init__(self) -> None:
        self._now = START

    def __call__(self) -> datetime:
        self._now += STEP
        return self._now


class History:
    """A domain over a memory of its own."""

    def __init__(self, domain: Domain) -> None:
        self.store = EventStore(MemoryTable(BUCKETS), domain.registry, Clock())
        alone = {decider.entity: CommandHandler(self.store, decider) for decider in domain.deciders}
        taking_part = {entity: handler.aggregates for entity, handler in alone.items()}
        retries = ConflictRetries(0, 1, NoTelemetry())
        decisions = Decisions(self.store, taking_part, retries, NoTelemetry())
        self._handlers = deciding(alone, decisions, domain.decisions) if domain.decisions else alone

    def handle(self, entity: str, id: str, name: str, command: Any, actor: str = ACTOR) -> None:
        """Handle a command; commit, correlation and request are called after it."""
        metadata = Metadata(correlation_id=f"correlation-{name}", causation_id=f"request-{name}", actor=actor)
        self._handlers[entity].handle(stream(entity, id), command, commit_id=f"commit-{name}", metadata=metadata)

    def commits(self, stream: StreamId) -> Sequence[Commit]:
        """The commits of a stream."""
        return tuple(self.store.commits(stream))

    def items(self, streams: Iterable[StreamId] | None = None) -> Sequence[Item]:
        """The commits of some streams, or of all in the order in which they were made, as items of the event table."""
        listed = sorted(self.store.streams(), key=str) if streams is None else streams
        found = [commit for each in listed for commit in self.commits(each)]
        ordered = sorted(found, key=lambda commit: commit.recorded_at) if streams is None else found
        return [commit_item(commit, BUCKETS) for commit in ordered]


def stream(entity: str, id: str) -> StreamId:
    """A stream of the sample tenant."""
    return StreamId(TENANT, entity, id)
