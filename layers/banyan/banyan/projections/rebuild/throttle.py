"""Holding a rebuild to the capacity it was given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

BURST_SECONDS: Final = 1.0


class Throttle:
    """A token bucket of write units: one second's worth may be spent at once.

    Parameters
    ----------
    rate : float
        Write units per second.
    monotonic : Callable[[], float]
        Seconds.
    """

    def __init__(self, rate: float, monotonic: Callable[[], float]) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._paid_until = monotonic() - BURST_SECONDS

    def spend(self, units: float) -> float:
        """Take units that were consumed, and return how long to wait before consuming more, seconds."""
        now = self._monotonic()
        self._paid_until = max(self._paid_until, now - BURST_SECONDS) + units / self._rate
        return max(self._paid_until - now, 0.0)
