"""Projecting many streams into the rows they share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from banyan.errors import StoreUnavailable
from banyan.projections.base import RowWrite, ViewProjection
from banyan.projections.projector import CommitSource, Projector, StreamBatch, StreamProgress, own_error
from banyan.projections.rows import row_keys
from banyan.projections.views import Generation, ViewKey, Views, ViewUpdate
from banyan.store import Commit
from banyan.store.eventstore import Clock
from banyan.streams import StreamId

MAX_TRANSACTION_ITEMS: Final = 100
MAX_ROWS: Final = MAX_TRANSACTION_ITEMS - 1


@dataclass(slots=True)
class _Plan:
    """What one stream asks of a view: slices of commits whose rows fit into one transaction."""

    batch: StreamBatch
    checkpoint: int
    slices: list[list[tuple[Commit, Sequence[RowWrite]]]] = field(default_factory=list)
    keys: set[ViewKey] = field(default_factory=set)
    """Rows of the last slice."""
    error: Exception | None = None

    def add(self, commit: Commit, writes: Sequence[RowWrite]) -> None:
        keys = row_keys(commit.stream.tenant, writes)
        if len(keys) > MAX_ROWS:
            raise ValueError(f"a commit writes {len(keys)} rows of a view, one transaction holds {MAX_ROWS}")
        if self.slices and len(self.keys | keys) <= MAX_ROWS:
            self.slices[-1].append((commit, writes))
            self.keys |= keys
        else:
            self.slices.append([(commit, writes)])
            self.keys = keys

    def updates(self) -> Iterator[ViewUpdate]:
        version = self.checkpoint
        for piece in self.slices:
            commit, _ = piece[-1]
            reached = commit.last
            writes = [of_commit for _, of_commit in piece]
            yield ViewUpdate(self.batch.stream, version, reached, commit.recorded_at, writes)
            version = reached

    def progress(self) -> StreamProgress:
        """How far the stream is once everything is written."""
        if not self.slices:
            return StreamProgress(self.batch.stream, self.checkpoint, error=self.error)
        commit, _ = self.slices[-1][-1]
        return StreamProgress(self.batch.stream, commit.last, commit.recorded_at, self.error)


class ViewProjector(Projector[int]):
    """Moves streams through a ``ViewProjection``."""

    def __init__(
        self,
        projection: ViewProjection,
        generation: Generation,
        views: Views,
        source: CommitSource,
        clock: Clock,
    ) -> None:
        super().__init__(generation, views, source, clock)
        self._projection = projection

    def project(self, batch: Sequence[StreamBatch]) -> list[StreamProgress]:
        """Apply a batch: one batch read, and as few transactions as its rows fit into."""
        reached = self._starts([each.stream for each in batch])
        plans = [self._plan(each, reached.get(each.stream, 0)) for each in batch]
        short = [plan for plan in plans if len(plan.slices) <= 1]
        done = [progress for pack in _packs(short) for progress in self._write(pack)]
        return done + [self._advance(plan.batch, reached) for plan in plans if len(plan.slices) > 1]

    def _starts(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        return self._views.checkpoints(self.generation, streams)

    def _plan(self, batch: StreamBatch, checkpoint: int) -> _Plan:
        plan = _Plan(batch, checkpoint)
        try:
            for commit, events in self._source.after(self.generation, batch, checkpoint):
                with self._traced(batch, events):
                    plan.add(commit, [write for event in events for write in self._projection.apply(event)])
        except Exception as error:
            plan.error = own_error(error)
        return plan

    def _write(self, pack: Sequence[_Plan]) -> list[StreamProgress]:
        """One transaction for the whole pack, or stream by stream when it is refused."""
        updates = [update for plan in pack for update in plan.updates()]
        try:
            if updates:
                self._views.update(self.generation, updates, self._clock())
        except StoreUnavailable:
            raise
        except Exception:
            starts = self._starts([plan.batch.stream for plan in pack])
            return [self._advance(plan.batch, starts) for plan in pack]
        return [plan.progress() for plan in pack]

    def _apply(self, batch: StreamBatch, start: int | None) -> StreamProgress:
        plan = self._plan(batch, start or 0)
        done = StreamProgress(batch.stream, plan.checkpoint)
        for update in plan.updates():
            try:
                self._views.update(self.generation, [update], self._clock())
            except Exception as error:
                return replace(done, error=own_error(error))
            done = StreamProgress(batch.stream, update.to_version, update.recorded_at)
        return replace(done, error=plan.error)


def _packs(plans: Iterable[_Plan]) -> Iterator[list[_Plan]]:
    """Plans of at most one slice, together as long as one transaction holds them."""
    pack: list[_Plan] = []
    keys: set[ViewKey] = set()
    for plan in plans:
        if pack and len(pack) + 1 + len(keys | plan.keys) > MAX_TRANSACTION_ITEMS:
            yield pack
            pack, keys = [], set()
        pack.append(plan)
        keys = keys | plan.keys
    if pack:
        yield pack
