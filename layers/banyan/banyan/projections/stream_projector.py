"""Projecting into one row per stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from banyan.projections.base import AnyStreamProjection
from banyan.projections.projector import CommitSource, Projector, StreamBatch, StreamProgress, own_error
from banyan.projections.rows import current_state, state_row
from banyan.projections.views import Generation, StateRow, Views
from banyan.store import Commit
from banyan.store.eventstore import Clock
from banyan.streams import StreamId


class StreamProjector(Projector[StateRow]):
    """Folds streams into the rows of a ``StreamProjection``."""

    def __init__(
        self,
        projection: AnyStreamProjection,
        generation: Generation,
        views: Views,
        source: CommitSource,
        clock: Clock,
    ) -> None:
        super().__init__(generation, views, source, clock)
        self._projection = projection

    def checkpoints(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        """Versions of rows; a row that cannot be gone on with counts as missing."""
        rows = self._starts(streams)
        return {stream: row.version for stream, row in rows.items() if current_state(self._projection, row) is not None}

    def _starts(self, streams: Sequence[StreamId]) -> Mapping[StreamId, StateRow]:
        return self._views.states(self.generation, streams)

    def _apply(self, batch: StreamBatch, start: StateRow | None) -> StreamProgress:
        kept = current_state(self._projection, start) if start else None
        checkpoint = start.version if start and kept is not None else 0
        reached, state, error = self._fold(batch, self._projection.initial() if kept is None else kept, checkpoint)
        if reached is None:
            return StreamProgress(batch.stream, checkpoint, error=error)
        try:
            row = state_row(self._projection, reached, state, self._clock())
            self._views.put_state(self.generation, row, start.version if start else 0)
        except Exception as unwritten:
            return StreamProgress(batch.stream, checkpoint, error=own_error(unwritten))
        return StreamProgress(batch.stream, row.version, row.recorded_at, error)

    def _fold(self, batch: StreamBatch, state: Any, checkpoint: int) -> tuple[Commit | None, Any, Exception | None]:
        """The last commit that could be folded in, the state after it, and why the next one could not."""
        reached = None
        try:
            for commit, events in self._source.after(self.generation, batch, checkpoint):
                with self._traced(batch, events):
                    state = reduce(self._projection.evolve, events, state)
                reached = commit
        except Exception as error:
            return reached, state, own_error(error)
        return reached, state, None
