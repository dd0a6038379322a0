"""Moving streams through the effects, one commit at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from banyan import tracing
from banyan.events import Event
from banyan.projections.batch import Delivery
from banyan.projections.projecting import Outcome, Source, caught, until_settled
from banyan.projections.views import Generation, Move, Views, WatermarkMoved
from banyan.reactions.beginning import Beginning
from banyan.reactions.effects import Effect
from banyan.store import Commit
from banyan.streams import RESERVED_TENANTS, StreamId


@dataclass(slots=True)
class _Reached:
    """How far a stream came."""

    stream: StreamId
    version: int
    recorded_at: datetime | None = None


class EffectProjector:
    """Lets effects act on the commits behind each stream's cursor, then moves it; a projector without rows.

    Parameters
    ----------
    generation : Generation
        Names the cursors.
    views : Views
    source : Source
    effects : Sequence[Effect]
    beginning : Beginning
    clock : Callable[[], datetime]
    """

    lag_metric = "ReactionLag"

    def __init__(
        self,
        generation: Generation,
        views: Views,
        source: Source,
        effects: Sequence[Effect],
        beginning: Beginning,
        clock: Callable[[], datetime],
    ) -> None:
        self.generation = generation
        self._views = views
        self._source = source
        self._effects = effects
        self._beginning = beginning
        self._clock = clock

    @property
    def since(self) -> datetime:
        """The reactor's beginning: what was recorded before has no effects."""
        return self._beginning.moment

    def reads(self, stream: StreamId) -> bool:
        """The engine's own streams have no effects."""
        return stream.tenant not in RESERVED_TENANTS

    def watermarks(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        """Versions up to which the effects have acted; one batch read for up to 100."""
        return self._views.watermarks(self.generation, streams)

    def project(self, batch: Sequence[Delivery]) -> list[Outcome]:
        """Take in a batch: one batch read, and one write for each commit."""
        watermarks = self.watermarks([delivery.stream for delivery in batch])
        return [self._advance(delivery, watermarks.get(delivery.stream, 0)) for delivery in batch]

    def _advance(self, delivery: Delivery, watermark: int) -> Outcome:
        try:
            return self._step(delivery, watermark)
        except WatermarkMoved:
            return until_settled(lambda: self._step(delivery, self._watermark(delivery.stream)))

    def _step(self, delivery: Delivery, watermark: int) -> Outcome:
        reached = _Reached(delivery.stream, watermark)
        error = caught(lambda: self._take_in(delivery, reached))
        return Outcome(reached.stream, reached.version, reached.recorded_at, error)

    def _take_in(self, delivery: Delivery, reached: _Reached) -> None:
        for commit, events in self._source.behind(self.generation, delivery, reached.version):
            if commit.recorded_at >= self.since:
                self._act(commit, events)
            move = Move(reached.stream, reached.version, commit.last, commit.recorded_at, ())
            self._views.move(self.generation, [move], self._clock())
            reached.version, reached.recorded_at = commit.last, commit.recorded_at

    def _act(self, commit: Commit, events: Sequence[Event]) -> None:
        for effect in self._effects:
            with tracing.span("effect", events[-1].metadata.traceparent, {"banyan.effect": type(effect).__name__}):
                effect.take(commit, events)

    def _watermark(self, stream: StreamId) -> int:
        return self.watermarks([stream]).get(stream, 0)
