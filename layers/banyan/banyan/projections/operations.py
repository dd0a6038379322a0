"""What an operator sees of projections and of the reactor, and does to them: pause, resume, park, retry."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from typing import Final, NamedTuple

from banyan.notices import PROJECTION_PAUSED, notify
from banyan.projections.catchup import CatchUp, CaughtUp, LogCheckpoints
from banyan.projections.processor import Projectors, StreamProcessor
from banyan.projections.projector import AnyProjector
from banyan.projections.rebuild.builds import BuildPhase, Builds, Segment
from banyan.projections.retries import RetryPolicy, pause
from banyan.projections.state import CachedStates, GenerationInfo, Pause, ProjectionState, Stage, Status
from banyan.projections.views import FailureRecord, Views
from banyan.store import EventStore, LogEntry
from banyan.store.base import CommitTable
from banyan.store.eventstore import Clock
from banyan.store.log import LAST
from banyan.streams import StreamId
from banyan.telemetry import Telemetry

ENTRIES_A_BUCKET: Final = 1000
STREAMS_LOOKED_AT: Final = 1000
"""Of a projection, those whose commits are the oldest since its last catch-up."""
NEWEST: Final = 320
"""Commits that an overview reads; 40 a bucket, whose keys take one read unit."""
NEWEST_STREAMS: Final = 100
MINUTE: Final = timedelta(minutes=1)
PARKED_LOOKED_AT: Final = 100
"""Of a generation, the oldest."""
MILLISECOND: Final = timedelta(milliseconds=1)

UNFINISHED: Final = {Stage.BUILDING: BuildPhase.COMPARED, Stage.DROPPING: BuildPhase.DROPPED}
"""What a generation's segments reach before nothing more is done without an operator."""

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

    def status(self, projection: str | None = None) -> list[ProjectionStatus]:
        """The status of one projection, or of all."""
        return self._statuses.all() if projection is None else [self._statuses.one(projection)]

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
class Lag:
    """How far the live generation lags, parked streams left out.

    Parameters
    ----------
    events : int
        Events that are not applied; of the newest commit of each stream only the first is counted.
    milliseconds : int
        Age of the oldest commit that is not applied, 0 when there is none.
    complete : bool
        Whether all commits since the last catch-up were looked at; if not, both numbers are lower bounds.
    """

    events: int
    milliseconds: int
    complete: bool


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


