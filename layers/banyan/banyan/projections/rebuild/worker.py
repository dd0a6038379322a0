"""The work of a rebuild: one segment at a time, from checkpoint to checkpoint."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from banyan.jobs import Job
from banyan.projections.base import MAX_LOOKUPS, Projection
from banyan.projections.processor import make_projector
from banyan.projections.projector import CommitSource
from banyan.projections.rebuild.builds import (
    Build,
    BuildPhase,
    Builds,
    GenerationRows,
    Meter,
    Segment,
    SegmentMoved,
    Work,
    WorkQueue,
)
from banyan.projections.rebuild.comparing import Comparing
from banyan.projections.rebuild.filling import Filling, Portions, Walk
from banyan.projections.snapshotter import Snapshotter
from banyan.projections.state import GenerationInfo, ProjectionState, ProjectionStates, Stage, change
from banyan.projections.views import Generation, Views
from banyan.spread import Spread, in_turn
from banyan.store import EventStore
from banyan.store.eventstore import Clock, utc_now

MARGIN_SECONDS: Final = 20.0
LONGEST_DELAY_SECONDS: Final = 900
DELETES_AT_ONCE: Final = 500
BURST_SECONDS: Final = 1.0
WORKED: Final = frozenset({Stage.BUILDING, Stage.DROPPING})

Step = Callable[[Build, Segment], Iterator[Segment]]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a rebuild goes.

    Parameters
    ----------
    workers : int
        Segments that are worked on at once; they share the write rate.
    settle : timedelta
        After the start, until every projector writes to the new generation.
    grace : timedelta
        After the end of a generation, until no projector writes to it any more.
    """

    workers: int = 2
    settle: timedelta = timedelta(seconds=5)
    grace: timedelta = timedelta(seconds=90)

    def share(self, build: Build) -> float:
        """What one worker may consume, write units per second."""
        return build.write_rate / self.workers


@dataclass(frozen=True, slots=True)
class RebuildSteps:
    """What is done in each phase of a generation's build.

    Parameters
    ----------
    meter : Meter
        What this process consumes.
    pause : Callable[[], None]
        Between two looks at rows that differ.
    spread : Spread
        How the streams of a segment are worked on, those that are read from the event table at once.
    """

    projections: Sequence[Projection]
    store: EventStore
    views: Views
    rows: GenerationRows
    snapshots: Snapshotter
    meter: Meter
    pace: Pace
    pause: Callable[[], None]
    clock: Clock
    spread: Spread = in_turn

    def of(self, generation: Generation) -> Mapping[BuildPhase, Step]:
        """Steps by phase; of a projection that the code no longer has, only the deleting."""
        dropping: dict[BuildPhase, Step] = {BuildPhase.DROPPING: self._drop}
        projection = next((each for each in self.projections if each.name == generation.projection), None)
        return self._building(projection, generation) | dropping if projection else dropping

    def _building(self, projection: Projection, generation: Generation) -> dict[BuildPhase, Step]:
        walk = Walk(self.store, projection.entities)
        projector = make_projector(
            projection, self.views, self.clock, generation, CommitSource(self.store), self.spread
        )
        filling = Filling(projector, walk, self._portions, self.views, self.snapshots, self.clock)
        comparing = Comparing(projection, walk, self.views, self.rows, self.pause, self.clock)
        return {
            BuildPhase.COUNTING: filling.count,
            BuildPhase.HEALING: filling.fill,
            BuildPhase.CATCHING_UP: filling.catch_up,
            BuildPhase.COMPARING: comparing.compare,
        }

    def _drop(self, build: Build, segment: Segment) -> Iterator[Segment]:
        """Delete the rows and cursors of a generation that nothing reads or writes any more."""
        position, most = segment.position, self._deletes(build)
        while position := self.rows.drop(build.generation, segment.number, build.segments, position, most):
            yield replace(segment, position=position)
        yield replace(segment, phase=BuildPhase.DROPPED, position=None)

    def _portions(self, build: Build) -> Portions:
        return Portions(self.pace.share(build) * BURST_SECONDS, self.meter)

    def _deletes(self, build: Build) -> int:
        """How many rows a second's share deletes, if each is in every lookup."""
        return max(min(int(self.pace.share(build) * BURST_SECONDS / (1 + MAX_LOOKUPS)), DELETES_AT_ONCE), 1)


