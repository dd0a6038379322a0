"""Deleting the rows and cursors of a generation that nobody reads or writes any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from banyan.projections.rebuild.base import Build, GenerationRows, Phase, Segment


class Dropping:
    """Deletes one part of a generation.

    Parameters
    ----------
    rows : GenerationRows
    """

    def __init__(self, rows: GenerationRows) -> None:
        self._rows = rows

    def drop(self, build: Build, segment: Segment) -> Iterator[Segment]:
        """Delete, yielding the segment as often as it may be kept; it goes on from what was kept."""
        position = segment.position
        while position := self._rows.drop(build.generation, segment.number, build.segments, position):
            segment = replace(segment, position=position)
            yield segment
        yield replace(segment, phase=Phase.DROPPED, position=None)