class _RecentLog(NamedTuple):
    """The buckets of the log, and the first entries of one that were recorded at or after a moment."""

    buckets: range
    look: Callable[[int, datetime], list[LogEntry]]

    def since(self, moments: Mapping[int, datetime], otherwise: datetime) -> tuple[list[LogEntry], bool]:
        """Entries since a moment of each bucket, the oldest first, and whether these are all."""
        looks = [self.look(bucket, moments.get(bucket, otherwise)) for bucket in self.buckets]
        return _merged(looks), all(len(found) < ENTRIES_A_BUCKET for found in looks)

    def chosen(self, streams: Sequence[StreamId]) -> Sequence[StreamId]:
        """Those to look at, of streams by their oldest entry."""
        return streams[:STREAMS_LOOKED_AT]

    def note(self, reached: Mapping[StreamId, int]) -> None:
        """Nothing is learnt of what was applied."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """What was recorded of late.

    Parameters
    ----------
    seconds : float
        Up to now; fewer than ``MINUTE`` when more was recorded than one look at the log shows.
    events : int
        Of each stream's newest commit only the first is counted until something has applied it.
    """

    seconds: float
    commits: int
    events: int

    @property
    def whole_minute(self) -> bool:
        """Whether it is of a whole ``MINUTE``."""
        return self.seconds >= MINUTE.total_seconds()


class NewestCommits:
    """The newest commits of the log, read once: one query for the number of buckets, and one for each."""

    def __init__(self, table: CommitTable) -> None:
        self.buckets = table.log_buckets()
        self._size = max(NEWEST // len(self.buckets), 10)
        self._found = {bucket: self._newest(table, bucket) for bucket in self.buckets}
        self._applied: dict[StreamId, int] = {}

    def since(self, moments: Mapping[int, datetime], otherwise: datetime) -> tuple[list[LogEntry], bool]:
        """Entries since a moment of each bucket, the oldest first, and whether these are all."""
        looks = [self._recent(bucket, moments.get(bucket, otherwise)) for bucket in self.buckets]
        return _merged(looks), all(map(self._reaches_back, self.buckets, looks))

    def chosen(self, streams: Sequence[StreamId]) -> Sequence[StreamId]:
        """Those to look at, of streams by their oldest entry."""
        return streams[-NEWEST_STREAMS:]

    def note(self, reached: Mapping[StreamId, int]) -> None:
        """Learn where commits end from what has applied them."""
        for stream, version in reached.items():
            self._applied[stream] = max(version, self._applied.get(stream, 0))

    def throughput(self, now: datetime) -> Throughput:
        """What was recorded within the last minute, or for as long as all commits are known."""
        full = [found[-1].recorded_at for found in self._found.values() if len(found) == self._size]
        since = max([now - MINUTE, *full])
        entries, _ = self.since({}, since)
        first: dict[StreamId, int] = {}
        last: dict[StreamId, int] = {}
        for entry in entries:
            first.setdefault(entry.stream, entry.position)
            last[entry.stream] = max(entry.position, self._applied.get(entry.stream, 0))
        events = sum(last[stream] - first[stream] + 1 for stream in first)
        return Throughput((now - since).total_seconds(), len(entries), events)

    def _newest(self, table: CommitTable, bucket: int) -> list[LogEntry]:
        return list(islice(table.log_behind(bucket, LAST, self._size, newest_first=True), self._size))

    def _recent(self, bucket: int, after: datetime) -> list[LogEntry]:
        return [entry for entry in self._found[bucket] if entry.recorded_at >= after]

    def _reaches_back(self, bucket: int, recent: Sequence[LogEntry]) -> bool:
        return len(recent) < self._size or len(recent) < len(self._found[bucket])


def _merged(looks: Iterable[Iterable[LogEntry]]) -> list[LogEntry]:
    return sorted((entry for found in looks for entry in found), key=lambda entry: entry.recorded_at)


class StatusReader:
    """Looks at projections, at a cost that does not grow with the log.

    A look costs one query for the number of buckets; for each projection, one query of each bucket, which is shared by
    projections that caught up together; one batch read for 100 streams that moved since the last catch-up, up to
    ``STREAMS_LOOKED_AT``; and one query for each generation, with one batch read more when streams are parked there.
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
        self._clock = clock

    def all(self) -> list[ProjectionStatus]:
        """The status of every projection. Raises ``StoreUnavailable``."""
        self._states.forget()
        states, log = self._states.get(), _RecentLog(self._store.log_buckets(), cache(self._look))
        return [self._status(states[name], log) for name in self._projectors.names]

    def overview(self) -> tuple[list[ProjectionStatus], Throughput]:
        """The status of every projection and what was recorded of late, by the newest commits only.

        One batch read for the states; the newest commits; for each projection, one batch read for how far its catch-up
        has come, one of the newest streams that moved since, and what ``all`` reads of its parked streams.

        Raises
        ------
        StoreUnavailable
        """
        self._states.forget()
        states, newest = self._states.get(), NewestCommits(self._store.table)
        statuses = [self._status(states[name], newest) for name in self._projectors.names]
        return statuses, newest.throughput(self._clock())

    def one(self, projection: str) -> ProjectionStatus:
        """The status of one projection. Raises ``ConfigurationError`` when there is none, ``StoreUnavailable``."""
        self._projectors.check(projection)
        self._states.forget()
        log = _RecentLog(self._store.log_buckets(), self._look)
        return self._status(self._states.get()[projection], log)

    def _status(self, state: ProjectionState, log: _RecentLog | NewestCommits) -> ProjectionStatus:
        projectors = self._projectors.of(state.projection)
        parked, parked_complete = parked_streams(projectors)
        aside = {each.failure.stream for each in parked if each.generation == state.live} | set(state.parked)
        return ProjectionStatus(
            projection=state.projection,
            status=self._status_of(state),
            live=state.live,
            generations=state.generations,
            pause=state.pause,
            parked=parked,
            parked_complete=parked_complete,
            lag=self._lag(projectors[0], aside, log),
        )

    def _status_of(self, state: ProjectionState) -> Status:
        outdated = state.outdated(self._projectors.version(state.projection))
        return Status.OUTDATED if outdated and state.status is Status.ACTIVE else state.status

    def _lag(self, live: AnyProjector, aside: Collection[StreamId], log: _RecentLog | NewestCommits) -> Lag:
        entries, complete = log.since(self._checkpoints.get(live.generation, log.buckets), live.since)
        own = [
            entry
            for entry in entries
            if self._projectors.reads(live.generation.projection, entry.stream) and entry.stream not in aside
        ]
        streams = list(dict.fromkeys(entry.stream for entry in own))
        looked_at = log.chosen(streams)
        reached = {**dict.fromkeys(looked_at, 0), **live.checkpoints(looked_at)}
        log.note(reached)
        missing = [entry for entry in own if entry.position > reached.get(entry.stream, entry.position)]
        newest = {entry.stream: entry.position for entry in missing}
        events = sum(position - reached[stream] for stream, position in newest.items())
        return Lag(events, self._age(missing), complete and looked_at == streams)

    def _look(self, bucket: int, after: datetime) -> list[LogEntry]:
        return list(islice(self._store.log(bucket, after), ENTRIES_A_BUCKET))

    def _age(self, missing: Sequence[LogEntry]) -> int:
        oldest = min((entry.recorded_at for entry in missing), default=None)
        return max(0, round((self._clock() - oldest) / MILLISECOND)) if oldest else 0


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
        moments = (
            self._moved(state, info.number, info.started_at, UNFINISHED[info.stage])
            for info in state.generations
            if info.stage in UNFINISHED
        )
        return self._since(min((moment for moment in moments if moment), default=None))

    def _moved(self, state: ProjectionState, number: int, started_at: datetime, end: BuildPhase) -> datetime | None:
        build = self._builds.build(state.generation(number))
        segments: Sequence[Segment] = self._builds.segments(build) if build else ()
        if segments and all(segment.phase.reached(end) for segment in segments):
            return None
        return max([started_at, *(segment.updated_at for segment in segments if segment.updated_at)])

    def _since(self, moment: datetime | None) -> float:
        return max(0.0, (self._clock() - moment).total_seconds()) if moment else 0.0
