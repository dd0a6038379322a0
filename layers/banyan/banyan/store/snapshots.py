"""States that stand for long histories."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from banyan.decider import AnyDecider, Decider
from banyan.store import EventStore, Snapshot
from banyan.streams import StreamHead, StreamId

S = TypeVar("S", bound=BaseModel)


def snapshot_of(decider: Decider[S, Any], head: StreamHead, state: S) -> Snapshot:
    """The snapshot of a state at a head."""
    json = state.model_dump_json()
    return Snapshot(head.stream, head.version, head.digest, decider.state_version, json, decider.fingerprint)


def restore(decider: Decider[S, Any], snapshot: Snapshot | None) -> S | None:
    """The state in a snapshot, or ``None`` when there is none or it no longer fits the decider."""
    if snapshot is None or not decider.reads(snapshot.state_version, snapshot.fingerprint):
        return None
    try:
        return decider.state.model_validate_json(snapshot.state)
    except ValidationError:
        return None


def crosses(interval: int, before: int, after: int) -> bool:
    """Whether a stream that went from one version to another passed a multiple of ``interval``."""
    return before // interval < after // interval


def write_snapshot(store: EventStore, decider: AnyDecider, stream: StreamId) -> Snapshot | None:
    """Fold a stream up to its head and keep the state; off the command path.

    Returns
    -------
    Snapshot or None
        ``None`` for an empty stream, or when the newest snapshot stands at the head already.

    Raises
    ------
    StreamCorrupted, EventError, StoreUnavailable
    """
    loaded = store.load(stream, state_version=decider.state_version)
    base = restore(decider, loaded.snapshot)
    if loaded.snapshot and base is None:
        loaded = store.load(stream)
    elif not loaded.commits:
        return None
    state = decider.fold((event.payload for event in loaded.events), base)
    snapshot = snapshot_of(decider, loaded.head, state)
    store.save_snapshot(snapshot)
    return snapshot
