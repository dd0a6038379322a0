"""What an operator sees of projections and of the reactor, and does to them: pause, resume, park, retry."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from banyan.notices import PROJECTION_PAUSED, notify
from banyan.projections.catchup import CatchUp, CaughtUp, LogCheckpoints
from banyan.projections.lag import CommitsSinceCatchUp, Lag, LagMemory, LookAtLog, NewestCommits, Throughput, lag_of
from banyan.projections.processor import Projectors, StreamProcessor
from banyan.projections.projector import AnyProjector
from banyan.projections.rebuild.builds import UNFINISHED, Builds, least_phase, standing_since, updated_at
from banyan.projections.retries import RetryPolicy, pause
from banyan.projections.state import CachedStates, GenerationInfo, Pause, ProjectionState, Status
from banyan.projections.views import FailureRecord, Views
from banyan.store import EventStore
from banyan.store.eventstore import Clock
from banyan.streams import StreamId
from banyan.telemetry import Telemetry

PARKED_LOOKED_AT: Final = 100
"""Of a generation, the oldest."""

_logger = logging.getLogger(__name__)


class Operations:
    """The verbs of an operator.

    Every verb raises ``ConfigurationError`` when there is no such projection, ``TransitionRejected`` when its state
    does not allow it, ``ProjectionStateChanged`` when others keep changing it, and ``StoreUnavailable``.
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

    def status(self, projection: str | None = None, *, newest: bool = False) -> list[ProjectionStatus]:
        """The status of one projection, or of all; by the newest commits only, which is cheaper."""
        return self._statuses.all(newest) if projection is None else [self._statuses.one(projection, newest)]

    def overview(self) -> tuple[list[ProjectionStatus], Throughput]:
        """How all stand, cheaply enough to be asked every few seconds, and what was recorded of late."""
        return self._statuses.overview()

    def pause(self, projection: str, reason: str, by: str) -> ProjectionState:
        """Let a projection apply nothing; queries answer with what it has."""
        self._projectors.check(projection)
        return pause(self._states, self._policy, projection, reason, by)

    def resume(self, projection: str, deadline: datetime) -> list[CaughtUp]:
        """Let a projection continue, and catch up with what it missed.

        Parameters
        ----------
        deadline : datetime
            When to stop; the scheduled catch-up continues from there.

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
        """Retry a parked stream from the event table, in a paused projection too; why it is parked again, if so."""
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


@dataclass(frozen=True, slots=True)
class ParkedStream:
    """A stream that waits for a retry, in one generation."""

    generation: int
    failure: FailureRecord


@dataclass(frozen=True, slots=True)
class ProjectionStatus:
    """All there is to say about a projection.

    Parameters
    ----------
    live : int
        Generation that queries read.
    parked : tuple[ParkedStream, ...]
        Of every generation that is kept up, the live one first, oldest first.
    parked_complete : bool
        Whether these are all; if not, there may be more.
    """

    projection: str
    status: Status
    live: int
    generations: tuple[GenerationInfo, ...]
    pause: Pause | None
    parked: tuple[ParkedStream, ...]
    parked_complete: bool
    lag: Lag


def parked_streams(projectors: Sequence[AnyProjector]) -> tuple[tuple[ParkedStream, ...], bool]:
    """Streams that wait for a retry, generation by generation, oldest first, and whether these are all."""
    found = [(projector.generation.number, projector.waiting(PARKED_LOOKED_AT)) for projector in projectors]
    parked = tuple(ParkedStream(number, failure) for number, waiting in found for failure in waiting.failures)
    return parked, all(waiting.complete for _, waiting in found)


class StatusReader:
    """Looks at projections, at a cost that does not grow with the log.

    Besides what a look at the log costs, one query for each generation, with one batch read more when streams are
    parked there.
    """

    def __init__(
        self,
        store: EventStore,
        states: CachedStates,
        projectors: Projectors,
        checkpoints: LogCheckpoints,
        clock: Clock,
    ) -> None:
        self._store = store
        self._states = states
        self._projectors = projectors
        self._checkpoints = checkpoints
        self._memory = LagMemory(checkpoints)
        self._clock = clock

    def all(self, newest: bool = False) -> list[ProjectionStatus]:
        """The status of every projection. Raises ``StoreUnavailable``."""
        return self._statuses(self._newest() if newest else self._since_catch_up())

    def overview(self) -> tuple[list[ProjectionStatus], Throughput]:
        """The status of every projection, by the newest commits, and how many are made. Raises ``StoreUnavailable``."""
        newest = self._newest()
        return self._statuses(newest), newest.throughput()

    def one(self, projection: str, newest: bool = False) -> ProjectionStatus:
        """The status of one projection. Raises ``ConfigurationError`` when there is none, ``StoreUnavailable``."""
        self._projectors.check(projection)
        self._states.forget()
        log = self._newest() if newest else self._since_catch_up()
        return self._status(self._states.get()[projection], log)

    def _newest(self) -> NewestCommits:
        return NewestCommits(self._store, self._memory, self._clock())

    def _since_catch_up(self) -> CommitsSinceCatchUp:
        return CommitsSinceCatchUp(self._store, self._checkpoints)

    def _statuses(self, log: LookAtLog) -> list[ProjectionStatus]:
        self._states.forget()
        states = self._states.get()
        return [self._status(states[name], log) for name in self._projectors.names]

    def _status(self, state: ProjectionState, log: LookAtLog) -> ProjectionStatus:
        name, projectors = state.projection, self._projectors.of(state.projection)
        parked, parked_complete = parked_streams(projectors)
        aside = {each.failure.stream for each in parked if each.generation == state.live} | set(state.parked)

        def wanted(stream: StreamId) -> bool:
            return stream not in aside and self._projectors.reads(name, stream)

        return ProjectionStatus(
            projection=name,
            status=self._status_of(state),
            live=state.live,
            generations=state.generations,
            pause=state.pause,
            parked=parked,
            parked_complete=parked_complete,
            lag=lag_of(projectors[0], log, wanted, self._clock()),
        )

    def _status_of(self, state: ProjectionState) -> Status:
        outdated = state.outdated(self._projectors.version(state.projection))
        return Status.OUTDATED if outdated and state.status is Status.ACTIVE else state.status


class Standstill:
    """Reports gauges for every subscription: parked streams, pauses, and rebuilds that make no progress.

    A look costs one query per generation, and of a generation that is being built one batch read.
    """

    def __init__(
        self,
        projectors: Projectors,
        states: CachedStates,
        builds: Builds,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._projectors = projectors
        self._states = states
        self._builds = builds
        self._clock = clock
        self._telemetry = telemetry

    def report(self) -> None:
        """Report everything as it stands now, zeros too, since an alarm goes back on a zero only.

        Raises ``StoreUnavailable``.
        """
        self._states.forget()
        for name in self._projectors.names:
            self._report(self._states.get()[name])

    def _report(self, state: ProjectionState) -> None:
        found, _ = parked_streams(self._projectors.of(state.projection))
        parked = [each.failure for each in found]
        oldest = min((failure.parked_at for failure in parked if failure.parked_at), default=None)
        streams, paused, idle = {failure.stream for failure in parked}, state.pause is not None, self._idle(state)
        self._telemetry.gauge("ParkedStreams", len(streams), of=state.projection)
        self._telemetry.gauge("OldestParkedSeconds", self._since(oldest), of=state.projection)
        self._telemetry.gauge("ProjectionStopped", int(paused), of=state.projection)
        self._telemetry.gauge("RebuildIdleSeconds", idle, of=state.projection)
        if streams or paused or idle:
            keys = {"projection": state.projection, "parked": len(streams), "paused": paused, "rebuild_idle_s": idle}
            _logger.warning("%s stands still, at least in part", state.projection, extra=keys)

    def _idle(self, state: ProjectionState) -> float:
        """Seconds since an unfinished rebuild or deletion moved, of the one that has been idle for longest."""
        moments = (self._moved(state, info) for info in state.generations if info.stage in UNFINISHED)
        return self._since(min((moment for moment in moments if moment), default=None))

    def _moved(self, state: ProjectionState, info: GenerationInfo) -> datetime | None:
        """When the work on a generation moved last, which began with its stage; nothing once it is done."""
        build = self._builds.build(state.generation(info.number))
        if build is None:
            return info.changed_at
        segments = self._builds.segments(build)
        return standing_since(info, least_phase(segments), updated_at(build, segments))

    def _since(self, moment: datetime | None) -> float:
        return max(0.0, (self._clock() - moment).total_seconds()) if moment else 0.0
