"""What happens to a stream that cannot be projected: tried again with growing waits, then parked."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from banyan.errors import BanyanError, BatchFailed
from banyan.notices import PROJECTION_PAUSED, NoNotices, Notices, notify
from banyan.projections.state import CachedStates, ProjectionState
from banyan.projections.views import FailureRecord, Generation, Views
from banyan.store.eventstore import Clock, utc_now
from banyan.streams import StreamId
from banyan.telemetry import NoTelemetry, Telemetry

LONGEST_WAIT_SECONDS: Final = 10.0
SYSTEMIC_STREAMS: Final = 3
BREAKER: Final = "breaker"
"""Who pauses a projection in which too many streams are parked."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a failing stream is tried, what time it is, and where failures are reported.

    Parameters
    ----------
    max_retries : int
        Attempts after the first one before a failing stream is parked.
    backoff_ms : int
        Wait after the first failure, ms; doubles with each.
    breaker_parked_streams : int
        More parked streams than that pause all of a projection, or of the reactor.
    sleep : Callable[[float], None]
        Seconds.
    """

    max_retries: int = 3
    backoff_ms: int = 200
    breaker_parked_streams: int = 10
    clock: Clock = utc_now
    sleep: Callable[[float], None] = time.sleep
    notices: Notices = field(default_factory=NoNotices)
    telemetry: Telemetry = field(default_factory=NoTelemetry)


@dataclass(frozen=True, slots=True)
class FailedStream:
    """One stream that could not be projected just now.

    Parameters
    ----------
    version : int
        First version that was not applied.
    """

    generation: Generation
    stream: StreamId
    version: int
    error: Exception


class Retries:
    """Remembers failed attempts and decides when a stream is parked.

    Parameters
    ----------
    on_parked : Callable[[Generation, FailureRecord], None]
        Called once a stream is parked.
    """

    def __init__(
        self,
        views: Views,
        policy: RetryPolicy,
        on_parked: Callable[[Generation, FailureRecord], None] = lambda *_: None,
    ) -> None:
        self._views = views
        self._policy = policy
        self._on_parked = on_parked
        self.known: set[tuple[Generation, StreamId]] = set()
        """Streams that this process saw fail."""

    def is_parked(self, generation: Generation, stream: StreamId, checkpoint: int) -> bool:
        """Whether a stream waits for a retry; a failure at or before its checkpoint is over."""
        failure = self._views.failure(generation, stream)
        if failure:
            self.known.add((generation, stream))
        return failure is not None and failure.parked_at is not None and failure.version > checkpoint

    def record(
        self, failed: Collection[FailedStream], longest_wait: float = LONGEST_WAIT_SECONDS
    ) -> frozenset[StreamId]:
        """Count one more attempt for each, and wait until they may be tried again.

        Parameters
        ----------
        longest_wait : float
            Seconds; the streams may then be tried early.

        Returns
        -------
        frozenset[StreamId]
            Streams to deliver again; those parked are not among them.
        """
        failures = [self._attempted(each) for each in failed]
        again = [failure for failure in failures if failure.parked_at is None]
        if again:
            wait = max(failure.next_try for failure in again) - self._policy.clock()
            self._policy.sleep(max(0.0, min(wait.total_seconds(), longest_wait, LONGEST_WAIT_SECONDS)))
        return frozenset(failure.stream for failure in again)

    def moved(self, generation: Generation, stream: StreamId) -> None:
        """Forget the failure of a stream that moves again."""
        self._views.clear_failure(generation, stream)
        self.known.discard((generation, stream))

    def forget(self, generation: Generation, stream: StreamId) -> None:
        """Forget the failure of a stream that is up to date, if it has one."""
        if self._views.failure(generation, stream):
            self._views.clear_failure(generation, stream)
        self.known.discard((generation, stream))

    def park(self, failed: FailedStream, attempts: int = 1) -> FailureRecord:
        """Count, log and announce it, then stop trying a stream in one projection until an operator retries it.

        In this order: a process that dies between the two parks it again, and what is parked was announced before.
        """
        now = self._policy.clock()
        failure = FailureRecord(failed.stream, failed.version, describe(failed.error), attempts, now, parked_at=now)
        self._announce(failed, failure)
        self._views.put_failure(failed.generation, failure)
        self._on_parked(failed.generation, failure)
        return failure

    def _announce(self, failed: FailedStream, failure: FailureRecord) -> None:
        self._policy.telemetry.count("ProjectionParked")
        _logger.error(
            "%s is parked in %s at version %d: fix the cause, then retry it",
            failed.stream,
            failed.generation,
            failed.version,
            extra={
                "stream": str(failed.stream),
                "projection": str(failed.generation),
                "version": failed.version,
                "error": type(failed.error).__name__,
                "attempts": failure.attempts,
            },
        )
        detail = {
            "projection": failed.generation.projection,
            "generation": failed.generation.number,
            "stream": str(failed.stream),
            "reason": failure.error,
            "version": failed.version,
        }
        notify(self._policy.notices, PROJECTION_PAUSED, detail)

    def _attempted(self, failed: FailedStream) -> FailureRecord:
        known = self._views.failure(failed.generation, failed.stream)
        if known and known.version != failed.version:
            known = None
        if known and known.parked_at:
            return known
        attempts = (known.attempts if known else 0) + 1
        if attempts > self._policy.max_retries:
            return self.park(failed, attempts)
        return self._postpone(failed, attempts)

    def _postpone(self, failed: FailedStream, attempts: int) -> FailureRecord:
        wait = timedelta(milliseconds=self._policy.backoff_ms) * 2 ** (attempts - 1)
        failure = FailureRecord(
            failed.stream, failed.version, describe(failed.error), attempts, self._policy.clock() + wait
        )
        self._views.put_failure(failed.generation, failure)
        self.known.add((failed.generation, failed.stream))
        return failure


def check_systemic(failed: Sequence[FailedStream], streams: int) -> None:
    """Refuse to blame the events when more than half of at least three streams fail in one projection.

    Raises
    ------
    BatchFailed
    """
    if len(failed) >= SYSTEMIC_STREAMS and 2 * len(failed) > streams:
        raise BatchFailed(
            f"{len(failed)} of {streams} streams failed in {failed[0].generation}, "
            f"the first with {describe(failed[0].error)}"
        ) from failed[0].error


def describe(error: Exception) -> str:
    """Type of an error, with its message if the engine wrote it: others may quote event data."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, BanyanError) else name


def pause(states: CachedStates, policy: RetryPolicy, projection: str, reason: str, by: str) -> ProjectionState:
    """Pause a projection; processes that read its state before continue for at most ``control_cache_ms``.

    Raises
    ------
    TransitionRejected
        It is paused already.
    ProjectionStateChanged, StoreUnavailable
    """
    state = states.change(projection, lambda seen: seen.paused(policy.clock(), reason, by))
    policy.telemetry.count("ProjectionPaused")
    _logger.error("%s is paused: fix the cause, then resume it", projection, extra={"projection": projection, "by": by})
    detail = {"projection": projection, "stream": None, "reason": reason, "version": None, "by": by}
    notify(policy.notices, PROJECTION_PAUSED, detail)
    return state
