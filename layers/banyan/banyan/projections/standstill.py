"""What stands still in projections, told again and again for as long as it stands."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from banyan.projections.control import Control, Stage
from banyan.projections.controls import CachedControls
from banyan.projections.projectors import Projectors
from banyan.projections.rebuild.base import Checkpoints, Phase, Segment
from banyan.projections.running import waiting
from banyan.projections.views import Failure, Views
from banyan.store.eventstore import Clock
from banyan.telemetry import Telemetry

UNFINISHED: Final = {Stage.BUILDING: Phase.COMPARED, Stage.DROPPING: Phase.DROPPED}
"""What a generation's segments reach before nothing more is done without an operator."""

_logger = logging.getLogger(__name__)


class Standstill:
    """Reports gauges for every subscription: parked streams, pauses, and rebuilds that make no progress.

    A look costs one query per generation, and of a generation that is being built one batch read.
    """

    def __init__(
        self,
        projectors: Projectors,
        controls: CachedControls,
        views: Views,
        checkpoints: Checkpoints,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._projectors = projectors
        self._controls = controls
        self._views = views
        self._checkpoints = checkpoints
        self._clock = clock
        self._telemetry = telemetry

    def report(self) -> None:
        """Report everything as it stands now, zeros too, since an alarm goes back on a zero only.

        Raises ``StoreUnavailable``.
        """
        self._controls.forget()
        for name in self._projectors.names:
            self._report(self._controls.get()[name])

    def _report(self, control: Control) -> None:
        parked = self._parked(control.projection)
        oldest = min((failure.parked_at for failure in parked if failure.parked_at), default=None)
        streams, paused, idle = {failure.stream for failure in parked}, control.pause is not None, self._idle(control)
        self._telemetry.gauge("ParkedStreams", len(streams), of=control.projection)
        self._telemetry.gauge("OldestParkedSeconds", self._since(oldest), of=control.projection)
        self._telemetry.gauge("ProjectionStopped", int(paused), of=control.projection)
        self._telemetry.gauge("RebuildIdleSeconds", idle, of=control.projection)
        if streams or paused or idle:
            keys = {"projection": control.projection, "parked": len(streams), "paused": paused, "rebuild_idle_s": idle}
            _logger.warning("%s stands still, at least in part", control.projection, extra=keys)

    def _parked(self, projection: str) -> Sequence[Failure]:
        projectors = self._projectors.of(projection)
        return [failure for projector in projectors for failure in waiting(self._views, projector)]

    def _idle(self, control: Control) -> float:
        """Seconds since an unfinished rebuild or deletion moved, of the one that has been idle for longest."""
        moments = (
            self._moved(control, info.number, info.started_at, UNFINISHED[info.stage])
            for info in control.generations
            if info.stage in UNFINISHED
        )
        return self._since(min((moment for moment in moments if moment), default=None))

    def _moved(self, control: Control, number: int, started_at: datetime, end: Phase) -> datetime | None:
        build = self._checkpoints.build(control.generation(number))
        segments: Sequence[Segment] = self._checkpoints.segments(build) if build else ()
        if segments and all(segment.phase.reached(end) for segment in segments):
            return None
        return max([started_at, *(segment.updated_at for segment in segments if segment.updated_at)])

    def _since(self, moment: datetime | None) -> float:
        return max(0.0, (self._clock() - moment).total_seconds()) if moment else 0.0
