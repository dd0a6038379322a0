"""What an operator does to projections and to the reactor: pause, resume, park, retry, and look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from banyan.notices import PROJECTION_PAUSED, Notices, notify
from banyan.projections.catchup import CatchUp, CaughtUp
from banyan.projections.controls import CachedStates
from banyan.projections.processor import StreamProcessor
from banyan.projections.retries import PauseSwitch
from banyan.projections.state import ProjectionState
from banyan.projections.status import ProjectionStatus, StatusReader
from banyan.projections.views import FailureRecord, Views
from banyan.store.eventstore import Clock
from banyan.streams import StreamId


class Operations:
    """The verbs of an operator.

    Every verb raises ``ConfigurationError`` when there is no such projection, ``TransitionRejected`` when its state
    does not allow it, ``ControlChanged`` when others keep changing it, and ``StoreUnavailable``.

    Parameters
    ----------
    runner : StreamProcessor
    catch_up : CatchUp
    statuses : StatusReader
    pausing : PauseSwitch
    controls : CachedStates
    views : Views
    notices : Notices
    clock : Callable[[], datetime]
    """

    def __init__(
        self,
        runner: StreamProcessor,
        catch_up: CatchUp,
        statuses: StatusReader,
        pausing: PauseSwitch,
        controls: CachedStates,
        views: Views,
        notices: Notices,
        clock: Clock,
    ) -> None:
        self._runner = runner
        self._catch_up = catch_up
        self._statuses = statuses
        self._pausing = pausing
        self._controls = controls
        self._views = views
        self._notices = notices
        self._clock = clock

    @property
    def names(self) -> Sequence[str]:
        """Of all there is to operate."""
        return self._runner.projectors.names

    def reads(self, projection: str, stream: StreamId) -> bool:
        """Whether a projection takes a stream in at all."""
        return self._runner.projectors.of(projection)[0].reads(stream)

    def status(self, projection: str | None = None) -> list[ProjectionStatus]:
        """The status of one projection, or of all."""
        return self._statuses.all() if projection is None else [self._statuses.one(projection)]

    def pause(self, projection: str, reason: str, by: str) -> ProjectionState:
        """Let a projection take nothing in; queries answer with what it has."""
        self._runner.projectors.check(projection)
        return self._pausing.pause(projection, reason, by)

    def resume(self, projection: str, deadline: datetime) -> list[CaughtUp]:
        """Let a projection go on, and heal what it missed.

        Parameters
        ----------
        projection : str
        deadline : datetime
            When to stop healing; the scheduled catch-up goes on from there.

        Returns
        -------
        list[CaughtUp]
            One for each generation; what is not ``complete`` still lags.
        """
        self._runner.projectors.check(projection)
        self._controls.change(projection, ProjectionState.resumed)
        return self._catch_up.projection(projection, deadline)

    def park(self, projection: str, stream: StreamId, reason: str, by: str) -> FailureRecord:
        """Let a projection take nothing of one stream in any more, until it is retried."""
        self._runner.projectors.check(projection, stream)
        control = self._controls.change(projection, lambda seen: seen.parking(stream))
        failures = self._parked(control, stream, f"parked by {by}: {reason}")
        detail = {"projection": projection, "stream": str(stream), "reason": failures[0].error}
        notify(self._notices, PROJECTION_PAUSED, detail | {"version": failures[0].version, "by": by})
        return failures[0]

    def retry(self, projection: str, stream: StreamId) -> FailureRecord | None:
        """Let a parked stream go on from the event table, in a paused projection too; why it is parked again, if so."""
        self._runner.projectors.check(projection, stream)
        self._controls.change(projection, lambda seen: seen.unparking(stream))
        return self._runner.retry(projection, stream)

    def _parked(self, control: ProjectionState, stream: StreamId, error: str) -> Sequence[FailureRecord]:
        failures = []
        for projector in self._runner.projectors.of(control.projection):
            now, reached = self._clock(), projector.checkpoints([stream]).get(stream, 0)
            failures.append(FailureRecord(stream, reached + 1, error, 0, now, parked_at=now))
            self._views.put_failure(projector.generation, failures[-1])
        return failures
