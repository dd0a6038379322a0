"""Filling a new generation: the streams of a segment, from the log of all streams; or the row of a single stream."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Final, TypeVar

from banyan.errors import ConfigurationError, StoreUnavailable
from banyan.events import CamelModel
from banyan.projections.base import AnyRowsProjection, AnyStreamProjection, Projection, RowsProjection, ViewProjection
from banyan.projections.check import fold_row
from banyan.projections.owned import corrections, fold_owned, stored_rows
from banyan.projections.processor import make_projector
from banyan.projections.projector import ATTEMPTS, AnyProjector, CommitSource, StreamBatch
from banyan.projections.rebuild.builds import Build, BuildPhase, Meter, Segment, Stuck
from banyan.projections.retries import FailedStream, check_systemic, describe
from banyan.projections.snapshotter import Snapshotter
from banyan.projections.views import FailureRecord, Generation, Views, WriteConflict
from banyan.store import EventStore, LogEntry
from banyan.store.eventstore import Clock
from banyan.store.items import log_key
from banyan.streams import StreamId

STREAMS_AT_ONCE: Final = 50
FEWEST_AT_ONCE: Final = 10
FIRST_STUCK: Final = 10
MARGIN: Final = timedelta(minutes=1)

T = TypeVar("T")


class Walk:
    """The log of the streams of some entities, one segment at a time.

    The log may get more buckets during a build. A place in a segment stays one: what lies before it in a bucket that
    was not walked then was recorded after the walk had begun, and is left to the projector and to catching up.
    """

    def __init__(self, store: EventStore, entities: Collection[str]) -> None:
        self._store = store
        self._entities = entities

    def commits(self, build: Build, segment: Segment, since: datetime | None = None) -> Iterator[LogEntry]:
        """Every commit of a segment after its position; without one, from a moment on."""
        place = segment.position or ""
        begin = datetime.fromisoformat(place.partition("#")[0]) if place else since
        buckets = self._store.log_buckets()[segment.number :: build.segments]
        entries = merge(*(self._store.log(bucket, begin) for bucket in buckets), key=log_key)
        own = (entry for entry in entries if entry.stream.entity in self._entities)
        return (entry for entry in own if log_key(entry) > place)

    def streams(self, build: Build, segment: Segment) -> Iterator[LogEntry]:
        """The first commit of every stream of a segment after its position."""
        return (entry for entry in self.commits(build, segment) if entry.position == 1)


def chunks(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """Things in their order, some at a time."""
    remaining = iter(things)
    while chunk := list(islice(remaining, size)):
        yield chunk


class Portions:
    """Takes as many things at a time as cost no more than a given number of write units, by what the last ones cost.

    Ten are the fewest, and what it begins with: of fewer that fail nothing would tell whether the code or the events
    are to blame.

    Parameters
    ----------
    units : float
        What one portion may consume.
    """

    def __init__(self, units: float, meter: Meter) -> None:
        self._units = units
        self._meter = meter

    def of(self, things: Iterable[T]) -> Iterator[list[T]]:
        """Things in their order; who takes the next portion has written what the last one asked for."""
        remaining, size = iter(things), min(FEWEST_AT_ONCE, STREAMS_AT_ONCE)
        while portion := list(islice(remaining, size)):
            before = self._meter.write_units
            yield portion
            size = self._size((self._meter.write_units - before) / len(portion))

    def _size(self, units_of_each: float) -> int:
        affordable = max(int(self._units / max(units_of_each, 1.0)), FEWEST_AT_ONCE)
        return min(affordable, STREAMS_AT_ONCE)


class Filling:
    """Brings the streams of a segment into a new generation.

    Every method yields the segment as often as it may be kept, and continues from what was kept.

    Parameters
    ----------
    projector : AnyProjector
        Of the new generation.
    portions : Callable[[Build], Portions]
        How many streams are applied before the place is kept and the write rate looked at.
    snapshots : Snapshotter
        Renews the snapshots of streams that have none that fits.
    """

    def __init__(
        self,
        projector: AnyProjector,
        walk: Walk,
        portions: Callable[[Build], Portions],
        views: Views,
        snapshots: Snapshotter,
        clock: Clock,
    ) -> None:
        self._portions = portions
        self._projector = projector
        self._walk = walk
        self._views = views
        self._snapshots = snapshots
        self._clock = clock

    def count(self, build: Build, segment: Segment) -> Iterator[Segment]:
        """Count the streams there are, for the progress bar."""
        yield replace(segment, phase=BuildPhase.HEALING, total=sum(1 for _ in self._walk.streams(build, segment)))

    def fill(self, build: Build, segment: Segment) -> Iterator[Segment]:
        """Apply every stream, in the order in which they began."""
        for firsts in self._portions(build).of(self._walk.streams(build, segment)):
            segment = self._applied(segment, dict.fromkeys((first.stream for first in firsts), 0))
            segment = replace(segment, streams=segment.streams + len(firsts), position=log_key(firsts[-1]))
            yield segment
        yield replace(segment, phase=BuildPhase.CATCHING_UP, position=None)

    def catch_up(self, build: Build, segment: Segment) -> Iterator[Segment]:
        """Apply what a projector wrote to the old generation only, as it had not heard of the new one.

        All of that was recorded at about the start; whatever still lags is caught up with it.
        """
        until = self._clock()
        for commits in self._portions(build).of(self._walk.commits(build, segment, build.started_at - MARGIN)):
            lagging = self._lagging({commit.stream: commit.position for commit in commits})
            segment = replace(self._applied(segment, lagging), position=log_key(commits[-1]))
            yield segment
            if commits[-1].recorded_at > until:
                break
        yield replace(segment, phase=BuildPhase.CAUGHT_UP, position=None)

    def _lagging(self, positions: Mapping[StreamId, int]) -> Mapping[StreamId, int]:
        """Versions of the streams that did not come as far."""
        known = self._projector.checkpoints(list(positions))
        return {stream: known.get(stream, 0) for stream, at in positions.items() if known.get(stream, 0) < at}

    def _applied(self, segment: Segment, streams: Mapping[StreamId, int]) -> Segment:
        """The segment with some streams, of which some events were counted already."""
        outcomes = self._projector.project([StreamBatch(stream, from_table=True) for stream in streams])
        failed = [
            FailedStream(self._projector.generation, o.stream, o.version + 1, o.error) for o in outcomes if o.error
        ]
        check_systemic(failed, len(streams))
        self._snapshots.renew((outcome.stream, outcome.version) for outcome in outcomes)
        self._park(failed)
        known = {stuck.stream for stuck in segment.stuck}
        stuck = [_stuck(each) for each in failed if str(each.stream) not in known]
        return replace(
            segment,
            events=segment.events + sum(outcome.version - streams[outcome.stream] for outcome in outcomes),
            failed=segment.failed + len(stuck),
            stuck=(*segment.stuck, *stuck)[:FIRST_STUCK],
        )

    def _park(self, failed: Sequence[FailedStream]) -> None:
        """Keep what could not be applied where a retry finds it, also after the switch."""
        now = self._clock()
        for each in failed:
            failure = FailureRecord(
                each.stream, each.version, describe(each.error), attempts=1, next_try=now, parked_at=now
            )
            self._views.put_failure(each.generation, failure)


def _stuck(failed: FailedStream) -> Stuck:
    return Stuck(str(failed.stream), failed.version, describe(failed.error))


class StreamRebuilt(CamelModel):
    """What became of a stream in one generation.

    Parameters
    ----------
    version : int
        Version its rows hold now.
    replaced : bool
        Its rows were made from its events alone. False for a ``ViewProjection``, where the stream only applied what was
        missing.
    """

    version: int
    replaced: bool


def rebuild_stream(
    projection: Projection, generation: Generation, stream: StreamId, store: EventStore, views: Views, clock: Clock
) -> StreamRebuilt:
    """Replace the row of one stream, or the rows it owns, by the fold of its events, whatever they hold.

    The rows of a ``ViewProjection`` are shared: what a stream once added to them is not written down anywhere, so
    it cannot be taken out again. There the stream applies what it misses; wrong sums need the whole rebuild.

    Raises
    ------
    ConfigurationError
        The projection does not read such streams.
    StreamCorrupted, EventError
        The row stays as it is.
    StoreUnavailable
    """
    if stream.entity not in projection.entities:
        raise ConfigurationError(f"{projection.name!r} does not read {stream.entity!r} streams")
    if isinstance(projection, ViewProjection):
        projector = make_projector(projection, views, clock, generation, CommitSource(store))
        (outcome,) = projector.project([StreamBatch(stream, from_table=True)])
        if outcome.error:
            raise outcome.error
        return StreamRebuilt(version=outcome.version, replaced=False)
    for _ in range(ATTEMPTS):
        try:
            if isinstance(projection, RowsProjection):
                return _owned_replaced(projection, generation, stream, store, views, clock)
            return _replaced(projection, generation, stream, store, views, clock)
        except WriteConflict:
            continue
    raise StoreUnavailable("the stream keeps moving: try again")


def _replaced(
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


def _owned_replaced(
    projection: AnyRowsProjection,
    generation: Generation,
    stream: StreamId,
    store: EventStore,
    views: Views,
    clock: Clock,
) -> StreamRebuilt:
    now, standing = clock(), views.states(generation, [stream]).get(stream)
    old = stored_rows(views, generation, standing, now) if standing else None
    new = fold_owned(projection, store, list(store.commits(stream)), now)
    if new is None:
        return StreamRebuilt(version=0, replaced=False)
    for update in corrections(old, new, now):
        views.update_owned(generation, [update])
    return StreamRebuilt(version=new.version, replaced=True)