class Throttle:
    """A token bucket of write units: one second's worth may be saved up, from the beginning on.

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
        self._paid_until = monotonic()

    def spend(self, units: float) -> float:
        """Take units that were consumed, and return how long to wait before consuming more, seconds."""
        now = self._monotonic()
        self._paid_until = max(self._paid_until, now - BURST_SECONDS) + units / self._rate
        return max(self._paid_until - now, 0.0)


class RebuildWorker:
    """Continues segments. It may be killed anywhere: the message comes back, and the checkpoint says where to continue.

    Parameters
    ----------
    steps : Callable[[Generation], Mapping[BuildPhase, Step]]
        What is done in each phase of a generation's build.
    clock, monotonic, sleep
        Replace the defaults, in tests.
    """

    def __init__(
        self,
        steps: Callable[[Generation], Mapping[BuildPhase, Step]],
        projection_states: ProjectionStates,
        builds: Builds,
        queue: WorkQueue,
        meter: Meter,
        pace: Pace,
        *,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._steps = steps
        self._projection_states = projection_states
        self._builds = builds
        self._queue = queue
        self._meter = meter
        self._pace = pace
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep

    def work(self, work: Work, remaining: Callable[[], float]) -> None:
        """Continue a segment until it is done, has to wait, or time runs out; the rest is put into the queue again.

        Parameters
        ----------
        remaining : Callable[[], float]
            Seconds until this process is stopped.

        Raises
        ------
        BatchFailed
            Most streams cannot be applied: mend the code, then let the message come back.
        StoreUnavailable
        """
        build = self._builds.build(work.generation)
        if build is None:
            return
        segment = self._builds.segments(build)[work.segment]
        throttle = Throttle(self._pace.share(build), self._monotonic)
        try:
            for reached in self._job(build).places(segment):
                wait = throttle.spend(reached.write_units - segment.write_units)
                segment = reached
                if wait + MARGIN_SECONDS > remaining():
                    self._later(build, segment, wait)
                    return
                self._sleep(wait)
        except SegmentMoved:
            _logger.info("another process continues segment %d of %s", work.segment, work.generation)

    def _job(self, build: Build) -> Job[Segment]:
        """The work on a segment; its last step yields nothing."""
        spent = self._meter.read_units, self._meter.write_units

        def keep(segment: Segment, /, *, instead_of: Segment) -> Segment:
            nonlocal spent
            before, spent = spent, (self._meter.read_units, self._meter.write_units)
            kept = replace(
                segment,
                read_units=instead_of.read_units + spent[0] - before[0],
                write_units=instead_of.write_units + spent[1] - before[1],
                updated_at=self._clock(),
                revision=instead_of.revision,
            )
            return self._builds.put(build.generation, kept)

        return Job(lambda segment: self._step(build, segment), keep, lambda _: False)

    def _step(self, build: Build, segment: Segment) -> Iterator[Segment]:
        """Continue the phase that a segment is in, until an operator decides otherwise."""
        info = self._info(build)
        if info is None:
            self._builds.forget(build)
        if info is None or info.stage not in WORKED:
            return
        if info.stage is Stage.DROPPING and not segment.phase.reached(BuildPhase.DROPPING):
            segment = replace(segment, phase=BuildPhase.DROPPING, position=None)
        step = self._steps(build.generation).get(segment.phase)
        if step is None:
            yield from self._meet(build, segment)
            return
        delay = (self._begin(build, segment.phase, info) - self._clock()).total_seconds()
        if delay > 0:
            self._later(build, segment, delay)
            return
        for reached in step(build, segment):
            yield reached
            now = self._info(build)
            if now is None or now.stage is not info.stage:
                return

    def _meet(self, build: Build, segment: Segment) -> Iterator[Segment]:
        """Where a segment waits until all have come as far; a segment wakes the next one before it continues."""
        segments = self._builds.segments(build)
        if not all(other.phase.reached(segment.phase) for other in segments):
            return
        if segment.phase is BuildPhase.CAUGHT_UP:
            following = segments[(segment.number + 1) % len(segments)]
            if following.phase is BuildPhase.CAUGHT_UP and following.number != segment.number:
                self._queue.send([Work(build.generation, following.number)])
            yield replace(segment, phase=BuildPhase.COMPARING)
        elif segment.phase is BuildPhase.COMPARED:
            finish(self._projection_states, build, segments, self._clock())
        else:
            forget(self._projection_states, self._builds, build)

    def _later(self, build: Build, segment: Segment, seconds: float) -> None:
        delay = min(ceil(seconds), LONGEST_DELAY_SECONDS)
        self._queue.send([Work(build.generation, segment.number)], delay_seconds=delay)

    def _begin(self, build: Build, phase: BuildPhase, info: GenerationInfo) -> datetime:
        """The earliest moment of a phase."""
        if phase is BuildPhase.CATCHING_UP:
            return build.started_at + self._pace.settle
        return info.changed_at + self._pace.grace if phase is BuildPhase.DROPPING else build.started_at

    def _info(self, build: Build) -> GenerationInfo | None:
        state = self._projection_states.get([build.generation.projection])[build.generation.projection]
        return next((info for info in state.generations if info.number == build.generation.number), None)


def finish(projection_states: ProjectionStates, build: Build, segments: Sequence[Segment], now: datetime) -> None:
    """Say that a build is complete, and let queries read it if that was asked for and nothing differs.

    What another version of the projection made is expected to differ, and so is what a new projection has not got yet.
    """
    number = build.generation.number
    failed, equal = any(segment.failed for segment in segments), not any(segment.different for segment in segments)

    def ready(state: ProjectionState) -> ProjectionState:
        info = state.info(number)
        if info.stage is not Stage.BUILDING:
            return state
        done = state.readied(number, now)
        right = not failed and (equal or build.first or state.outdated(info.version))
        return done.switched(number, now) if right and build.switch_when_equal and state.live == build.base else done

    state = change(projection_states, build.generation.projection, ready)
    outcome = "equal" if equal and not failed else "differs"
    _logger.info("%s is complete and %s", build.generation, outcome, extra={"live": state.live})


def forget(projection_states: ProjectionStates, builds: Builds, build: Build) -> None:
    """Leave out a generation whose rows are gone, then what is known about its build."""
    number = build.generation.number

    def without(state: ProjectionState) -> ProjectionState:
        known = any(info.number == number for info in state.generations)
        return state.forgotten(number) if known else state

    change(projection_states, build.generation.projection, without)
    builds.forget(build)
