"""The projector of each kind of projection."""

from __future__ import annotations

from banyan.projections.base import Projection, ViewProjection
from banyan.projections.moves import ViewProjector
from banyan.projections.projecting import Source
from banyan.projections.states import StateProjector
from banyan.projections.views import Generation, Views
from banyan.store.eventstore import Clock

Projector = StateProjector | ViewProjector


def make_projector(
    projection: Projection, generation: Generation, views: Views, source: Source, clock: Clock
) -> Projector:
    """What takes streams into one generation of a projection, by the watermark rule."""
    if isinstance(projection, ViewProjection):
        return ViewProjector(projection, generation, views, source, clock)
    return StateProjector(projection, generation, views, source, clock)
