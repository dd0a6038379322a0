"""Where the engine reports what it measures."""

from __future__ import annotations

from typing import Protocol


class Telemetry(Protocol):
    """A sink for counts and durations; names are those of the dashboards."""

    def count(self, name: str, value: int = 1) -> None:
        """Add to a counter."""

    def duration(self, name: str, milliseconds: float) -> None:
        """Report one duration in milliseconds."""

    def gauge(self, name: str, value: float, of: str = "") -> None:
        """Report how something stands now; ``of`` names which one of several."""


class NoTelemetry:
    """Reports nothing."""

    def count(self, name: str, value: int = 1) -> None:
        pass

    def duration(self, name: str, milliseconds: float) -> None:
        pass

    def gauge(self, name: str, value: float, of: str = "") -> None:
        pass
