"""How far a rebuild has come, and what it found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain

from banyan.events import CamelModel
from banyan.projections.check import Difference
from banyan.projections.control import Stage
from banyan.projections.rebuild.base import Build, Phase, Segment, Stuck

FIRST = 10


class Progress(CamelModel):
    """The state of a rebuild.

    Parameters
    ----------
    projection : str
    generation, base : int
        What is built, and what it is compared with.
    first : bool
        As in ``Build``.
    stage : Stage
    phase : Phase
        Of the segment that is furthest behind.
    streams : int
        Streams taken in so far.
    total : int, optional
        Streams to take in, once all segments are counted.
    events : int
        Events in the rows so far.
    events_per_second : float
        Since the start.
    eta_seconds : float, optional
        Until the last stream is taken in, at the rate so far.
    read_units, write_units : float
        Capacity consumed.
    failed : int
        Streams that could not be taken in to their end.
    stuck : tuple[Stuck, ...]
        The first of those.
    compared, in_flight, different : int
        Rows that were compared, that moved too fast to be judged, and that differ (a segment stops at 100).
    differences : tuple[Difference, ...]
        The first of those.
    started_at : datetime
    updated_at : datetime
        When a segment moved last.
    """

    projection: str
    generation: int
    base: int
    first: bool
    stage: Stage
    phase: Phase
    streams: int
    total: int | None
    events: int
    events_per_second: float
    eta_seconds: float | None
    read_units: float
    write_units: float
    failed: int
    stuck: tuple[Stuck, ...]
    compared: int
    in_flight: int
    different: int
    differences: tuple[Difference, ...]
    started_at: datetime
    updated_at: datetime

    @property
    def equal(self) -> bool:
        """Whether all was compared, everything was taken in and nothing differs that was to be equal."""
        return self.phase.reached(Phase.COMPARED) and (self.first or not self.different) and not self.failed


def progress_of(build: Build, stage: Stage, segments: Sequence[Segment]) -> Progress:
    """Add up what the segments of a build say."""
    updated_at = max([build.started_at, *(s.updated_at for s in segments if s.updated_at)])
    seconds = (updated_at - build.started_at).total_seconds()
    totals = [segment.total for segment in segments]
    total = None if None in totals else sum(filter(None, totals))
    streams, events = sum(s.streams for s in segments), sum(s.events for s in segments)
    return Progress(
        projection=build.generation.projection,
        generation=build.generation.number,
        base=build.base,
        first=build.first,
        stage=stage,
        phase=min((segment.phase for segment in segments), key=list(Phase).index),
        streams=streams,
        total=total,
        events=events,
        events_per_second=events / seconds if seconds else 0.0,
        eta_seconds=max(total - streams, 0) * seconds / streams if total is not None and streams else None,
        read_units=sum(segment.read_units for segment in segments),
        write_units=sum(segment.write_units for segment in segments),
        failed=sum(segment.failed for segment in segments),
        stuck=tuple(chain.from_iterable(segment.stuck for segment in segments))[:FIRST],
        compared=sum(segment.compared for segment in segments),
        in_flight=sum(segment.in_flight for segment in segments),
        different=sum(segment.different for segment in segments),
        differences=tuple(chain.from_iterable(segment.differences for segment in segments))[:FIRST],
        started_at=build.started_at,
        updated_at=updated_at,
    )
