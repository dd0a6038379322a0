"""Projecting into one row per stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import reduce
from typing import Any

from banyan.projections.base import AnyStreamProjection
from banyan.projections.projector import CommitSource, StreamBatch, StreamProgress, caught, traced, until_settled
from banyan.projections.rows import current_state
from banyan.projections.views import Generation, StateRow, Views, WriteConflict
from banyan.store import Commit
from banyan.streams import BEGINNING_OF_TIME, StreamId


class StreamProjector:
    """Folds streams into the rows of a ``StreamProjection``.

    Parameters
    ----------
    projection : StreamProjection
    generation : Generation
    views : Views
    source : CommitSource
    clock : Callable[[], datetime]
    """

    lag_metric = "ProjectionLag"
    since = BEGINNING_OF_TIME

    def __init__(
        self,
        projection: AnyStreamProjection,
        generation: Generation,
        views: Views,
        source: CommitSource,
        clock: Callable[[], datetime],
    ) -> None:
        self.generation = generation
        self._projection = projection
        self._views = views
        self._source = source
        self._clock = clock

    def reads(self, stream: StreamId) -> bool:
        """Whether the stream is of its entity."""
        return stream.entity == self._projection.entity

    def checkpoints(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        """Versions up to which it took streams in; a row that cannot be gone on with counts as missing."""
        rows = self._views.states(self.generation, streams)
        return {stream: row.version for stream, row in rows.items() if self._is_current(row)}

    def project(self, batch: Sequence[StreamBatch]) -> list[StreamProgress]:
        """Take in a batch: one batch read, and one write for each stream that moves."""
        rows = self._views.states(self.generation, [delivery.stream for delivery in batch])
        return [self._advance(delivery, rows.get(delivery.stream)) for delivery in batch]

    def _advance(self, delivery: StreamBatch, row: StateRow | None) -> StreamProgress:
        try:
            return self._step(delivery, row)
        except WriteConflict:
            return until_settled(lambda: self._step(delivery, self._row(delivery)))

    def _step(self, delivery: StreamBatch, row: StateRow | None) -> StreamProgress:
        fold = _Fold(self._projection, row)
        error = caught(lambda: self._take_in(fold, delivery))
        reached = fold.reached
        if reached is None:
            return StreamProgress(delivery.stream, fold.after, error=error)
        unwritten = caught(lambda: self._write(fold, reached))
        if unwritten:
            return StreamProgress(delivery.stream, fold.after, error=unwritten)
        return StreamProgress(delivery.stream, reached.last, reached.recorded_at, error)

    def _take_in(self, fold: _Fold, delivery: StreamBatch) -> None:
        state = fold.state
        for commit, events in self._source.behind(self.generation, delivery, fold.after):
            with traced(self.generation, delivery, events):
                state = reduce(self._projection.evolve, events, state)
            fold.state, fold.reached = state, commit

    def _write(self, fold: _Fold, reached: Commit) -> None:
        row = state_row(self._projection, reached, fold.state, self._clock())
        self._views.put_state(self.generation, row, fold.replaces)

    def _is_current(self, row: StateRow) -> bool:
        return current_state(self._projection, row) is not None

    def _row(self, delivery: StreamBatch) -> StateRow | None:
        return self._views.states(self.generation, [delivery.stream]).get(delivery.stream)


class _Fold:
    """A stream's state on its way from the row it had, if that can be gone on with, to the row it gets."""

    def __init__(self, projection: AnyStreamProjection, row: StateRow | None) -> None:
        kept = current_state(projection, row) if row else None
        self.replaces = row.version if row else 0
        self.after = 0 if kept is None else self.replaces
        self.state: Any = projection.initial() if kept is None else kept
        self.reached: Commit | None = None


def state_row(projection: AnyStreamProjection, reached: Commit, state: Any, projected_at: datetime) -> StateRow:
    """The row of a state that holds all events up to a commit."""
    return StateRow(
        stream=reached.stream,
        version=reached.last,
        recorded_at=reached.recorded_at,
        projected_at=projected_at,
        state=state.model_dump_json(),
        lookups={
            index: (lookup.partition(state), lookup.sort(state))
            for index, lookup in enumerate(projection.lookups, start=1)
        },
        made_by=projection.version,
    )
