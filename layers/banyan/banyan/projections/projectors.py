"""Which projectors there are: one for each generation that is kept up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from banyan.errors import ConfigurationError
from banyan.projections.base import Projection, ViewProjection
from banyan.projections.control import Control
from banyan.projections.controls import CachedControls
from banyan.projections.moves import ViewProjector
from banyan.projections.projecting import Source
from banyan.projections.states import StateProjector
from banyan.projections.views import Generation, Views
from banyan.store.eventstore import Clock
from banyan.streams import StreamId

Projector = StateProjector | ViewProjector


def make_projector(
    projection: Projection, generation: Generation, views: Views, source: Source, clock: Clock
) -> Projector:
    """What takes streams into one generation of a projection, by the watermark rule."""
    if isinstance(projection, ViewProjection):
        return ViewProjector(projection, generation, views, source, clock)
    return StateProjector(projection, generation, views, source, clock)


@dataclass(frozen=True, slots=True)
class Running:
    """A projection that is not paused, and the projectors of its generations, the live one first."""

    control: Control
    projectors: Sequence[Projector]

    def takes(self, projector: Projector, stream: StreamId) -> bool:
        """Whether a projector of it takes a stream in."""
        return projector.reads(stream) and stream not in self.control.parked


class Projectors:
    """The projectors of a domain's projections, as the controls say at the moment.

    Parameters
    ----------
    projections : Sequence[Projection]
    views : Views
    source : Source
    clock : Callable[[], datetime]
    controls : CachedControls
    """

    def __init__(
        self,
        projections: Sequence[Projection],
        views: Views,
        source: Source,
        clock: Clock,
        controls: CachedControls,
    ) -> None:
        self._projections = {projection.name: projection for projection in projections}
        self._views = views
        self._source = source
        self._clock = clock
        self._controls = controls

    def running(self) -> list[Running]:
        """Every projection that is not paused. Raises ``StoreUnavailable``."""
        controls = self._controls.get()
        return [Running(controls[name], self.of(name)) for name in self._projections if not controls[name].pause]

    def of(self, projection: str, source: Source | None = None) -> list[Projector]:
        """The projectors of a projection, paused or not, the live one first; with a ``source`` of their own if given.

        Raises
        ------
        ConfigurationError
            There is no such projection.
        StoreUnavailable
        """
        found = self.named(projection)
        return [
            make_projector(found, generation, self._views, source or self._source, self._clock)
            for generation in self._controls.get()[projection].written()
        ]

    def named(self, projection: str, stream: StreamId | None = None) -> Projection:
        """A projection, that reads a stream when one is given. Raises ``ConfigurationError`` when there is none."""
        found = self._projections.get(projection)
        if found is None or (stream and found.entity != stream.entity):
            of = f" of {stream.entity!r} streams" if stream else ""
            raise ConfigurationError(f"there is no projection {projection!r}{of}")
        return found
