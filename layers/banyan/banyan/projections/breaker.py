"""The breaker: a projection in which too many streams are parked is paused, as it is not the events' fault."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from banyan.errors import ControlChanged, TransitionRejected
from banyan.projections.controls import CachedControls
from banyan.projections.pausing import Pausing
from banyan.projections.views import Failure, Generation, Views

BREAKER: Final = "breaker"


class Breaker:
    """Pauses a projection when more streams of its live generation are parked than a limit.

    Parameters
    ----------
    views : Views
    pausing : Pausing
    controls : CachedControls
    limit : int
    """

    def __init__(self, views: Views, pausing: Pausing, controls: CachedControls, limit: int) -> None:
        self._views = views
        self._pausing = pausing
        self._controls = controls
        self._limit = limit

    def check(self, generation: Generation, failure: Failure) -> None:
        """Count the parked streams, the one just parked among them, which an index may not show yet."""
        if generation != self._controls.live(generation.projection):
            return
        parked = {known.stream for known in self._views.parked(generation)} | {failure.stream}
        if len(parked) > self._limit:
            reason = f"{len(parked)} streams are parked, the last with {failure.error}"
            with suppress(TransitionRejected, ControlChanged):
                self._pausing.pause(generation.projection, reason, BREAKER)
