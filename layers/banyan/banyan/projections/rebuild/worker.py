"""The work of a rebuild: one segment at a time, from checkpoint to checkpoint."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from banyan.projections.control import Controls, GenerationInfo, Stage
from banyan.projections.rebuild.base import (
    Build,
    CheckpointMoved,
    Checkpoints,
    Meter,
    Phase,
    Segment,
    Work,
    WorkQueue,
)
from banyan.projections.rebuild.changes import finish, forget
from banyan.projections.rebuild.throttle import Throttle
from banyan.projections.views import Generation
from banyan.store.eventstore import Clock, utc_now

MARGIN_SECONDS: Final = 20.0
LONGEST_DELAY_SECONDS: Final = 900
WORKED: Final = frozenset({Stage.BUILDING, Stage.DROPPING})

Step = Callable[[Build, Segment], Iterator[Segment]]
Steps = Callable[[Generation], Mapping[Phase, Step]]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a rebuild goes.

    Parameters
    ----------
    workers : int
        Segments that are worked on at once; they share the write rate.
    settle : timedelta
        Behind the start, until every projector writes to the new generation.
    grace : timedelta
        Behind the end of a generation, until no projector writes to it any more.
    """

    workers: int = 2
    settle: timedelta = timedelta(seconds=5)
    grace: timedelta = timedelta(seconds=90)


class RebuildWorker:
    """Goes on with segments. It may be killed anywhere: the message comes back, and the checkpoint says where to go on.

    Parameters
    ----------
    steps : Callable[[Generation], Mapping[Phase, Step]]
        What is done in each phase of a generation's build.
    controls : Controls
    checkpoints : Checkpoints
    queue : WorkQueue
    meter : Meter
    pace : Pace
    clock, monotonic, sleep
        Replace the defaults, in tests.
    """

    def __init__(
        self,
        steps: Steps,
        controls: Controls,
        checkpoints: Checkpoints,
        queue: WorkQueue,
        meter: Meter,
        pace: Pace,
        *,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._steps = steps
        self._controls = controls
        self._checkpoints = checkpoints
        self._queue = queue
        self._meter = meter
        self._pace = pace
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep

    def work(self, work: Work, remaining: Callable[[], float]) -> None:
        """Go on with a segment until it is done, has to wait, or time runs out; the rest is put into the queue again.

        Parameters
        ----------
        work : Work
        remaining : Callable[[], float]
            Seconds until this process is stopped.

        Raises
        ------
        BatchFailed
            Most streams cannot be taken in: mend the code, then let the message come back.
        StoreUnavailable
        """
        build = self._checkpoints.build(work.generation)
        if build is None:
            return
        turn = _Turn(build, remaining, Throttle(build.write_rate / self._pace.workers, self._monotonic))
        segment: Segment | None = self._checkpoints.segments(build)[work.segment]
        try:
            while segment:
                segment = self._go_on(turn, segment)
        except CheckpointMoved:
            _logger.info("somebody else goes on with segment %d of %s", work.segment, work.generation)

    def _go_on(self, turn: _Turn, segment: Segment) -> Segment | None:
        """The segment behind the phase it is in; ``None`` when there is nothing more to do now."""
        info = self._info(turn.build)
        if info is None:
            self._checkpoints.forget(turn.build)
        if info is None or info.stage not in WORKED:
            return None
        if info.stage is Stage.DROPPING and not segment.phase.reached(Phase.DROPPING):
            segment = replace(segment, phase=Phase.DROPPING, position=None)
        step = self._steps(turn.build.generation).get(segment.phase)
        if step is None:
            return self._meet(turn.build, segment)
        delay = (self._begin(turn.build, segment.phase, info) - self._clock()).total_seconds()
        if delay > 0:
            self._later(turn.build, segment, delay)
            return None
        return self._run(turn, step, segment)

    def _run(self, turn: _Turn, step: Step, segment: Segment) -> Segment | None:
        phase, stage = segment.phase, self._stage(turn.build)
        before = self._meter.read_units, self._meter.write_units
        for advanced in step(turn.build, segment):
            now = self._meter.read_units, self._meter.write_units
            segment = self._keep(turn.build, segment, advanced, now[0] - before[0], now[1] - before[1])
            wait = turn.throttle.spend(now[1] - before[1])
            if wait + MARGIN_SECONDS > turn.remaining():
                self._later(turn.build, segment, wait)
                return None
            self._sleep(wait)
            if segment.phase is not phase or self._stage(turn.build) is not stage:
                break
            before = now
        return segment

    def _meet(self, build: Build, segment: Segment) -> Segment | None:
        """Where a segment waits until all have come as far; whoever goes on tells the next one first."""
        segments = self._checkpoints.segments(build)
        if not all(other.phase.reached(segment.phase) for other in segments):
            return None
        if segment.phase is Phase.CAUGHT_UP:
            following = segments[(segment.number + 1) % len(segments)]
            if following.phase is Phase.CAUGHT_UP and following.number != segment.number:
                self._queue.send([Work(build.generation, following.number)])
            return self._keep(build, segment, replace(segment, phase=Phase.COMPARING))
        if segment.phase is Phase.COMPARED:
            finish(self._controls, build, segments, self._clock())
        else:
            forget(self._controls, self._checkpoints, build)
        return None

    def _later(self, build: Build, segment: Segment, seconds: float) -> None:
        delay = min(ceil(seconds), LONGEST_DELAY_SECONDS)
        self._queue.send([Work(build.generation, segment.number)], delay_seconds=delay)

    def _keep(self, build: Build, kept: Segment, advanced: Segment, reads: float = 0.0, writes: float = 0.0) -> Segment:
        return self._checkpoints.put(
            build.generation,
            replace(
                advanced,
                read_units=kept.read_units + reads,
                write_units=kept.write_units + writes,
                updated_at=self._clock(),
                revision=kept.revision,
            ),
        )

    def _begin(self, build: Build, phase: Phase, info: GenerationInfo) -> datetime:
        """The earliest moment of a phase."""
        if phase is Phase.CATCHING_UP:
            return build.started_at + self._pace.settle
        return info.changed_at + self._pace.grace if phase is Phase.DROPPING else build.started_at

    def _info(self, build: Build) -> GenerationInfo | None:
        control = self._controls.get([build.generation.projection])[build.generation.projection]
        return next((info for info in control.generations if info.number == build.generation.number), None)

    def _stage(self, build: Build) -> Stage | None:
        info = self._info(build)
        return info.stage if info else None


@dataclass(frozen=True, slots=True)
class _Turn:
    """One message on its way."""

    build: Build
    remaining: Callable[[], float]
    throttle: Throttle
