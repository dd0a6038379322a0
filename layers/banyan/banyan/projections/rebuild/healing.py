"""Bringing the streams of a segment into a new generation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from banyan.adapters.dynamodb.commit_items import log_key
from banyan.projections.base import Projection, ViewProjection
from banyan.projections.batch import Delivery
from banyan.projections.failures import Setback, check_systemic, describe
from banyan.projections.projectors import Projector
from banyan.projections.rebuild.base import Build, Phase, Segment, Stuck
from banyan.projections.rebuild.walk import Walk, chunks
from banyan.projections.snapshotter import Snapshotter
from banyan.projections.views import Failure, Generation, Views
from banyan.store.eventstore import Clock
from banyan.streams import StreamId

STREAMS_AT_ONCE: Final = 50
FIRST_STUCK: Final = 10
MARGIN: Final = timedelta(minutes=1)


class Healing:
    """Takes the streams of a segment into the new generation, each from its watermark there to its end.

    Every method yields the segment as often as it may be kept, and goes on from what was kept.

    Parameters
    ----------
    projection : Projection
    projector : Projector
        Of the new generation.
    walk : Walk
    views : Views
    snapshots : Snapshotter
        Renews the snapshots of streams that have none that fits.
    clock : Callable[[], datetime]
    """

    def __init__(
        self,
        projection: Projection,
        projector: Projector,
        walk: Walk,
        views: Views,
        snapshots: Snapshotter,
        clock: Clock,
    ) -> None:
        self._projection = projection
        self._projector = projector
        self._walk = walk
        self._views = views
        self._snapshots = snapshots
        self._clock = clock

    def count(self, build: Build, segment: Segment) -> Iterator[Segment]:  # noqa: ARG002
        """Count the streams there are, for the progress bar."""
        yield replace(segment, phase=Phase.HEALING, total=sum(1 for _ in self._walk.streams(segment)))

    def heal(self, build: Build, segment: Segment) -> Iterator[Segment]:  # noqa: ARG002
        """Take in every stream, in the order in which they began."""
        for firsts in chunks(self._walk.streams(segment), STREAMS_AT_ONCE):
            segment = self._taken(segment, dict.fromkeys((first.stream for first in firsts), 0))
            segment = replace(segment, streams=segment.streams + len(firsts), position=log_key(firsts[-1]))
            yield segment
        yield replace(segment, phase=Phase.CATCHING_UP, position=None)

    def catch_up(self, build: Build, segment: Segment) -> Iterator[Segment]:
        """Take in what a projector wrote to the old generation only, as it had not heard of the new one.

        All of that was recorded at about the start; whatever is behind since then is taken in.
        """
        until = self._clock()
        for commits in chunks(self._walk.commits(segment, build.started_at - MARGIN), STREAMS_AT_ONCE):
            behind = self._behind({commit.stream: commit.position for commit in commits})
            segment = replace(self._taken(segment, behind), position=log_key(commits[-1]))
            yield segment
            if commits[-1].recorded_at > until:
                break
        yield replace(segment, phase=Phase.CAUGHT_UP, position=None)

    def _behind(self, positions: Mapping[StreamId, int]) -> Mapping[StreamId, int]:
        """Watermarks of the streams that did not come as far."""
        known = watermarks(self._projection, self._views, self._projector.generation, list(positions))
        return {stream: known.get(stream, 0) for stream, at in positions.items() if known.get(stream, 0) < at}

    def _taken(self, segment: Segment, streams: Mapping[StreamId, int]) -> Segment:
        """The segment behind some streams, of which some events were counted already."""
        outcomes = self._projector.project([Delivery(stream, (), damaged=True) for stream in streams])
        setbacks = [Setback(self._projector.generation, o.stream, o.version + 1, o.error) for o in outcomes if o.error]
        check_systemic(setbacks, len(streams))
        self._snapshots.renew((outcome.stream, outcome.version) for outcome in outcomes)
        self._park(setbacks)
        known = {stuck.stream for stuck in segment.stuck}
        stuck = [_stuck(setback) for setback in setbacks if str(setback.stream) not in known]
        return replace(
            segment,
            events=segment.events + sum(outcome.version - streams[outcome.stream] for outcome in outcomes),
            failed=segment.failed + len(stuck),
            stuck=(*segment.stuck, *stuck)[:FIRST_STUCK],
        )

    def _park(self, setbacks: Sequence[Setback]) -> None:
        """Keep what could not be taken in where a retry finds it, also behind the switch."""
        now = self._clock()
        for each in setbacks:
            failure = Failure(each.stream, each.version, describe(each.error), attempts=1, next_try=now, parked_at=now)
            self._views.put_failure(each.generation, failure)


def watermarks(
    projection: Projection, views: Views, generation: Generation, streams: Sequence[StreamId]
) -> Mapping[StreamId, int]:
    """Versions up to which a generation took streams in; one batch read for up to 100."""
    if isinstance(projection, ViewProjection):
        return views.watermarks(generation, streams)
    return {stream: row.version for stream, row in views.states(generation, streams).items()}


def _stuck(setback: Setback) -> Stuck:
    return Stuck(str(setback.stream), setback.version, describe(setback.error))
