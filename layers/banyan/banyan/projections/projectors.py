"""Which projectors there are: one for each generation that is kept up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from banyan.errors import ConfigurationError
from banyan.projections.base import Projection, ViewProjection
from banyan.projections.control import Control
from banyan.projections.controls import CachedControls
from banyan.projections.moves import ViewProjector
from banyan.projections.projecting import Everything, Parking, Source
from banyan.projections.running import AnyProjector
from banyan.projections.states import StateProjector
from banyan.projections.views import UNNOTED, Generation, Views
from banyan.store.eventstore import Clock
from banyan.store.reader import StreamReader
from banyan.streams import StreamId

Projector = StateProjector | ViewProjector


class Subscription(Protocol):
    """Takes streams in under a name, with cursors of its own: a projection, or the reactor."""

    @property
    def name(self) -> str:
        """Of its control and its cursors."""

    @property
    def version(self) -> int | None:
        """Of the rows it makes; ``None`` when it makes none."""

    def reads(self, stream: StreamId) -> bool:
        """Whether it takes a stream in at all."""

    def projector(self, generation: Generation, source: Source) -> AnyProjector:
        """What takes streams into one generation."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The subscription of a projection."""

    projection: Projection
    views: Views
    clock: Clock

    @property
    def name(self) -> str:
        """As in ``Subscription``."""
        return self.projection.name

    @property
    def version(self) -> int | None:
        """As in ``Subscription``."""
        return self.projection.version

    def reads(self, stream: StreamId) -> bool:
        """As in ``Subscription``: streams of its entity."""
        return stream.entity == self.projection.entity

    def projector(self, generation: Generation, source: Source) -> AnyProjector:
        """As in ``Subscription``."""
        return make_projector(self.projection, generation, self.views, source, self.clock)


def make_projector(
    projection: Projection, generation: Generation, views: Views, source: Source, clock: Clock
) -> Projector:
    """What takes streams into one generation of a projection, by the watermark rule."""
    if isinstance(projection, ViewProjection):
        return ViewProjector(projection, generation, views, source, clock)
    return StateProjector(projection, generation, views, source, clock)


@dataclass(frozen=True, slots=True)
class Running:
    """A subscription that is not paused, and the projectors of its generations, the live one first."""

    control: Control
    projectors: Sequence[AnyProjector]

    def takes(self, projector: AnyProjector, stream: StreamId) -> bool:
        """Whether a projector of it takes a stream in."""
        return projector.reads(stream) and stream not in self.control.parked


class Projectors:
    """The projectors of some subscriptions, as the controls say at the moment.

    Parameters
    ----------
    subscriptions : Iterable[Subscription]
    store : StreamReader
    parking : Parking
    controls : CachedControls
        Of all the subscriptions, at least.
    """

    def __init__(
        self, subscriptions: Iterable[Subscription], store: StreamReader, parking: Parking, controls: CachedControls
    ) -> None:
        self._subscriptions = {subscription.name: subscription for subscription in subscriptions}
        self._patient, self._insistent = Source(store, parking), Source(store, Everything())
        self._controls = controls

    @property
    def names(self) -> Sequence[str]:
        """Of all the subscriptions."""
        return tuple(self._subscriptions)

    def running(self, name: str) -> Running | None:
        """A subscription, unless it is paused. Raises ``StoreUnavailable``."""
        control = self._controls.get()[name]
        return None if control.pause else Running(control, self.of(name))

    def version(self, name: str) -> int | None:
        """The version that a subscription declares."""
        return self._subscriptions[name].version

    def note_version(self, name: str, made_before: Callable[[Generation], bool]) -> None:
        """Remember which version of a projection made its first generation. Raises ``StoreUnavailable``.

        One that was ``made_before`` versions were noted counts as ``UNNOTED``, as its rows do.
        """
        version, control = self.version(name), self._controls.get()[name]
        if version is not None and control.noted(version) != control:
            made_by = UNNOTED if made_before(control.generation()) else version
            self._controls.change(name, lambda seen: seen.noted(made_by))

    def of(self, name: str, *, insistent: bool = False) -> list[AnyProjector]:
        """The projectors of a subscription, paused or not, the live one first.

        Parameters
        ----------
        name : str
        insistent : bool
            Whether they also take parked streams in.

        Raises
        ------
        ConfigurationError
            There is no such subscription.
        StoreUnavailable
        """
        self.check(name)
        source = self._insistent if insistent else self._patient
        generations = self._controls.get()[name].written()
        return [self._subscriptions[name].projector(generation, source) for generation in generations]

    def check(self, name: str, stream: StreamId | None = None) -> None:
        """Refuse what is no subscription, or does not read a stream. Raises ``ConfigurationError``."""
        found = self._subscriptions.get(name)
        if found is None or (stream and not found.reads(stream)):
            of = f" of {stream.entity!r} streams" if stream else ""
            raise ConfigurationError(f"there is no projection {name!r}{of}")
