"""What happens to a stream that cannot be projected: tried again with growing waits, then parked."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from banyan.errors import BanyanError, BatchFailed, ControlChanged, TransitionRejected
from banyan.notices import PROJECTION_PAUSED, NoNotices, Notices, notify
from banyan.projections.controls import CachedStates
from banyan.projections.projector import AnyProjector, waiting
from banyan.projections.state import ProjectionState
from banyan.projections.views import FailureRecord, Generation, Views
from banyan.store.eventstore import Clock, utc_now
from banyan.streams import StreamId
from banyan.telemetry import NoTelemetry, Telemetry

LONGEST_WAIT_SECONDS: Final = 10.0


SYSTEMIC_STREAMS: Final = 3


_logger = logging.getLogger(__name__)


BREAKER: Final = "breaker"


@dataclass(frozen=True, slots=True)
class FailedStream:
    """One stream that could not be projected just now.

    Parameters
    ----------
    generation : Generation
    stream : StreamId
    version : int
        First version that was not taken in.
    error : Exception
    """

    generation: Generation
    stream: StreamId
    version: int
    error: Exception


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


class Retries:
    """Remembers failed attempts and decides when a stream is parked.

    Parameters
    ----------
    views : Views
    retry_policy : RetryPolicy
    on_parked : Callable[[Generation, FailureRecord], None]
        Called once a stream is parked.
    """

    def __init__(
        self,
        views: Views,
        retry_policy: RetryPolicy,
        on_parked: Callable[[Generation, FailureRecord], None] = lambda *_: None,
    ) -> None:
        self._views = views
        self._max_retries = retry_policy.max_retries
        self._backoff = timedelta(milliseconds=retry_policy.backoff_ms)
        self._clock = retry_policy.clock
        self._sleep = retry_policy.sleep
        self._telemetry = retry_policy.telemetry
        self._notices = retry_policy.notices
        self._on_parked = on_parked
        self._known: set[tuple[Generation, StreamId]] = set()

    def parked(self, generation: Generation, stream: StreamId, checkpoint: int) -> bool:
        """Whether a stream waits for somebody to retry it. What it had behind its checkpoint is over."""
        failure = self._views.failure(generation, stream)
        if failure:
            self._known.add((generation, stream))
        return failure is not None and failure.parked_at is not None and failure.version > checkpoint

    def moved(self, generation: Generation, stream: StreamId) -> None:
        """Forget the failure of a stream that moves again, if this process knows of one."""
        if (generation, stream) in self._known:
            self._views.clear_failure(generation, stream)
            self._known.discard((generation, stream))

    def record(self, failed: Collection[FailedStream]) -> frozenset[StreamId]:
        """Remember one more attempt for each, and wait until they may be tried again.

        Returns
        -------
        frozenset[StreamId]
            Streams to deliver again; those parked are not among them.
        """
        failures = [self._attempted(failed) for failed in failed]
        again = [failure for failure in failures if failure.parked_at is None]
        if again:
            wait = max(failure.next_try for failure in again) - self._clock()
            self._sleep(min(max(wait.total_seconds(), 0.0), LONGEST_WAIT_SECONDS))
        return frozenset(failure.stream for failure in again)

    def forget(self, generation: Generation, stream: StreamId) -> None:
        """Forget the failure of a stream that is up to date, parked or not."""
        if self._views.failure(generation, stream):
            self._views.clear_failure(generation, stream)
        self._known.discard((generation, stream))

    def park(self, failed: FailedStream, attempts: int = 1) -> FailureRecord:
        """Count it, log it and tell, then stop trying a stream in one projection until somebody retries it.

        In this order: who dies between the two parks it again, and what is parked was told at least once.
        """
        now = self._clock()
        failure = FailureRecord(failed.stream, failed.version, describe(failed.error), attempts, now, parked_at=now)
        self._tell(failed, attempts)
        notify(self._notices, PROJECTION_PAUSED, _notice(failed.generation, failure))
        self._views.put_failure(failed.generation, failure)
        self._on_parked(failed.generation, failure)
        return failure

    def _tell(self, failed: FailedStream, attempts: int) -> None:
        self._telemetry.count("ProjectionParked")
        _logger.error(
            "%s is parked in %s at version %d: mend the cause, then retry it",
            failed.stream,
            failed.generation,
            failed.version,
            extra={
                "stream": str(failed.stream),
                "projection": str(failed.generation),
                "version": failed.version,
                "error": type(failed.error).__name__,
                "attempts": attempts,
            },
        )

    def _attempted(self, failed: FailedStream) -> FailureRecord:
        known = self._views.failure(failed.generation, failed.stream)
        if known and known.version != failed.version:
            known = None
        if known and known.parked_at:
            return known
        attempts = (known.attempts if known else 0) + 1
        if attempts > self._max_retries:
            return self.park(failed, attempts)
        return self._postpone(failed, attempts)

    def _postpone(self, failed: FailedStream, attempts: int) -> FailureRecord:
        next_try = self._clock() + self._backoff * 2 ** (attempts - 1)
        failure = FailureRecord(failed.stream, failed.version, describe(failed.error), attempts, next_try)
        self._views.put_failure(failed.generation, failure)
        self._known.add((failed.generation, failed.stream))
        return failure


def _notice(generation: Generation, failure: FailureRecord) -> dict[str, Any]:
    return {
        "projection": generation.projection,
        "generation": generation.number,
        "stream": str(failure.stream),
        "reason": failure.error,
        "version": failure.version,
    }


@dataclass(frozen=True, slots=True)
class RetryPolicy:
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


class PauseSwitch:
    """Stops a projection until somebody resumes it.

    Parameters
    ----------
    controls : CachedStates
    retry_policy : RetryPolicy
    """

    def __init__(self, controls: CachedStates, retry_policy: RetryPolicy) -> None:
        self._controls = controls
        self._notices = retry_policy.notices
        self._telemetry = retry_policy.telemetry
        self._clock = retry_policy.clock

    def pause(self, projection: str, reason: str, by: str) -> ProjectionState:
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


class Breaker:
    """Pauses a subscription when more streams of its live generation are parked than a limit.

    Parameters
    ----------
    views : Views
    pausing : PauseSwitch
    limit : int
    """

    def __init__(self, views: Views, pausing: PauseSwitch, limit: int) -> None:
        self._views = views
        self._pausing = pausing
        self._limit = limit

    def check(self, live: AnyProjector, failure: FailureRecord) -> None:
        """Count the parked streams, the one just parked among them, which an index may not show yet."""
        parked = {known.stream for known in waiting(self._views, live)} | {failure.stream}
        if len(parked) > self._limit:
            reason = f"{len(parked)} streams are parked, the last with {failure.error}"
            with suppress(TransitionRejected, ControlChanged):
                self._pausing.pause(live.generation.projection, reason, BREAKER)
