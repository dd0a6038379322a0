"""Rebuilding a single stream in the rows that queries read."""

from __future__ import annotations

from dataclasses import replace

from banyan.errors import ConfigurationError, StoreUnavailable
from banyan.events import CamelModel
from banyan.projections.base import AnyStreamProjection, Projection, ViewProjection
from banyan.projections.batch import Delivery
from banyan.projections.check import fold_row
from banyan.projections.projecting import REDO_ATTEMPTS, Everything, Source
from banyan.projections.projectors import make_projector
from banyan.projections.views import Generation, Views, WatermarkMoved
from banyan.store import EventStore
from banyan.store.eventstore import Clock
from banyan.streams import StreamId


class StreamRebuilt(CamelModel):
    """What became of a stream in one generation.

    Parameters
    ----------
    version : int
        Version its rows hold now.
    replaced : bool
        Its row was made anew. False for a ``ViewProjection``, where the stream only took in what was missing.
    """

    version: int
    replaced: bool


def rebuild_stream(
    projection: Projection, generation: Generation, stream: StreamId, store: EventStore, views: Views, clock: Clock
) -> StreamRebuilt:
    """Make the row of one stream anew from its events, whatever the row holds.

    The rows of a ``ViewProjection`` are shared: what a stream once added to them is not written down anywhere, so
    it cannot be taken out again. There the stream takes in what it misses; wrong sums need the whole rebuild.

    Raises
    ------
    ConfigurationError
        The projection does not read such streams.
    StreamCorrupted, EventError
        The row stays as it is.
    StoreUnavailable
    """
    if projection.entity != stream.entity:
        raise ConfigurationError(f"{projection.name!r} does not read {stream.entity!r} streams")
    if isinstance(projection, ViewProjection):
        return _take_in_the_rest(projection, generation, stream, store, views, clock)
    for _ in range(REDO_ATTEMPTS):
        try:
            return _replace(projection, generation, stream, store, views, clock)
        except WatermarkMoved:
            continue
    raise StoreUnavailable("the stream keeps moving: try again")


def _take_in_the_rest(
    projection: ViewProjection, generation: Generation, stream: StreamId, store: EventStore, views: Views, clock: Clock
) -> StreamRebuilt:
    source = Source(store, Everything())
    projector = make_projector(projection, generation, views, source, clock)
    (outcome,) = projector.project([Delivery(stream, (), damaged=True)])
    if outcome.error:
        raise outcome.error
    return StreamRebuilt(version=outcome.version, replaced=False)


def _replace(
    projection: AnyStreamProjection,
    generation: Generation,
    stream: StreamId,
    store: EventStore,
    views: Views,
    clock: Clock,
) -> StreamRebuilt:
    standing = views.states(generation, [stream]).get(stream)
    row = fold_row(projection, store, stream)
    if row is None:
        return StreamRebuilt(version=0, replaced=False)
    views.put_state(generation, replace(row, projected_at=clock()), standing.version if standing else 0)
    return StreamRebuilt(version=row.version, replaced=True)
