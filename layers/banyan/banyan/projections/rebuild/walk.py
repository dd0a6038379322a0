"""Walking the log of all streams, one bucket at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import TypeVar

from banyan.adapters.dynamodb.commit_items import log_key
from banyan.projections.rebuild.base import Segment
from banyan.store import EventStore, LogEntry

T = TypeVar("T")


class Walk:
    """The log of the streams of one entity.

    Parameters
    ----------
    store : EventStore
    entity : str
    """

    def __init__(self, store: EventStore, entity: str) -> None:
        self._store = store
        self._entity = entity

    def commits(self, segment: Segment, since: datetime | None = None) -> Iterator[LogEntry]:
        """Every commit of a segment behind its position; without one, from a moment on."""
        place = segment.position or ""
        begin = datetime.fromisoformat(place.partition("#")[0]) if place else since
        own = (entry for entry in self._store.log(segment.number, begin) if entry.stream.entity == self._entity)
        return (entry for entry in own if log_key(entry) > place)

    def streams(self, segment: Segment) -> Iterator[LogEntry]:
        """The first commit of every stream of a segment behind its position."""
        return (entry for entry in self.commits(segment) if entry.position == 1)


def chunks(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """Things in their order, some at a time."""
    remaining = iter(things)
    while chunk := list(islice(remaining, size)):
        yield chunk
