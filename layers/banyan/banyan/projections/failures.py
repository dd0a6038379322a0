"""What happens to a stream that cannot be projected: tried again with growing waits, then parked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from banyan.errors import BanyanError, BatchFailed
from banyan.notices import PROJECTION_PAUSED, notify
from banyan.projections.conditions import Conditions
from banyan.projections.views import Failure, Generation, Views
from banyan.streams import StreamId

LONGEST_WAIT_SECONDS: Final = 10.0
SYSTEMIC_STREAMS: Final = 3

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Setback:
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


def check_systemic(setbacks: Sequence[Setback], streams: int) -> None:
    """Refuse to blame the events when more than half of at least three streams fail in one projection.

    Raises
    ------
    BatchFailed
    """
    if len(setbacks) >= SYSTEMIC_STREAMS and 2 * len(setbacks) > streams:
        raise BatchFailed(
            f"{len(setbacks)} of {streams} streams failed in {setbacks[0].generation}, "
            f"the first with {describe(setbacks[0].error)}"
        ) from setbacks[0].error


def describe(error: Exception) -> str:
    """Type of an error, with its message if the engine wrote it: others may quote event data."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, BanyanError) else name


class Failures:
    """Remembers failed attempts and decides when a stream is parked.

    Parameters
    ----------
    views : Views
    conditions : Conditions
    on_parked : Callable[[Generation, Failure], None]
        Called once a stream is parked.
    """

    def __init__(
        self, views: Views, conditions: Conditions, on_parked: Callable[[Generation, Failure], None] = lambda *_: None
    ) -> None:
        self._views = views
        self._max_retries = conditions.max_retries
        self._backoff = timedelta(milliseconds=conditions.backoff_ms)
        self._clock = conditions.clock
        self._sleep = conditions.sleep
        self._telemetry = conditions.telemetry
        self._notices = conditions.notices
        self._on_parked = on_parked
        self._known: set[tuple[Generation, StreamId]] = set()

    def parked(self, generation: Generation, stream: StreamId, watermark: int) -> bool:
        """Whether a stream waits for somebody to retry it. What it had behind its watermark is over."""
        failure = self._views.failure(generation, stream)
        if failure:
            self._known.add((generation, stream))
        return failure is not None and failure.parked_at is not None and failure.version > watermark

    def moved(self, generation: Generation, stream: StreamId) -> None:
        """Forget the failure of a stream that moves again, if this process knows of one."""
        if (generation, stream) in self._known:
            self._views.clear_failure(generation, stream)
            self._known.discard((generation, stream))

    def record(self, setbacks: Collection[Setback]) -> frozenset[StreamId]:
        """Remember one more attempt for each, and wait until they may be tried again.

        Returns
        -------
        frozenset[StreamId]
            Streams to deliver again; those parked are not among them.
        """
        failures = [self._attempted(setback) for setback in setbacks]
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

    def park(self, setback: Setback, attempts: int = 1) -> Failure:
        """Count it, log it and tell, then stop trying a stream in one projection until somebody retries it.

        In this order: who dies between the two parks it again, and what is parked was told at least once.
        """
        now = self._clock()
        failure = Failure(setback.stream, setback.version, describe(setback.error), attempts, now, parked_at=now)
        self._tell(setback, attempts)
        notify(self._notices, PROJECTION_PAUSED, _notice(setback.generation, failure))
        self._views.put_failure(setback.generation, failure)
        self._on_parked(setback.generation, failure)
        return failure

    def _tell(self, setback: Setback, attempts: int) -> None:
        self._telemetry.count("ProjectionParked")
        _logger.error(
            "%s is parked in %s at version %d: mend the cause, then retry it",
            setback.stream,
            setback.generation,
            setback.version,
            extra={
                "stream": str(setback.stream),
                "projection": str(setback.generation),
                "version": setback.version,
                "error": type(setback.error).__name__,
                "attempts": attempts,
            },
        )

    def _attempted(self, setback: Setback) -> Failure:
        known = self._views.failure(setback.generation, setback.stream)
        if known and known.version != setback.version:
            known = None
        if known and known.parked_at:
            return known
        attempts = (known.attempts if known else 0) + 1
        if attempts > self._max_retries:
            return self.park(setback, attempts)
        return self._postpone(setback, attempts)

    def _postpone(self, setback: Setback, attempts: int) -> Failure:
        next_try = self._clock() + self._backoff * 2 ** (attempts - 1)
        failure = Failure(setback.stream, setback.version, describe(setback.error), attempts, next_try)
        self._views.put_failure(setback.generation, failure)
        self._known.add((setback.generation, setback.stream))
        return failure


def _notice(generation: Generation, failure: Failure) -> dict[str, Any]:
    return {
        "projection": generation.projection,
        "generation": generation.number,
        "stream": str(failure.stream),
        "reason": failure.error,
        "version": failure.version,
    }
