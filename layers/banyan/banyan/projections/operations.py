"""What an operator does to projections and to the reactor: pause, resume, park, retry, and look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from banyan.notices import PROJECTION_PAUSED, notify
from banyan.projections.catchup import CatchUp, CaughtUp
from banyan.projections.processor import StreamProcessor
from banyan.projections.retries import RetryPolicy, pause
from banyan.projections.state import CachedStates, ProjectionState
from banyan.projections.status import ProjectionStatus, StatusReader
from banyan.projections.views import FailureRecord, Views
from banyan.streams import StreamId


class Operations:
    """The verbs of an operator.

    Every verb raises ``ConfigurationError`` when there is no such projection, ``TransitionRejected`` when its state
    does not allow it, ``ControlChanged`` when others keep changing it, and ``StoreUnavailable``.
    """

    def __init__(
        self,
        processor: StreamProcessor,
        catch_up: CatchUp,
        statuses: StatusReader,
        states: CachedStates,
        views: Views,
        policy: RetryPolicy,
    ) -> None:
        self._processor = processor
        self._projectors = processor.projectors
        self._catch_up = catch_up
        self._statuses = statuses
        self._states = states
        self._views = views
        self._policy = policy

    @property
    def names(self) -> Sequence[str]:
        """Of all there is to operate."""
        return self._projectors.names

    def reads(self, projection: str, stream: StreamId) -> bool:
        """Whether a projection applies a stream at all."""
        return self._projectors.reads(projection, stream)

    def status(self, projection: str | None = None) -> list[ProjectionStatus]:
        """The status of one projection, or of all."""
        return self._statuses.all() if projection is None else [self._statuses.one(projection)]

    def pause(self, projection: str, reason: str, by: str) -> ProjectionState:
        """Let a projection apply nothing; queries answer with what it has."""
        self._projectors.check(projection)
        return pause(self._states, self._policy, projection, reason, by)

    def resume(self, projection: str, deadline: datetime) -> list[CaughtUp]:
        """Let a projection go on, and catch up with what it missed.

        Parameters
        ----------
        deadline : datetime
            When to stop; the scheduled catch-up goes on from there.

        Returns
        -------
        list[CaughtUp]
            One for each generation; what is not ``complete`` still lags.
        """
        self._projectors.check(projection)
        self._states.change(projection, ProjectionState.resumed)
        return self._catch_up.projection(projection, deadline)

    def park(self, projection: str, stream: StreamId, reason: str, by: str) -> FailureRecord:
        """Let a projection apply nothing more of one stream, until it is retried."""
        self._projectors.check(projection, stream)
        state = self._states.change(projection, lambda seen: seen.parking(stream))
        failures = self._parked(state, stream, f"parked by {by}: {reason}")
        detail = {"projection": projection, "stream": str(stream), "reason": failures[0].error}
        notify(self._policy.notices, PROJECTION_PAUSED, detail | {"version": failures[0].version, "by": by})
        return failures[0]

    def retry(self, projection: str, stream: StreamId) -> FailureRecord | None:
        """Let a parked stream go on from the event table, in a paused projection too; why it is parked again, if so."""
        self._projectors.check(projection, stream)
        self._states.change(projection, lambda seen: seen.unparking(stream))
        return self._processor.retry(projection, stream)

    def _parked(self, state: ProjectionState, stream: StreamId, error: str) -> Sequence[FailureRecord]:
        failures = []
        for projector in self._projectors.of(state.projection):
            now, reached = self._policy.clock(), projector.checkpoints([stream]).get(stream, 0)
            failures.append(FailureRecord(stream, reached + 1, error, 0, now, parked_at=now))
            self._views.put_failure(projector.generation, failures[-1])
        return failures
