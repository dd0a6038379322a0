"""The reactor: lets effects act on every commit, in the order of its stream, however the delivery goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from banyan.projections.conditions import Conditions
from banyan.projections.controls import CachedControls
from banyan.projections.projecting import Source
from banyan.projections.runner import Runner
from banyan.projections.views import Generation, Views
from banyan.reactions.beginning import Beginning
from banyan.reactions.effects import Effect
from banyan.reactions.projector import EffectProjector
from banyan.store import EventStore
from banyan.store.eventstore import Clock
from banyan.streams import RESERVED_TENANTS, StreamId

REACTOR: Final = Generation("reactor")


class Reactions:
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

    def projector(self, generation: Generation, source: Source) -> EffectProjector:
        """As in ``Subscription``."""
        return EffectProjector(generation, self._views, source, self._effects, self._beginning, self._clock)


class Reactor(Runner):
    """Takes each stream's commits in the order of their versions and lets every effect act on them.

    Cursors, gaps and failing streams are treated as in a projection. What was recorded before the reactor's
    ``Beginning`` is history and has no effects; the engine's own streams have none either.

    Parameters
    ----------
    store : EventStore
    views : Views
    effects : Sequence[Effect]
        As in ``Reactions``.
    controls : CachedControls, optional
        As in ``Runner``.
    conditions : Conditions
    """

    def __init__(
        self,
        store: EventStore,
        views: Views,
        effects: Sequence[Effect],
        *,
        controls: CachedControls | None = None,
        conditions: Conditions | None = None,
    ) -> None:
        conditions = conditions or Conditions()
        super().__init__([Reactions(effects, views, conditions.clock)], store, views, controls, conditions)
