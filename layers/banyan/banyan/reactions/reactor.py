"""The reactor: lets effects act on every commit, in the order of its stream, however the delivery goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final, Protocol

from banyan import tracing
from banyan.events import Event
from banyan.projections.controls import CachedStates
from banyan.projections.processor import StreamProcessor
from banyan.projections.projector import CommitSource, StreamBatch, StreamProgress, caught, until_settled
from banyan.projections.retries import RetryPolicy
from banyan.projections.views import Generation, Views, ViewUpdate, WriteConflict
from banyan.store import Commit, EventStore
from banyan.store.eventstore import Clock
from banyan.streams import BEGINNING_OF_TIME, RESERVED_TENANTS, StreamId

REACTOR: Final = Generation("reactor")


DEPLOYMENT: Final = timedelta(minutes=15)


"""How long the first event may have waited for a reactor that is being deployed."""


class ReactorSubscription:
    """The subscription of the reactor.

    Parameters
    ----------
    effects : Sequence[Effect]
        Each acts on a commit before the next one does.
    views : Views
        Keeps the cursors.
    clock : Callable[[], datetime]
    """

    name = REACTOR.projection
    version = None

    def __init__(self, effects: Sequence[Effect], views: Views, clock: Clock) -> None:
        self._effects = effects
        self._views = views
        self._clock = clock
        self._beginning = Beginning(REACTOR, views, clock)

    def reads(self, stream: StreamId) -> bool:
        """As in ``Subscription``: the engine's own streams have no effects."""
        return stream.tenant not in RESERVED_TENANTS

    def projector(self, generation: Generation, source: CommitSource) -> EffectProjector:
        """As in ``Subscription``."""
        return EffectProjector(generation, self._views, source, self._effects, self._beginning, self._clock)


class Reactor(StreamProcessor):
    """Takes each stream's commits in the order of their versions and lets every effect act on them.

    Cursors, gaps and failing streams are treated as in a projection. What was recorded before the reactor's
    ``Beginning`` is history and has no effects; the engine's own streams have none either.

    Parameters
    ----------
    store : EventStore
    views : Views
    effects : Sequence[Effect]
        As in ``ReactorSubscription``.
    controls : CachedStates, optional
        As in ``StreamProcessor``.
    retry_policy : RetryPolicy
    """

    def __init__(
        self,
        store: EventStore,
        views: Views,
        effects: Sequence[Effect],
        *,
        controls: CachedStates | None = None,
        retry_policy: RetryPolicy | None = None,
    ) -> None:
        retry_policy = retry_policy or RetryPolicy()
        super().__init__(
            [ReactorSubscription(effects, views, retry_policy.clock)], store, views, controls, retry_policy
        )


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
    source : CommitSource
    effects : Sequence[Effect]
    beginning : Beginning
    clock : Callable[[], datetime]
    """

    lag_metric = "ReactionLag"

    def __init__(
        self,
        generation: Generation,
        views: Views,
        source: CommitSource,
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

    def checkpoints(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        """Versions up to which the effects have acted; one batch read for up to 100."""
        return self._views.checkpoints(self.generation, streams)

    def project(self, batch: Sequence[StreamBatch]) -> list[StreamProgress]:
        """Take in a batch: one batch read, and one write for each commit."""
        checkpoints = self.checkpoints([delivery.stream for delivery in batch])
        return [self._advance(delivery, checkpoints.get(delivery.stream, 0)) for delivery in batch]

    def _advance(self, delivery: StreamBatch, checkpoint: int) -> StreamProgress:
        try:
            return self._step(delivery, checkpoint)
        except WriteConflict:
            return until_settled(lambda: self._step(delivery, self._checkpoint(delivery.stream)))

    def _step(self, delivery: StreamBatch, checkpoint: int) -> StreamProgress:
        reached = _Reached(delivery.stream, checkpoint)
        error = caught(lambda: self._take_in(delivery, reached))
        return StreamProgress(reached.stream, reached.version, reached.recorded_at, error)

    def _take_in(self, delivery: StreamBatch, reached: _Reached) -> None:
        for commit, events in self._source.behind(self.generation, delivery, reached.version):
            if commit.recorded_at >= self.since:
                self._act(commit, events)
            move = ViewUpdate(reached.stream, reached.version, commit.last, commit.recorded_at, ())
            self._views.update(self.generation, [move], self._clock())
            reached.version, reached.recorded_at = commit.last, commit.recorded_at

    def _act(self, commit: Commit, events: Sequence[Event]) -> None:
        for effect in self._effects:
            with tracing.span("effect", events[-1].metadata.traceparent, {"banyan.effect": type(effect).__name__}):
                effect.take(commit, events)

    def _checkpoint(self, stream: StreamId) -> int:
        return self.checkpoints([stream]).get(stream, 0)


MARK: Final = StreamId("_system", "reactor", "beginning")


"""Its cursor holds the moment, in microseconds since 1970."""


_MICROSECOND: Final = timedelta(microseconds=1)


class Beginning:
    """The moment from which on commits have effects, decided once by whoever asks first.

    Parameters
    ----------
    generation : Generation
        Of the reactor's cursors, among which the moment is kept.
    views : Views
    clock : Callable[[], datetime]
    """

    def __init__(self, generation: Generation, views: Views, clock: Callable[[], datetime]) -> None:
        self._generation = generation
        self._views = views
        self._clock = clock

    @cached_property
    def moment(self) -> datetime:
        """A quarter of an hour before the reactor first met a commit."""
        return BEGINNING_OF_TIME + (self._kept() or self._decide()) * _MICROSECOND

    def _decide(self) -> int:
        now = self._clock()
        mark = (now - DEPLOYMENT - BEGINNING_OF_TIME) // _MICROSECOND
        try:
            self._views.update(self._generation, [ViewUpdate(MARK, 0, mark, now, ())], now)
        except WriteConflict:
            return self._kept()
        return mark

    def _kept(self) -> int:
        return self._views.checkpoints(self._generation, [MARK]).get(MARK, 0)


class Effect(Protocol):
    """Acts on the commits of each stream in the order of their versions."""

    def take(self, commit: Commit, events: Sequence[Event]) -> None:
        """Act on one commit and its events; a split one comes as its last part with all of its events.

        It may come again, also while an earlier call still runs elsewhere: a repeat must change nothing.
        ``StoreUnavailable`` delivers the batch again; any other error is the stream's own and stops it alone.
        """
