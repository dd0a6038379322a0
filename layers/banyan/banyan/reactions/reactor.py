"""The reactor: lets effects act on every commit, in the order of its stream, however the delivery goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final, Protocol

from banyan.events import Event
from banyan.projections.processor import StreamProcessor, Subscription
from banyan.projections.projector import CommitSource, Projector, StreamBatch, StreamProgress, own_error
from banyan.projections.retries import RetryPolicy
from banyan.projections.state import CachedStates
from banyan.projections.views import Generation, Views, ViewUpdate, WriteConflict
from banyan.reactions.base import REACTOR
from banyan.store import Commit, EventStore
from banyan.store.eventstore import Clock
from banyan.streams import BEGINNING_OF_TIME, RESERVED_TENANTS, StreamId
from banyan.telemetry import span

DEPLOYMENT: Final = timedelta(minutes=15)
"""How long the first event may have waited for a reactor that is being deployed."""

MARK: Final = StreamId("_system", "reactor", "beginning")
"""Its checkpoint holds the moment, in microseconds since 1970."""

_MICROSECOND: Final = timedelta(microseconds=1)


class Effect(Protocol):
    """Acts on the commits of each stream in the order of their versions."""

    def act(self, commit: Commit, events: Sequence[Event]) -> None:
        """Act on one commit and its events; a split one comes as its last part with all of its events.

        It may come again, also while an earlier call still runs elsewhere: a repeat must change nothing.
        ``StoreUnavailable`` delivers the batch again; any other error is the stream's own and stops it alone.
        """


class Reactor(StreamProcessor):
    """Lets every effect act on each stream's commits, in the order of their versions.

    Checkpoints, gaps and failing streams are treated as in a projection. What was recorded before the reactor's
    ``Beginning`` is history and has no effects; the engine's own streams have none either.

    Parameters
    ----------
    effects : Sequence[Effect]
        Each acts on a commit before the next one does.
    """

    def __init__(
        self,
        store: EventStore,
        views: Views,
        effects: Sequence[Effect],
        *,
        states: CachedStates | None = None,
        retry_policy: RetryPolicy | None = None,
    ) -> None:
        policy = retry_policy or RetryPolicy()
        super().__init__([reacting(effects, views, policy.clock)], store, views, states, policy)


def reacting(effects: Sequence[Effect], views: Views, clock: Clock) -> Subscription:
    """The subscription of the reactor."""
    beginning = Beginning(REACTOR, views, clock)

    def projector(generation: Generation, source: CommitSource) -> EffectProjector:
        return EffectProjector(generation, views, source, effects, beginning, clock)

    return Subscription(REACTOR.projection, None, _has_effects, projector)


class EffectProjector(Projector[int]):
    """Lets effects act on the commits after each stream's checkpoint, then moves it; it makes no rows."""

    lag_metric = "ReactionLag"

    def __init__(
        self,
        generation: Generation,
        views: Views,
        source: CommitSource,
        effects: Sequence[Effect],
        beginning: Beginning,
        clock: Clock,
    ) -> None:
        super().__init__(generation, views, source, clock)
        self._effects = effects
        self._beginning = beginning

    @property
    def since(self) -> datetime:
        """The reactor's beginning: what was recorded before has no effects."""
        return self._beginning.moment

    def _starts(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        return self.checkpoints(streams)

    def _apply(self, batch: StreamBatch, start: int | None) -> StreamProgress:
        """Act on each commit, and move the checkpoint before the next one."""
        done = StreamProgress(batch.stream, start or 0)
        try:
            for commit, events in self._source.after(self.generation, batch, done.version):
                if commit.recorded_at >= self.since:
                    self._act(commit, events)
                update = ViewUpdate(batch.stream, done.version, commit.last, commit.recorded_at, ())
                self._views.update(self.generation, [update], self._clock())
                done = StreamProgress(batch.stream, commit.last, commit.recorded_at)
        except Exception as error:
            return replace(done, error=own_error(error))
        return done

    def _act(self, commit: Commit, events: Sequence[Event]) -> None:
        for effect in self._effects:
            with span("effect", events[-1].metadata.traceparent, {"banyan.effect": type(effect).__name__}):
                effect.act(commit, events)


def _has_effects(stream: StreamId) -> bool:
    return stream.tenant not in RESERVED_TENANTS


class Beginning:
    """The moment from which on commits have effects, decided once by the first to ask.

    Parameters
    ----------
    generation : Generation
        Of the reactor's cursors, among which the moment is kept.
    """

    def __init__(self, generation: Generation, views: Views, clock: Clock) -> None:
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
