"""Comparing one segment of a new generation with the generation that it is to replace."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

import orjson

from banyan.confirm import LOOKS, confirm
from banyan.projections.base import Projection, RowsProjection, ViewProjection
from banyan.projections.check import Difference
from banyan.projections.owned import stored_rows
from banyan.projections.rebuild.builds import Build, BuildPhase, GenerationRows, Segment
from banyan.projections.rebuild.filling import Walk, chunks
from banyan.projections.views import Generation, StateRow, ViewKey, ViewRow, Views
from banyan.store.eventstore import Clock
from banyan.store.items import log_key
from banyan.streams import StreamId

STREAMS_AT_ONCE: Final = 100
FIRST_DIFFERENCES: Final = 10
ENOUGH_DIFFERENCES: Final = 100
FIRST_FIELDS: Final = 50

K = TypeVar("K", bound=Hashable)
Content = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowPair:
    """The content of one row in both generations; ``None`` where there is none."""

    old: Content | None
    new: Content | None


Pairs = Callable[[Sequence[K]], Mapping[K, RowPair]]


class Comparing:
    """Compares the rows of a new generation with those of the one that was live when it was begun.

    A ``ViewProjection`` is compared row by row along a part of the table, the others stream by stream along the log,
    with all the rows that a stream owns. After 100 differences a segment is compared no further.

    Parameters
    ----------
    pause : Callable[[], None]
        Until a row that is on its way has arrived: the projector writes one generation after the other.
    """

    def __init__(
        self,
        projection: Projection,
        walk: Walk,
        views: Views,
        rows: GenerationRows,
        pause: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._projection = projection
        self._walk = walk
        self._views = views
        self._rows = rows
        self._pause = pause
        self._clock = clock

    def compare(self, build: Build, segment: Segment) -> Iterator[Segment]:
        """Compare, yielding the segment as often as it may be kept; it continues from what was kept."""
        by_row = isinstance(self._projection, ViewProjection)
        for compared in self._by_row(build, segment) if by_row else self._by_stream(build, segment):
            segment = compared
            if segment.position is None or segment.different >= ENOUGH_DIFFERENCES:
                break
            yield segment
        yield replace(segment, phase=BuildPhase.COMPARED, position=None)

    def _by_stream(self, build: Build, segment: Segment) -> Iterator[Segment]:
        pairs = partial(state_pairs, self._views, *generations(build))
        if isinstance(self._projection, RowsProjection):
            pairs = partial(owned_pairs, self._views, *generations(build), self._clock)
        for firsts in chunks(self._walk.streams(build, segment), STREAMS_AT_ONCE):
            segment = replace(
                self._compared(segment, pairs, [first.stream for first in firsts]), position=log_key(firsts[-1])
            )
            yield segment

    def _by_row(self, build: Build, segment: Segment) -> Iterator[Segment]:
        old, new = generations(build)
        pairs = partial(row_pairs, self._rows, old, new)
        while True:
            keys, position = self._rows.keys([new, old], segment.number, build.segments, segment.position)
            wanted = [*keys.get(new, []), *self._lost(new, keys.get(old, []))]
            segment = replace(self._compared(segment, pairs, wanted), position=position)
            yield segment

    def _lost(self, new: Generation, keys: Sequence[ViewKey]) -> list[ViewKey]:
        """Rows of the old generation that the new one does not have."""
        found = self._rows.rows(new, keys)
        return [key for key in keys if key not in found]

    def _compared(self, segment: Segment, pairs: Pairs[K], keys: Sequence[K]) -> Segment:
        seen = confirm(partial(unequal, pairs), keys, self._pause, most=LOOKS)
        differences = tuple(difference(key, pair) for key, pair in seen.standing.items())
        return replace(
            segment,
            compared=segment.compared + len(keys),
            in_flight=segment.in_flight + len(seen.moving),
            different=segment.different + len(differences),
            differences=(*segment.differences, *differences)[:FIRST_DIFFERENCES],
        )


def generations(build: Build) -> tuple[Generation, Generation]:
    """The generation that was live at the start, and the new one."""
    return Generation(build.generation.projection, build.base), build.generation


def unequal(pairs: Pairs[K], keys: Sequence[K]) -> Mapping[K, RowPair]:
    """Those of some rows that are not the same in both generations."""
    return {key: pair for key, pair in pairs(keys).items() if pair.old != pair.new}


def state_pairs(
    views: Views, old: Generation, new: Generation, streams: Sequence[StreamId]
) -> Mapping[StreamId, RowPair]:
    """Rows of streams in two generations."""
    before, after = views.states(old, streams), views.states(new, streams)
    return {stream: RowPair(_state(before.get(stream)), _state(after.get(stream))) for stream in streams}


def owned_pairs(
    views: Views, old: Generation, new: Generation, clock: Clock, streams: Sequence[StreamId]
) -> Mapping[StreamId, RowPair]:
    """All that streams own in two generations, as it counts at one moment."""
    now, before, after = clock(), views.states(old, streams), views.states(new, streams)
    return {
        stream: RowPair(_owned(views, old, before.get(stream), now), _owned(views, new, after.get(stream), now))
        for stream in streams
    }


def row_pairs(
    rows: GenerationRows, old: Generation, new: Generation, keys: Sequence[ViewKey]
) -> Mapping[ViewKey, RowPair]:
    """View rows in two generations."""
    before, after = rows.rows(old, keys), rows.rows(new, keys)
    return {key: RowPair(_row(before.get(key)), _row(after.get(key))) for key in keys}


def difference(key: object, pair: RowPair) -> Difference:
    """How a row differs."""
    name = f"{key.tenant}#{key.partition}#{key.sort}" if isinstance(key, ViewKey) else str(key)
    if pair.old is None or pair.new is None:
        return Difference(name, ("row",))
    old, new = pair.old, pair.new
    differing = sorted(n for n in old.keys() | new.keys() if old.get(n) != new.get(n))
    return Difference(name, tuple(differing[:FIRST_FIELDS]))


def _state(row: StateRow | None) -> Content | None:
    if row is None:
        return None
    state = orjson.loads(row.state)
    fields = state if isinstance(state, dict) else {"(state)": state}
    lookups = {f"(lookup {index})": place for index, place in row.lookups.items()}
    return {"(version)": row.version, "(recordedAt)": row.recorded_at, **lookups, **fields}


def _owned(views: Views, generation: Generation, row: StateRow | None, now: datetime) -> Content | None:
    """What a stream carries, and a digest of each of its rows."""
    if row is None:
        return None
    digests = stored_rows(views, generation, row, now).digests
    content = {**(_state(row) or {}), **{f"(row {sort})": digest for sort, digest in digests.items()}}
    return {**content, "(unfinished)": row.unfinished} if row.unfinished else content


def _row(row: ViewRow | None) -> Content | None:
    return {"(commits)": row.version, **row.fields} if row else None
