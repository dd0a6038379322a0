"""Streams as people look at them: each event for itself, in whatever state they are; what cannot be read is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from banyan.errors import BanyanError, StreamCorrupted
from banyan.events import EventRegistry
from banyan.store.base import Commit, timestamp
from banyan.store.items import Entry, read_entry
from banyan.store.reader import StreamReader
from banyan.streams import StreamId

UNREADABLE: Final = "(unreadable)"


@dataclass(frozen=True, slots=True)
class RawEvent:
    """One event, lifted to its newest schema version; or as it is stored, and why it cannot be read.

    Parameters
    ----------
    payload : Any
        JSON; ``None`` when there is nothing that can be shown.
    """

    stream: StreamId
    version: int
    event_id: str
    event_type: str
    timestamp: str | None
    payload: Any
    metadata: Mapping[str, Any]
    error: str | None = None


def raw_events(commit: Commit, registry: EventRegistry) -> Iterator[RawEvent]:
    """The events of a commit, or of a part of one."""
    entries = _entries(commit)
    if not entries:
        error = "the commit does not hold events"
        yield unreadable(commit.stream, commit.position, error, timestamp(commit.recorded_at))
    for index, entry in enumerate(entries):
        yield _raw(commit, index, entry, registry)


def unreadable(stream: StreamId, version: int, error: str, recorded_at: str | None = None) -> RawEvent:
    """What stands for a commit of which nothing can be shown."""
    return RawEvent(stream, version, "", UNREADABLE, recorded_at, None, {}, error)


def history(store: StreamReader, stream: StreamId, after: int | None, *, newest_first: bool) -> Iterator[RawEvent]:
    """Events of a stream behind a version, in either order; it continues behind what is damaged.

    Raises
    ------
    StoreUnavailable
    """
    read = _backward if newest_first else _forward
    for item in read(store, stream, after):
        found = list(raw_events(item, store.registry)) if isinstance(item, Commit) else [item]
        for event in reversed(found) if newest_first else found:
            if after is None or (event.version < after if newest_first else event.version > after):
                yield event


def _forward(store: StreamReader, stream: StreamId, after: int | None) -> Iterator[Commit | RawEvent]:
    place = _commit_before(store, stream, after) if after else 0
    while True:
        try:
            for commit in _commits(store.table.forward(stream, place)):
                yield commit
                place = commit.last
            return
        except StreamCorrupted as damage:
            if damage.version > place:
                yield unreadable(stream, damage.version, str(damage))
            place = max(place, damage.version)


def _backward(store: StreamReader, stream: StreamId, before: int | None) -> Iterator[Commit | RawEvent]:
    place = before and before - 1
    while place is None or place > 0:
        try:
            yield from _commits(store.table.backward(stream, place, page=10))
            return
        except StreamCorrupted as damage:
            if place == damage.version:
                yield unreadable(stream, place, str(damage))
            place = damage.version - (place == damage.version)


def _commit_before(store: StreamReader, stream: StreamId, version: int) -> int:
    """Where to read on so that the commit that holds a version is among what is read."""
    commit = next((each for each in _backward(store, stream, version + 1)), None)
    return commit.position - 1 if isinstance(commit, Commit) else version


def _commits(items: Iterable[Any]) -> Iterator[Commit]:
    return (item for item in items if isinstance(item, Commit))


def _entries(commit: Commit) -> Sequence[Entry]:
    try:
        entries = orjson.loads(commit.events)
    except ValueError:
        return ()
    return entries if isinstance(entries, list) and all(isinstance(each, dict) for each in entries) else ()


def _raw(commit: Commit, index: int, entry: Entry, registry: EventRegistry) -> RawEvent:
    payload, metadata, error = entry.get("data"), entry.get("metadata"), None
    try:
        event, known = read_entry(entry, registry)
        payload, metadata = (each.model_dump(mode="json", by_alias=True) for each in (event, known))
    except BanyanError as found:
        error = str(found)
    except Exception as found:
        error = f"the event cannot be read: {type(found).__name__}"
    return RawEvent(
        commit.stream,
        commit.position + index,
        str(entry.get("id", "")),
        str(entry.get("type", UNREADABLE)),
        timestamp(commit.recorded_at),
        payload,
        metadata if isinstance(metadata, dict) else {},
        error,
    )
