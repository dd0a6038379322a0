"""Pausing a projection, and telling everybody."""

from __future__ import annotations

import logging

from banyan.notices import PROJECTION_PAUSED, notify
from banyan.projections.conditions import Conditions
from banyan.projections.control import Control
from banyan.projections.controls import CachedControls

_logger = logging.getLogger(__name__)


class Pausing:
    """Stops a projection until somebody resumes it.

    Parameters
    ----------
    controls : CachedControls
    conditions : Conditions
    """

    def __init__(self, controls: CachedControls, conditions: Conditions) -> None:
        self._controls = controls
        self._notices = conditions.notices
        self._telemetry = conditions.telemetry
        self._clock = conditions.clock

    def pause(self, projection: str, reason: str, by: str) -> Control:
        """Pause a projection; processes that read its control before go on for at most ``control_cache_ms``.

        Raises
        ------
        TransitionRejected
            It is paused already.
        ControlChanged, StoreUnavailable
        """
        control = self._controls.change(projection, lambda seen: seen.paused(self._clock(), reason, by))
        self._telemetry.count("ProjectionPaused")
        _logger.error(
            "%s is paused: mend the cause, then resume it", projection, extra={"projection": projection, "by": by}
        )
        detail = {"projection": projection, "stream": None, "reason": reason, "version": None, "by": by}
        notify(self._notices, PROJECTION_PAUSED, detail)
        return control
