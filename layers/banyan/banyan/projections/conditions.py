"""Under which conditions streams are taken in."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from banyan.notices import NoNotices, Notices
from banyan.store.eventstore import Clock, utc_now
from banyan.telemetry import NoTelemetry, Telemetry


@dataclass(frozen=True, slots=True)
class Conditions:
    """How often a failing stream is tried, what time it is, and who is told.

    Parameters
    ----------
    max_retries : int
        Attempts after the first one before a failing stream is parked.
    backoff_ms : int
        Wait after the first failure, ms; doubles with each.
    breaker_parked_streams : int
        More parked streams than that pause all of a projection, or of the reactor.
    clock : Callable[[], datetime]
    sleep : Callable[[float], None]
        Seconds.
    notices : Notices
    telemetry : Telemetry
    """

    max_retries: int = 3
    backoff_ms: int = 200
    breaker_parked_streams: int = 10
    clock: Clock = utc_now
    sleep: Callable[[float], None] = time.sleep
    notices: Notices = field(default_factory=NoNotices)
    telemetry: Telemetry = field(default_factory=NoTelemetry)
