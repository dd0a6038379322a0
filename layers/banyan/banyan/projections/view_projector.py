"""Projecting many streams into the rows they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final

from banyan.errors import StoreUnavailable
from banyan.projections.base import RowWrite, ViewProjection
from banyan.projections.projector import CommitSource, StreamBatch, StreamProgress, caught, traced, until_settled
from banyan.projections.rows import row_keys
from banyan.projections.views import Generation, ViewKey, Views, ViewUpdate
from banyan.store import Commit
from banyan.streams import BEGINNING_OF_TIME, StreamId

MAX_TRANSACTION_ITEMS: Final = 100


MAX_ROWS: Final = MAX_TRANSACTION_ITEMS - 1


class ViewProjector:
    """Moves streams through a ``ViewProjection``.

    Parameters
    ----------
    projection : ViewProjection
    generation : Generation
    views : Views
    source : CommitSource
    clock : Callable[[], datetime]
    """

    lag_metric = "ProjectionLag"
    since = BEGINNING_OF_TIME

    def __init__(
        self,
        projection: ViewProjection,
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
        """Versions up to which it took streams in."""
        return self._views.checkpoints(self.generation, streams)

    def project(self, batch: Sequence[StreamBatch]) -> list[StreamProgress]:
        """Take in a batch: one batch read, and as few transactions as its rows fit into."""
        checkpoints = self._views.checkpoints(self.generation, [delivery.stream for delivery in batch])
        plans = [self._plan(delivery, checkpoints.get(delivery.stream, 0)) for delivery in batch]
        short = [plan for plan in plans if len(plan.slices) <= 1]
        long = [plan for plan in plans if len(plan.slices) > 1]
        outcomes = [outcome for pack in _packs(short) for outcome in self._write(pack)]
        return outcomes + [self._advance(plan.delivery) for plan in long]

    def _write(self, pack: Sequence[_Plan]) -> list[StreamProgress]:
        """One transaction for all, or when it is refused one after the other."""
        moves = [move for plan in pack for move in plan.moves()]
        try:
            if moves:
                self._views.update(self.generation, moves, self._clock())
        except StoreUnavailable:
            raise
        except Exception:
            return [self._advance(plan.delivery) for plan in pack]
        return [plan.outcome() for plan in pack]

    def _advance(self, delivery: StreamBatch) -> StreamProgress:
        return until_settled(lambda: self._step(delivery))

    def _step(self, delivery: StreamBatch) -> StreamProgress:
        plan = self._plan(delivery, self._views.checkpoints(self.generation, [delivery.stream]).get(delivery.stream, 0))
        done = StreamProgress(delivery.stream, plan.checkpoint)
        for move in plan.moves():
            error = caught(partial(self._views.update, self.generation, [move], self._clock()))
            if error:
                return replace(done, error=error)
            done = StreamProgress(delivery.stream, move.to_version, move.recorded_at)
        return replace(done, error=plan.error)

    def _plan(self, delivery: StreamBatch, checkpoint: int) -> _Plan:
        plan = _Plan(delivery, checkpoint)
        plan.error = caught(lambda: self._take_in(plan))
        return plan

    def _take_in(self, plan: _Plan) -> None:
        for commit, events in self._source.behind(self.generation, plan.delivery, plan.checkpoint):
            with traced(self.generation, plan.delivery, events):
                plan.take(commit, [write for event in events for write in self._projection.apply(event)])


@dataclass(slots=True)
class _Slice:
    """Commits of one stream whose rows fit into one transaction."""

    last: Commit
    writes: list[Sequence[RowWrite]]
    keys: set[ViewKey]


@dataclass(slots=True)
class _Plan:
    """What one delivery asks of a view."""

    delivery: StreamBatch
    checkpoint: int
    slices: list[_Slice] = field(default_factory=list)
    error: Exception | None = None

    def take(self, commit: Commit, writes: Sequence[RowWrite]) -> None:
        keys = row_keys(commit.stream.tenant, writes)
        if len(keys) > MAX_ROWS:
            raise ValueError(f"a commit writes {len(keys)} rows of a view, one transaction holds {MAX_ROWS}")
        if self.slices and len(self.slices[-1].keys | keys) <= MAX_ROWS:
            last = self.slices[-1]
            last.last, last.keys = commit, last.keys | keys
            last.writes.append(writes)
        else:
            self.slices.append(_Slice(commit, [writes], keys))

    def moves(self) -> Iterator[ViewUpdate]:
        version = self.checkpoint
        for piece in self.slices:
            yield ViewUpdate(self.delivery.stream, version, piece.last.last, piece.last.recorded_at, piece.writes)
            version = piece.last.last

    def outcome(self) -> StreamProgress:
        if not self.slices:
            return StreamProgress(self.delivery.stream, self.checkpoint, error=self.error)
        last = self.slices[-1].last
        return StreamProgress(self.delivery.stream, last.last, last.recorded_at, self.error)


def _packs(plans: Iterable[_Plan]) -> Iterator[list[_Plan]]:
    """Plans of at most one slice, together as long as one transaction holds them."""
    pack: list[_Plan] = []
    keys: set[ViewKey] = set()
    for plan in plans:
        more = plan.slices[0].keys if plan.slices else set()
        if pack and len(pack) + 1 + len(keys | more) > MAX_TRANSACTION_ITEMS:
            yield pack
            pack, keys = [], set()
        pack.append(plan)
        keys = keys | more
    if pack:
        yield pack
