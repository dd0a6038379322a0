"""The breaker: a projection in which too many streams are parked is paused, as it is not the events' fault."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from banyan.errors import ControlChanged, TransitionRejected
from banyan.projections.pausing import Pausing
from banyan.projections.running import AnyProjector, waiting
from banyan.projections.views import Failure, Views

BREAKER: Final = "breaker"


class Breaker:
    """Pauses a subscription when more streams of its live generation are parked than a limit.

    Parameters
    ----------
    views : Views
    pausing : Pausing
    limit : int
    """

    def __init__(self, views: Views, pausing: Pausing, limit: int) -> None:
        self._views = views
        self._pausing = pausing
        self._limit = limit

    def check(self, live: AnyProjector, failure: Failure) -> None:
        """Count the parked streams, the one just parked among them, which an index may not show yet."""
        parked = {known.stream for known in waiting(self._views, live)} | {failure.stream}
        if len(parked) > self._limit:
            reason = f"{len(parked)} streams are parked, the last with {failure.error}"
            with suppress(TransitionRejected, ControlChanged):
                self._pausing.pause(live.generation.projection, reason, BREAKER)
