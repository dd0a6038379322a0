"""Working off deadlines: each fires once, or is void by then."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from banyan.commands.handler import CLOCK_SKEW, HandlesCommands
from banyan.deadlines.base import Waiting, WaitingDeadlines, command_of
from banyan.decider import AnyDecider
from banyan.errors import CommandRejected, ConcurrencyError, StoreUnavailable
from banyan.events import CamelModel
from banyan.projections.projector import own_error
from banyan.projections.retries import describe
from banyan.store.eventstore import Clock, utc_now
from banyan.telemetry import NoTelemetry, Telemetry

FIRED: Final = "fired"
VOID: Final = "void"
DELAYED: Final = "delayed"
RESERVE_MS: Final = 15_000
"""Left for a deadline once it has begun. One that takes longer fires again in the next run, without effect."""

SYSTEMIC_FAILURES: Final = 3
COUNTED: Final = 100
"""Parked deadlines that a run counts; more do not make an alarm ring any louder."""
_MILLISECOND: Final = timedelta(milliseconds=1)

_logger = logging.getLogger(__name__)


class DeadlineRun(CamelModel):
    """What a run did.

    Parameters
    ----------
    fired : int
        Deadlines whose commands decided something, now or in an earlier attempt.
    void : int
        Deadlines that had become pointless: rejected, or nothing to decide.
    delayed : int
        Left for the next run, because their tables or streams were busy.
    failed : int
        Left for the next run, because of an error of their own.
    parked : int
        Put aside after too many errors.
    out_of_time : bool
        Whether more was due than the time allowed.
    """

    fired: int = 0
    void: int = 0
    delayed: int = 0
    failed: int = 0
    parked: int = 0
    out_of_time: bool = False


class DeadlineRunner:
    """Handles the commands of deadlines that are due, in the order of due times.

    The commit id of a deadline is its own, so one that fired but was not removed finds its commit when it fires again.
    One that fails does not hold up the others. When most of a run fails it is not the deadlines' fault: no attempt
    is counted then.

    Parameters
    ----------
    handlers : Mapping[str, HandlesCommands]
        By entity.
    max_retries : int
        Attempts after the first one, a run apart, before a failing deadline is parked.
    """

    def __init__(
        self,
        deadlines: WaitingDeadlines,
        deciders: Sequence[AnyDecider],
        handlers: Mapping[str, HandlesCommands],
        *,
        max_retries: int = 3,
        clock: Clock = utc_now,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._deadlines = deadlines
        self._deciders = deciders
        self._handlers = handlers
        self._max_retries = max_retries
        self._clock = clock
        self._telemetry = telemetry or NoTelemetry()

    def run(self, remaining_ms: Callable[[], float]) -> DeadlineRun:
        """Work off what is due, while there is time.

        Parameters
        ----------
        remaining_ms : Callable[[], float]
            Time until the caller is stopped, ms.

        Raises
        ------
        StoreUnavailable
            The deadlines cannot be read.
        """
        tally: Counter[str] = Counter()
        failed: list[tuple[Waiting, Exception]] = []
        left: list[datetime] = []
        out_of_time = False
        for waiting in self._deadlines.due(self._clock()):
            out_of_time = remaining_ms() < RESERVE_MS
            if out_of_time:
                left.append(waiting.due)
                break
            ending = self._settle(waiting)
            if ending not in (FIRED, VOID):
                left.append(waiting.due)
            if isinstance(ending, Exception):
                failed.append((waiting, ending))
            else:
                tally[ending] += 1
        parked = self._record(failed, tally[FIRED] + tally[VOID])
        self._report(left)
        return DeadlineRun(**tally, failed=len(failed) - parked, parked=parked, out_of_time=out_of_time)

    def _report(self, left: Sequence[datetime]) -> None:
        """Report how many are parked, and how late the oldest one is that this run left."""
        self._telemetry.gauge("ParkedDeadlines", sum(1 for _ in islice(self._deadlines.parked(), COUNTED)))
        self._telemetry.gauge("OldestDueSeconds", (self._clock() - min(left)).total_seconds() if left else 0.0)

    def _settle(self, waiting: Waiting) -> str | Exception:
        """How a deadline ended, or the error that is its own."""
        try:
            ending = self._ending(waiting)
            if isinstance(ending, Exception):
                return ending
            self._deadlines.remove(waiting)
        except (StoreUnavailable, ConcurrencyError) as busy:
            _logger.warning("deadline %s of %s is left for later: %s", waiting.name, waiting.stream, busy)
            return DELAYED
        self._telemetry.duration("DeadlineLag", (self._clock() - waiting.due) / _MILLISECOND)
        return ending

    def _ending(self, waiting: Waiting) -> str | Exception:
        try:
            return self._handle(waiting)
        except ConcurrencyError:
            raise
        except Exception as error:
            return own_error(error)

    def _handle(self, waiting: Waiting) -> str:
        command = command_of(self._deciders, waiting)
        try:
            outcome = self._handlers[waiting.stream.entity].handle(
                waiting.stream,
                command,
                commit_id=waiting.commit_id,
                metadata=waiting.metadata.model_copy(update={"actor": f"deadline:{waiting.name}"}),
                first_attempt=waiting.due - CLOCK_SKEW,
            )
        except CommandRejected:
            return VOID
        return FIRED if outcome.events else VOID

    def _record(self, failed: Sequence[tuple[Waiting, Exception]], ended: int) -> int:
        """Count what failed; return how many were parked."""
        if failed:
            self._telemetry.count("DeadlineFailures", len(failed))
        if len(failed) >= SYSTEMIC_FAILURES and len(failed) > ended:
            _logger.error("%d deadlines failed, most of all: the first with %s", len(failed), describe(failed[0][1]))
            return 0
        return sum(self._set_back(waiting, describe(error)) for waiting, error in failed)

    def _set_back(self, waiting: Waiting, error: str) -> bool:
        """Count an attempt; whether it was the last one."""
        tried = replace(waiting, attempts=waiting.attempts + 1, error=error)
        keys = {"deadline": waiting.name, "stream": str(waiting.stream), "attempts": tried.attempts, "error": error}
        if tried.attempts <= self._max_retries:
            _logger.warning("deadline %s of %s failed with %s", waiting.name, waiting.stream, error, extra=keys)
            self._deadlines.put_back(tried)
            return False
        self._telemetry.count("DeadlineParked")
        _logger.error("deadline %s of %s is parked after %s", waiting.name, waiting.stream, error, extra=keys)
        self._deadlines.park(tried)
        return True
