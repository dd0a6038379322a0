"""A stream as it was: which version it had at a moment, and the state that its decider folds at a version."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel

from banyan.decider import Decider
from banyan.events import DomainEvent
from banyan.store.eventstore import EventStore, restore
from banyan.streams import StreamHead, StreamId

S = TypeVar("S", bound=BaseModel)


def version_at(store: EventStore, stream: StreamId, moment: datetime) -> int:
    """Version of the last event that was recorded by a moment, 0 when there was none; a few small reads.

    Raises
    ------
    StreamCorrupted, StoreUnavailable
    """
    low, high = 0, store.head(stream).version
    while low < high:
        middle = (low + high + 1) // 2
        commit = store.newest(stream, middle)
        if commit and commit.recorded_at <= moment:
            low = max(commit.last, middle)
        else:
            high = commit.position - 1 if commit else 0
    return low


def state_at(store: EventStore, decider: Decider[S, Any], stream: StreamId, version: int) -> S:
    """The state at a version that the stream has got to, from the newest snapshot before it that fits.

    Raises
    ------
    StreamCorrupted, EventError, StoreUnavailable
        Besides what the domain's code raises.
    """
    boundary = store.boundary_before(stream, version)
    state, head = (
        _until(store, decider, stream, boundary) if boundary else (decider.initial(), StreamHead.empty(stream))
    )
    return decider.fold(_payloads(store, head, version), state)


def _payloads(store: EventStore, head: StreamHead, version: int) -> Iterator[DomainEvent]:
    """What the events behind a head say, up to a version; what comes after its commit is not even looked at."""
    for commit in store.commits(head.stream, head):
        yield from store.payloads(commit)[: version - commit.position + 1]
        if commit.last >= version:
            return


def _until(store: EventStore, decider: Decider[S, Any], stream: StreamId, boundary: int) -> tuple[S, StreamHead]:
    loaded = store.load(stream, state_version=decider.state_version, upto=boundary)
    base = restore(decider, loaded.snapshot)
    if loaded.snapshot and base is None:
        loaded = store.load(stream, upto=boundary)
    return decider.fold(loaded.events.payloads, base), loaded.head
