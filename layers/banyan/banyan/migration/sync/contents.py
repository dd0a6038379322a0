"""Events on their way through a legacy system's outbox, as text and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson

from banyan.events import DomainEvent, Event, EventRegistry, Metadata
from banyan.migration.stores.adapter import AnyAdapter
from banyan.migration.stores.legacy import OutboxEntry
from banyan.migration.stores.rows import of_a_row
from banyan.store.items import decode, record
from banyan.streams import BEGINNING_OF_TIME, StreamHead


def to_text(events: Sequence[DomainEvent]) -> str:
    """JSON array of ``{type, schemaVersion, data}``."""
    return orjson.dumps(
        [
            {
                "type": event.event_type(),
                "schemaVersion": event.schema_version,
                "data": event.model_dump(mode="json", by_alias=True),
            }
            for event in events
        ]
    ).decode()


def from_text(text: str, registry: EventRegistry) -> list[DomainEvent]:
    """Undo ``to_text``. Raises ``EventError``."""
    return [registry.decode(entry["type"], entry["schemaVersion"], entry["data"]) for entry in orjson.loads(text)]


def as_recorded(
    entry: OutboxEntry, events: Sequence[DomainEvent], registry: EventRegistry
) -> tuple[StreamHead, tuple[Event, ...]]:
    """Events of an entry as the event table will hold them, but for the time of recording.

    The head says where they will end; it has no digest yet, so nothing can be appended after it.
    """
    before, now = StreamHead(entry.stream, entry.version - 1, "", entry.written_at), entry.written_at
    if not events:
        return before, ()
    commits = record(before, events, entry.commit_id, entry.metadata, now).parts
    recorded = tuple(event for commit in commits for event in decode(commit, registry))
    return StreamHead(entry.stream, before.version + len(events), "", now), recorded


def occurring(metadata: Metadata | None, now: datetime) -> Metadata:
    """Metadata that says when it happened, so that both sides keep the same moment."""
    metadata = metadata or Metadata()
    return metadata if metadata.occurred_at else metadata.model_copy(update={"occurred_at": now})


def fold_row(adapter: AnyAdapter, events: Iterable[Event], row: Any = None) -> Any:
    """A row after more events; ``None`` before the first."""
    for event in events:
        row = adapter.evolve(row, event.payload, event.occurred_at)
    return row


def import_event(adapter: AnyAdapter, row: Any, previous: Any) -> DomainEvent:
    """The event from which the whole row can be folded.

    Raises
    ------
    UnreadableRow
        The row breaks the rules of the domain's events; its content is not part of the message.
    """
    with of_a_row("a legacy row does not fit an event"):
        event = adapter.imported(row, previous)
        adapter.state(adapter.evolve(None, event, BEGINNING_OF_TIME))
        return event


def view_of(adapter: AnyAdapter, projection: str, row: Any) -> Any:
    """What a read model holds of a row. Raises ``UnreadableRow``."""
    with of_a_row("a legacy row cannot be shown"):
        return adapter.views[projection](row)
