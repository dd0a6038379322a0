"""Events whose envelopes are made late are those that would have been made at once, and so are their errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.support.clocks import START
from tests.support.ledger import account, deposits

from banyan.errors import BanyanError, InvalidEvent, StreamCorrupted
from banyan.events import DomainEvent, Event, EventRegistry, Metadata, Upcaster
from banyan.store import Commit, EventStore
from banyan.store.base import seal, timestamp
from banyan.store.items import RecordedEvents, record
from banyan.store.memory import MemoryTable
from banyan.streams import StreamHead
from banyan.text import counted

A = account("a")


class Moved(DomainEvent):
    schema_version: ClassVar[int] = 2

    street: str
    since: datetime | None = None


class Left(DomainEvent):
    pass


CLASSES: dict[str, type[DomainEvent]] = {"Moved": Moved, "Left": Left}
REGISTRY = EventRegistry(CLASSES.values(), [Upcaster("Moved", 1, lambda data: {"street": data["to"]})])

MOMENTS = st.timedeltas(timedelta(0), timedelta(days=1)).map(lambda later: timestamp(START + later))
DATA: dict[tuple[str, int], list[dict[str, Any]]] = {
    ("Moved", 1): [{"to": "Elm St"}, {"to": 5}, {"street": "Elm St"}, {}],
    ("Moved", 2): [{"street": "Elm St"}, {"street": "Oak St", "since": "2026-01-05T12:00:00Z"}, {"since": None}],
    ("Moved", 3): [{"street": "Elm St"}],
    ("Left", 1): [{}, {"why": "none of this"}],
    ("Born", 1): [{}],
}
METADATA = st.fixed_dictionaries(
    {},
    optional={
        "actor": st.sampled_from(["ann", "ben"]),
        "correlationId": st.just("c-1"),
        "occurredAt": st.one_of(MOMENTS, st.just("long ago")),
        "mood": st.just("good"),
    },
)


@st.composite
def entries(draw: Callable[..., Any]) -> dict[str, Any]:
    """An event as stored: mostly sound, now and then of a later version, or of none."""
    type_and_version = draw(st.sampled_from(sorted(DATA)))
    metadata = draw(METADATA) | {"schemaVersion": type_and_version[1]}
    if draw(st.integers(0, 3)):
        metadata = {"actor": "ann", "schemaVersion": type_and_version[1]}
    data = DATA[type_and_version]
    return {
        "id": str(draw(st.uuids())),
        "type": type_and_version[0],
        "timestamp": draw(MOMENTS),
        "data": data[0] if draw(st.integers(0, 3)) else draw(st.sampled_from(data)),
        "metadata": metadata,
    }


def chain(commits: Sequence[list[dict[str, Any]]], miscounted: int = -1) -> list[Commit]:
    """Commits that hold these entries, each sealed to the one before; one of them counts one event too many."""
    head, found = StreamHead.empty(A), list[Commit]()
    for number, stored in enumerate(commits):
        commit = replace(
            record(head, deposits(1), f"commit-{number}", Metadata(), START).parts[0],
            count=len(stored) + (number == miscounted),
            types=tuple(entry["type"] for entry in stored),
            events=orjson.dumps(stored).decode(),
        )
        found += seal(head, [commit])
        head = found[-1].head
    return found


def at_once(commits: Sequence[Commit]) -> tuple[Event, ...]:
    """Every envelope, every metadata and every payload, each read by itself."""
    return tuple(event for commit in commits for event in _events(commit, orjson.loads(commit.events)))


def _events(commit: Commit, stored: Sequence[dict[str, Any]]) -> list[Event]:
    if len(stored) != commit.count:
        raise StreamCorrupted(A, commit.position, f"{counted(len(stored), 'event')} instead of {commit.count}")
    return [_event(commit.position + index, entry) for index, entry in enumerate(stored)]


def _event(version: int, entry: dict[str, Any]) -> Event:
    try:
        metadata = Metadata.model_validate(entry["metadata"])
    except ValidationError as error:
        raise InvalidEvent(f"the metadata of a stored {entry['type']} does not fit: deploy the newer code") from error
    payload = REGISTRY.decode(entry["type"], metadata.schema_version, entry["data"])
    moment = datetime.fromisoformat(entry["timestamp"])
    return Event(
        event_id=entry["id"],
        event_type=entry["type"],
        stream_id=A,
        version=version,
        timestamp=moment,
        payload=payload,
        metadata=metadata,
    )


def outcome(read: Callable[[], Sequence[Event]]) -> object:
    """The events, or the error in place of them."""
    try:
        return tuple(read())
    except BanyanError as error:
        return type(error), str(error)


def said(events: RecordedEvents) -> list[DomainEvent]:
    return list(events.payloads)


@given(st.lists(st.lists(entries(), min_size=1, max_size=4), max_size=4), st.integers(-8, 3))
def test_late_envelopes_are_those_made_at_once(stored: list[list[dict[str, Any]]], miscounted: int) -> None:
    commits = chain(stored, miscounted)
    table = MemoryTable()
    if commits:
        table.insert(commits)
    store, expected = EventStore(table, REGISTRY), outcome(lambda: at_once(commits))

    assert outcome(lambda: store.load(A).events) == expected
    assert outcome(lambda: [event for commit in commits for event in store.decode(commit)]) == expected
    assert outcome(lambda: store.load(A, since=StreamHead.empty(A)).events) == expected
    if isinstance(expected, tuple) and all(isinstance(event, Event) for event in expected):
        loaded = store.load(A).events
        assert said(loaded) == [event.payload for event in expected]
        assert len(loaded) == len(expected)


@given(
    st.lists(st.sampled_from([Moved(street="Elm St"), Moved(street="Oak St", since=START), Left()]), min_size=1),
    st.builds(Metadata, actor=st.sampled_from(["", "ann"]), occurred_at=st.sampled_from([None, START])),
)
def test_what_an_append_returns_is_what_is_read(events: list[DomainEvent], metadata: Metadata) -> None:
    store = EventStore(MemoryTable(), REGISTRY)

    appended = store.append(A, StreamHead.empty(A), events, commit_id="c", metadata=metadata)
    again = store.append(A, StreamHead.empty(A), events, commit_id="c", metadata=metadata)

    assert tuple(store.read(A)) == appended.events == again.events == store.load(A).events
    assert said(appended.events) == said(again.events) == events


def test_envelopes_are_made_once_and_only_when_asked_for() -> None:
    made = []
    (event,) = EventStore(MemoryTable(), REGISTRY).append(A, 0, [Left()]).events

    def envelopes() -> tuple[Event, ...]:
        made.append(1)
        return (event,)

    events = RecordedEvents([event.payload], envelopes)
    assert (len(events), events.payloads, made) == (1, [event.payload], [])

    assert (events[0], events[:1], list(events), events == (event,)) == (event, (event,), [event], True)
    assert (hash(events), repr(events), event in events) == (hash((event,)), repr((event,)), True)
    assert events != [event]
    assert made == [1]


@pytest.mark.parametrize("read", [EventStore.payloads, EventStore.decode])
def test_no_commit_is_read_whose_metadata_is_none(read: Callable[[EventStore, Commit], object]) -> None:
    (commit,) = record(StreamHead.empty(A), [Left()], "c", Metadata(), START).parts
    stored = orjson.loads(commit.events)
    forged = replace(commit, events=orjson.dumps([stored[0] | {"metadata": None}]).decode())

    with pytest.raises(InvalidEvent, match="the metadata of a stored Left does not fit"):
        read(EventStore(MemoryTable(), REGISTRY), forged)
