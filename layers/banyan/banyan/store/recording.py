"""Turning new events into commits, and commits back into events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

import orjson
from pydantic import ValidationError

from banyan.errors import CommitTooLarge, InvalidEvent, StreamCorrupted
from banyan.events import DomainEvent, Event, Metadata
from banyan.store.base import Commit, seal, timestamp
from banyan.store.items import MAX_ITEM_BYTES, commit_item, item_size
from banyan.streams import StreamHead
from banyan.upcasting import EventRegistry

MAX_TRANSACTION_ITEMS: Final = 100
MAX_TRANSACTION_BYTES: Final = 4 * 1024 * 1024

_NUMBERING_BYTES: Final = 64

_EVENT_IDS = UUID("6a2f41a3-c54c-fce8-32d2-0324e1c32e22")


def record(
    head: StreamHead, events: Sequence[DomainEvent], commit_id: str, metadata: Metadata, now: datetime
) -> tuple[Commit, ...]:
    """Build the commit that appends ``events`` at ``head``: one part, or several when above 400 KB.

    Raises
    ------
    CommitTooLarge
        When a single event does not fit into an item.
    """
    recorded_at = max(now, head.recorded_at)
    encoded = [
        _encode(event, _event_id(head, commit_id, index), recorded_at, metadata) for index, event in enumerate(events)
    ]
    pieces = _split(head, commit_id, recorded_at, encoded)
    return tuple(seal(head, _number(pieces)))


def check_transaction(commits: Sequence[Commit]) -> None:
    """Refuse what one transaction cannot hold.

    Raises
    ------
    CommitTooLarge
        Above 100 items or 4 MB.
    """
    if len(commits) > MAX_TRANSACTION_ITEMS:
        raise CommitTooLarge(f"{len(commits)} items, a transaction holds {MAX_TRANSACTION_ITEMS}: append in steps")
    size = sum(_size(commit) for commit in commits)
    if size > MAX_TRANSACTION_BYTES:
        raise CommitTooLarge(f"{size} bytes, a transaction holds {MAX_TRANSACTION_BYTES}: append in steps")


def decode(commit: Commit, registry: EventRegistry) -> tuple[Event, ...]:
    """The events of a commit, old schema versions lifted to the current one.

    Raises
    ------
    EventError
        When an event cannot be read.
    StreamCorrupted
        When the number of events is not what the commit says.
    """
    stored = orjson.loads(commit.events)
    if len(stored) != commit.count:
        raise StreamCorrupted(commit.stream, commit.position, f"{len(stored)} events instead of {commit.count}")
    return tuple(_event(commit, commit.position + index, entry, registry) for index, entry in enumerate(stored))


def _event(commit: Commit, version: int, entry: dict[str, Any], registry: EventRegistry) -> Event:
    metadata = _metadata(entry)
    return Event(
        event_id=entry["id"],
        event_type=entry["type"],
        stream_id=commit.stream,
        version=version,
        timestamp=datetime.fromisoformat(entry["timestamp"]),
        payload=registry.decode(entry["type"], metadata.schema_version, entry["data"]),
        metadata=metadata,
    )


def _metadata(entry: dict[str, Any]) -> Metadata:
    try:
        return Metadata.model_validate(entry["metadata"])
    except ValidationError as error:
        raise InvalidEvent(f"the metadata of a stored {entry['type']} does not fit: deploy the newer code") from error


def _encode(event: DomainEvent, event_id: str, recorded_at: datetime, metadata: Metadata) -> dict[str, Any]:
    described = metadata.model_copy(update={"schema_version": event.schema_version})
    return {
        "id": event_id,
        "type": event.event_type(),
        "timestamp": timestamp(recorded_at),
        "data": event.model_dump(mode="json", by_alias=True),
        "metadata": described.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        | {"schemaVersion": event.schema_version},
    }


def _event_id(head: StreamHead, commit_id: str, index: int) -> str:
    return str(uuid5(_EVENT_IDS, f"{head.stream}/{commit_id}/{index}"))


def _split(head: StreamHead, commit_id: str, recorded_at: datetime, encoded: list[dict[str, Any]]) -> Iterator[Commit]:
    commit = _draft(head, commit_id, recorded_at, encoded)
    if _size(commit) <= MAX_ITEM_BYTES:
        yield commit
        return
    if len(encoded) == 1:
        raise CommitTooLarge(
            f"one {encoded[0]['type']} of {_size(commit)} bytes, an item holds {MAX_ITEM_BYTES}: "
            "keep large content in S3 and its address in the event"
        )
    half = len(encoded) // 2
    yield from _split(head, commit_id, recorded_at, encoded[:half])
    yield from _split(head, commit_id, recorded_at, encoded[half:])


def _draft(head: StreamHead, commit_id: str, recorded_at: datetime, encoded: list[dict[str, Any]]) -> Commit:
    return Commit(
        stream=head.stream,
        position=head.version + 1,
        count=len(encoded),
        commit_id=commit_id,
        recorded_at=recorded_at,
        types=tuple(entry["type"] for entry in encoded),
        events=orjson.dumps(encoded, option=orjson.OPT_SORT_KEYS).decode(),
        digest=head.digest,
    )


def _number(drafts: Iterator[Commit]) -> Iterator[Commit]:
    pieces = list(drafts)
    position = pieces[0].position
    for part, piece in enumerate(pieces, start=1):
        yield replace(piece, position=position, part=part, parts=len(pieces))
        position += piece.count


def _size(commit: Commit) -> int:
    return item_size(commit_item(commit, buckets=1)) + _NUMBERING_BYTES
