"""Rebuilding projections, as an operator sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any, Final

from pydantic import computed_field

from banyan.errors import ConfigurationError, TransitionRejected
from banyan.events import CamelModel
from banyan.projections.base import RESERVED_NAMES, Projection
from banyan.projections.check import Difference
from banyan.projections.rebuild.builds import (
    Build,
    BuildPhase,
    Builds,
    Segment,
    Stuck,
    Work,
    WorkQueue,
    least_phase,
    updated_at,
)
from banyan.projections.state import ProjectionState, ProjectionStates, Stage, change
from banyan.projections.views import Generation
from banyan.store.eventstore import Clock, utc_now

READERS_CATCH_UP: Final = timedelta(seconds=10)
FIRST: Final = 10
SUMS: Final = ("streams", "events", "failed", "compared", "in_flight", "different", "read_units", "write_units")


class Progress(CamelModel):
    """The state of a rebuild.

    Parameters
    ----------
    generation, base : int
        What is built, and what it is compared with.
    first : bool
        The live generation had not seen all of the log yet.
    phase : BuildPhase
        Of the segment that has come least far.
    streams : int
        Streams applied so far.
    total : int, optional
        Streams to apply, once all segments are counted.
    events : int
        Events in the rows so far.
    events_per_second : float
        Since the start.
    eta_seconds : float, optional
        Until the last stream is applied, at the rate so far.
    read_units, write_units : float
        Capacity consumed.
    failed : int
        Streams that could not be applied to their end.
    stuck : tuple[Stuck, ...]
        The first of those.
    compared, in_flight, different : int
        Rows that were compared, that moved too fast to be judged, and that differ (a segment stops at 100).
    differences : tuple[Difference, ...]
        The first of those.
    updated_at : datetime
        When a segment moved last.
    """

    projection: str
    generation: int
    base: int
    first: bool
    stage: Stage
    phase: BuildPhase
    streams: int
    total: int | None
    events: int
    events_per_second: float
    eta_seconds: float | None
    read_units: float
    write_units: float
    failed: int
    stuck: tuple[Stuck, ...]
    compared: int
    in_flight: int
    different: int
    differences: tuple[Difference, ...]
    started_at: datetime
    updated_at: datetime

    @computed_field  # type: ignore[prop-decorator]
    @property
    def equal(self) -> bool:
        """Whether all was compared, everything was applied and nothing differs that was to be equal."""
        return self.phase.reached(BuildPhase.COMPARED) and (self.first or not self.different) and not self.failed


def progress_of(build: Build, stage: Stage, segments: Sequence[Segment]) -> Progress:
    """Add up what the segments of a build say."""
    moved_at = updated_at(build, segments)
    seconds = (moved_at - build.started_at).total_seconds()
    totals = [segment.total for segment in segments]
    total = None if None in totals else sum(filter(None, totals))
    sums: dict[str, Any] = {name: sum(getattr(segment, name) for segment in segments) for name in SUMS}
    streams, events = sums["streams"], sums["events"]
    return Progress(
        **sums,
        projection=build.generation.projection,
        generation=build.generation.number,
        base=build.base,
        first=build.first,
        stage=stage,
        phase=least_phase(segments),
        total=total,
        events_per_second=events / seconds if seconds else 0.0,
        eta_seconds=max(total - streams, 0) * seconds / streams if total is not None and streams else None,
        stuck=tuple(chain.from_iterable(segment.stuck for segment in segments))[:FIRST],
        differences=tuple(chain.from_iterable(segment.differences for segment in segments))[:FIRST],
        started_at=build.started_at,
        updated_at=moved_at,
    )


class Rebuild:
    """Begins, watches and ends the rebuilds of projections; the work itself is done by ``RebuildWorker``.

    Parameters
    ----------
    log_buckets : Callable[[], range]
        The buckets of the log, as of now.
    write_rate : int
        Write units per second that one rebuild may consume, unless another rate is asked for.
    walked : Callable[[Generation], bool]
        Whether a generation has seen all of the log.
    """

    def __init__(
        self,
        projections: Sequence[Projection],
        projection_states: ProjectionStates,
        builds: Builds,
        queue: WorkQueue,
        log_buckets: Callable[[], range],
        write_rate: int,
        walked: Callable[[Generation], bool] = lambda _: True,
        clock: Clock = utc_now,
    ) -> None:
        self._projections = {projection.name: projection.version for projection in projections}
        self._projection_states = projection_states
        self._builds = builds
        self._queue = queue
        self._log_buckets = log_buckets
        self._write_rate = write_rate
        self._walked = walked
        self._clock = clock

    def start(
        self,
        projection: str,
        *,
        switch_when_equal: bool = False,
        write_rate: int | None = None,
        generation: int | None = None,
    ) -> Progress:
        """Build the next generation beside the live one; one that was begun already continues.

        Parameters
        ----------
        switch_when_equal : bool
            Let queries read the new generation as soon as it is complete and no row differs.
        write_rate : int, optional
            Write units per second.
        generation : int, optional
            The one that is to continue; none is begun then.

        Raises
        ------
        ConfigurationError
            There is no such projection.
        TransitionRejected
            A generation waits for its switch, an older version of the projection began one, or it is another one.
        """
        state, version = self._known(projection), self._projections[projection]
        unfinished = state.unfinished
        if generation is not None and (unfinished is None or unfinished.number != generation):
            raise TransitionRejected(f"generation {generation} of {projection!r} is not being built")
        if unfinished is None or unfinished.stage is not Stage.BUILDING:
            state = self._projection_states.put(state.begun(self._clock(), version))
        elif unfinished.version not in (None, version):
            raise TransitionRejected(
                f"version {unfinished.version} of {projection!r} began generation {unfinished.number}: cancel it first"
            )
        return self._send(state, state.newest, partial(self._plan, switch=switch_when_equal, rate=write_rate))

    def switch(self, projection: str, generation: int | None = None) -> ProjectionState:
        """Let queries read a generation that is ready, the newest unless another is named, or one that was kept.

        Raises
        ------
        ConfigurationError, TransitionRejected
        """
        number = self._known(projection).newest if generation is None else generation
        return change(self._projection_states, projection, lambda state: state.switched(number, self._clock()))

    def cancel(self, projection: str, generation: int | None = None) -> Progress:
        """Give up the generation that is being built or waits for its switch, and delete what it has.

        Parameters
        ----------
        generation : int, optional
            The one that is meant, of which another may have taken the place.

        Raises
        ------
        ConfigurationError, TransitionRejected
        """
        state = self._known(projection)
        number = generation or (state.unfinished.number if state.unfinished else state.newest)
        return self._drop(state, number, lambda state: state.cancelled(number, self._clock()))

    def drop(self, projection: str, generation: int) -> Progress:
        """Delete a generation that was kept for the way back.

        Raises
        ------
        ConfigurationError, TransitionRejected
        """
        return self._drop(
            self._known(projection),
            generation,
            lambda state: state.dropped(generation, self._clock(), READERS_CATCH_UP),
        )

    def remove(self, projection: str) -> Sequence[Progress]:
        """Delete all that is left of a projection which the domain does not have any more.

        Raises
        ------
        ConfigurationError
            The domain still has it, or the name is the engine's own.
        """
        if projection in self._projections or projection in RESERVED_NAMES:
            raise ConfigurationError(f"{projection!r} is in use: only what was given up can be removed")
        state = self._projection_states.get([projection])[projection]
        if not any(info.stage is Stage.DROPPING for info in state.generations):
            state = change(self._projection_states, projection, lambda state: state.retired(self._clock()))
        return [self._send(state, info.number) for info in state.generations if info.stage is Stage.DROPPING]

    def progress(self, projection: str, generation: int | None = None) -> Progress:
        """How far a generation's build has come, that of the newest one unless another is named.

        Raises
        ------
        ConfigurationError
        TransitionRejected
            It was never built, or is gone already.
        """
        state = self._known(projection)
        wanted = state.generation(state.newest if generation is None else generation)
        build = self._builds.build(wanted)
        if build is None:
            raise TransitionRejected(f"there is no rebuild of {wanted}")
        return progress_of(build, state.info(wanted.number).stage, self._builds.segments(build))

    def _drop(
        self, state: ProjectionState, number: int, transition: Callable[[ProjectionState], ProjectionState]
    ) -> Progress:
        if state.info(number).stage is not Stage.DROPPING:
            state = change(self._projection_states, state.projection, transition)
        return self._send(state, number)

    def _send(
        self, state: ProjectionState, number: int, plan: Callable[[Generation, int], Build] | None = None
    ) -> Progress:
        """Let the worker continue a generation, from wherever it stands; one that has no plan yet gets one."""
        generation = state.generation(number)
        build = self._builds.build(generation)
        if build is None:
            build = (plan or self._plan)(generation, state.live)
            self._builds.begin(build)
        self._queue.send([Work(generation, segment) for segment in range(build.segments)])
        return progress_of(build, state.info(number).stage, self._builds.segments(build))

    def _plan(self, generation: Generation, base: int, *, switch: bool = False, rate: int | None = None) -> Build:
        live = Generation(generation.projection, base)
        first = self._builds.build(live) is None and not self._walked(live)
        segments = len(self._log_buckets())
        return Build(generation, base, segments, rate or self._write_rate, switch, self._clock(), first)

    def _known(self, projection: str) -> ProjectionState:
        if projection not in self._projections:
            known = ", ".join(sorted(self._projections)) or "none"
            raise ConfigurationError(f"there is no projection {projection!r}: choose one of {known}")
        return self._projection_states.get([projection])[projection]
