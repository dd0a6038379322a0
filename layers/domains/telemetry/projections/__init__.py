"""The read models of telemetry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from banyan.projections.base import Projection
from telemetry.projections.alarms import ALARMS
from telemetry.projections.devices import DEVICES
from telemetry.projections.series import SERIES_WINDOWS, series_projection
from telemetry.settings import TelemetrySettings

PROJECTIONS: Final[tuple[Projection, ...]] = (DEVICES, ALARMS, SERIES_WINDOWS)


def tuned(settings: TelemetrySettings) -> Sequence[Projection]:
    """The same as the settings have them."""
    return (DEVICES, ALARMS, series_projection(settings))


__all__ = ["ALARMS", "DEVICES", "PROJECTIONS", "SERIES_WINDOWS", "tuned"]
