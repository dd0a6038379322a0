"""Comparing one segment of two generations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from banyan.adapters.dynamodb.commit_items import log_key
from banyan.projections.base import Projection, ViewProjection
from banyan.projections.rebuild.base import Build, GenerationRows, Phase, Segment
from banyan.projections.rebuild.shadow import Judge, Verdict, row_pairs, state_pairs
from banyan.projections.rebuild.walk import Walk, chunks
from banyan.projections.views import Generation, RowKey, Views

STREAMS_AT_ONCE: Final = 100
FIRST_DIFFERENCES: Final = 10
ENOUGH_DIFFERENCES: Final = 100


class Comparing:
    """Compares the rows of a new generation with those of the one that was live when it was begun.

    A ``StreamProjection`` is compared stream by stream along the log, a ``ViewProjection`` row by row along a
    part of the table. Behind 100 differences a segment is compared no further.

    Parameters
    ----------
    projection : Projection
    walk : Walk
    views : Views
    rows : GenerationRows
    judge : Judge
    """

    def __init__(self, projection: Projection, walk: Walk, views: Views, rows: GenerationRows, judge: Judge) -> None:
        self._projection = projection
        self._walk = walk
        self._views = views
        self._rows = rows
        self._judge = judge

    def compare(self, build: Build, segment: Segment) -> Iterator[Segment]:
        """Compare, yielding the segment as often as it may be kept; it goes on from what was kept."""
        by_row = isinstance(self._projection, ViewProjection)
        for judged in self._by_row(build, segment) if by_row else self._by_stream(build, segment):
            segment = judged
            if segment.different >= ENOUGH_DIFFERENCES:
                break
            yield segment
        yield replace(segment, phase=Phase.COMPARED, position=None)

    def _by_stream(self, build: Build, segment: Segment) -> Iterator[Segment]:
        old, new = generations(build)
        look = partial(state_pairs, self._views, old, new)
        for firsts in chunks(self._walk.streams(segment), STREAMS_AT_ONCE):
            verdict = self._judge.compare(look, [first.stream for first in firsts])
            segment = replace(_judged(segment, verdict), position=log_key(firsts[-1]))
            yield segment

    def _by_row(self, build: Build, segment: Segment) -> Iterator[Segment]:
        old, new = generations(build)
        look = partial(row_pairs, self._rows, old, new)
        position = segment.position
        while True:
            keys, position = self._rows.keys([new, old], segment.number, build.segments, position)
            verdict = self._judge.compare(look, [*keys.get(new, []), *self._lost(new, keys.get(old, []))])
            phase = segment.phase if position else Phase.COMPARED
            segment = replace(_judged(segment, verdict), phase=phase, position=position)
            yield segment
            if position is None:
                return

    def _lost(self, new: Generation, keys: Sequence[RowKey]) -> list[RowKey]:
        """Rows of the old generation that the new one does not have."""
        found = self._rows.rows(new, keys)
        return [key for key in keys if key not in found]


def _judged(segment: Segment, verdict: Verdict) -> Segment:
    return replace(
        segment,
        compared=segment.compared + verdict.compared,
        in_flight=segment.in_flight + verdict.in_flight,
        different=segment.different + len(verdict.differences),
        differences=(*segment.differences, *verdict.differences)[:FIRST_DIFFERENCES],
    )


def generations(build: Build) -> tuple[Generation, Generation]:
    """The generation that was live at the start, and the new one."""
    return Generation(build.generation.projection, build.base), build.generation
