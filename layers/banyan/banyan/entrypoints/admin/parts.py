"""What an overview is put together from: each part read by itself, bounded, and cheap enough to be read often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from banyan.bootstrap import Application
from banyan.deadlines.base import Waiting
from banyan.entrypoints.admin.projections import LagAnswer, PauseAnswer
from banyan.entrypoints.admin.reconciliation import ReconciliationAnswer, standing_of
from banyan.errors import StoreUnavailable, TransitionRejected
from banyan.events import CamelModel
from banyan.projections.lag import Throughput
from banyan.projections.operations import ParkedStream, ProjectionStatus
from banyan.projections.rebuild.builds import standing_since
from banyan.projections.rebuild.rebuild import Progress
from banyan.projections.state import GenerationInfo, Stage, Status
from banyan.reactions.base import REACTOR
from banyan.streams import END_OF_TIME

if TYPE_CHECKING:
    from banyan.migration.checks.health import Overview

COUNTED: Final = 50
"""Deadlines of each kind; that more wait would change nothing."""
NOT_LIVE_YET: Final = frozenset({Stage.BUILDING, Stage.READY})
WORKED_ON: Final = frozenset({*NOT_LIVE_YET, Stage.DROPPING})


class RateAnswer(CamelModel):
    """What was recorded within the last ``seconds``: a minute, or less when a look at the log does not show so much.

    ``complete`` is false in the latter case. Of each stream's newest commit only the first event is counted until a
    projection or the reactor has applied it.
    """

    seconds: float
    commits: int
    events: int
    events_per_second: float
    complete: bool


class ProjectionOverview(CamelModel):
    """How a projection or the reactor does; ``rebuild`` is the stage of a generation that is not live yet.

    ``parked`` are streams; ``parkedComplete`` is false when there may be more. ``lag`` is that of the newest commits: a
    lower bound unless it is ``complete``.
    """

    projection: str
    status: Status
    live: int
    pause: PauseAnswer | None
    lag: LagAnswer
    parked: int
    parked_complete: bool
    rebuild: Stage | None


class DeadlinesOverview(CamelModel):
    """Deadlines, at most 50 of those that are due or wait and of the parked; ``complete`` is false when there are more.

    ``oldestDue`` is since when the oldest one is due, ``next`` when the next one will be.
    """

    due: int
    waiting: int
    parked: int
    oldest_due: datetime | None
    next: datetime | None
    complete: bool


class MigrationOverview(CamelModel):
    """Where a migration stands and how it does; its numbers are null where nothing is judged."""

    entity: str
    step: str
    moving_to: str | None
    since: datetime | None
    next: str | None
    next_by: str | None
    waits_for: Sequence[str]
    held: str
    lag_ms: int | None
    mismatch_rate: float | None
    half_done: int | None
    parked: int


class IngestOverview(CamelModel):
    """About how many records are parked."""

    parked: int


@dataclass(frozen=True, slots=True)
class GenerationWork:
    """A generation that is not live yet or being deleted, and how far that has come."""

    info: GenerationInfo
    progress: Progress

    @property
    def standing_since(self) -> datetime | None:
        """Since when nothing was done on it; nothing where no work is left."""
        return standing_since(self.info, self.progress.phase, self.progress.updated_at)


@dataclass(frozen=True, slots=True)
class Projections:
    """How projections and the reactor stand, what was recorded of late, and what is rebuilt or deleted."""

    statuses: Sequence[ProjectionStatus]
    throughput: Throughput
    works: Sequence[GenerationWork]


@dataclass(frozen=True, slots=True)
class FoundDeadlines:
    """The first deadlines that are due or wait, the first that are parked, and the time."""

    kept: Sequence[Waiting]
    parked: Sequence[Waiting]
    now: datetime

    @property
    def due(self) -> Sequence[Waiting]:
        """Those whose time has come."""
        return [each for each in self.kept if each.due <= self.now]


@dataclass(frozen=True, slots=True)
class Compared:
    """How the reconciliation stands, and without a report, since when there has been something to compare."""

    standing: ReconciliationAnswer
    begun: datetime | None


def read_projections(app: Application) -> Projections:
    """How projections and the reactor stand. Raises ``StoreUnavailable``."""
    statuses, throughput = app.operations.overview()
    works = [work for each in statuses for work in _works(app, each)]
    return Projections(statuses, throughput, works)


def _works(app: Application, status: ProjectionStatus) -> Iterator[GenerationWork]:
    """What is rebuilt or deleted of a projection; nothing of what is only just begun or gone meanwhile."""
    for info in status.generations if status.projection != REACTOR.projection else ():
        if info.stage in WORKED_ON:
            with suppress(TransitionRejected):
                yield GenerationWork(info, app.rebuilds.rebuild.progress(status.projection, info.number))


def read_deadlines(app: Application) -> FoundDeadlines | None:
    """Some deadlines, where there are any at all. Raises ``StoreUnavailable``."""
    if app.settings.reactions == "off":
        return None
    found = app.deadlines.due(END_OF_TIME, COUNTED + 1), app.deadlines.parked(COUNTED + 1)
    kept, parked = map(list, found)
    return FoundDeadlines(kept, parked, app.clock())


def read_reconciliation(app: Application) -> Compared:
    """How the reconciliation stands. Raises ``StoreUnavailable``."""
    standing = standing_of(app)
    return Compared(standing, None if standing.latest else app.log_beginning.at())


def read_migration(app: Application) -> Overview | None:
    """Where the migration stands, if there is one.

    Raises
    ------
    StoreUnavailable
        The legacy system does not answer, too: how the migration does is not known then.
    """
    found = app.migration.observer.overview() if app.migration else None
    if found and found.unknown:
        raise StoreUnavailable(found.unknown)
    return found


def read_ingest(app: Application) -> IngestOverview | None:
    """How many records are parked, if a stream is ingested. Raises ``StoreUnavailable``."""
    return IngestOverview(parked=app.parked_queue.waiting()) if app.queues.ingest_failures else None


def rate_answer(found: Projections) -> RateAnswer:
    """What was recorded of late, as it is answered."""
    of_late = found.throughput
    return RateAnswer(
        seconds=of_late.seconds,
        commits=of_late.commits,
        events=of_late.events,
        events_per_second=of_late.events / of_late.seconds,
        complete=of_late.whole_minute,
    )


def projections_answer(found: Projections) -> list[ProjectionOverview]:
    """Every projection and the reactor, as they are answered."""
    return [
        ProjectionOverview(
            projection=each.projection,
            status=each.status,
            live=each.live,
            pause=PauseAnswer.model_validate(each.pause) if each.pause else None,
            lag=LagAnswer.model_validate(each.lag),
            parked=len(parked_by_stream(each)),
            parked_complete=each.parked_complete,
            rebuild=_rebuild(each),
        )
        for each in found.statuses
    ]


def deadlines_answer(found: FoundDeadlines) -> DeadlinesOverview:
    """Deadlines as they are answered."""
    kept, parked, due = found.kept[:COUNTED], found.parked[:COUNTED], found.due[:COUNTED]
    return DeadlinesOverview(
        due=len(due),
        waiting=len(kept) - len(due),
        parked=len(parked),
        oldest_due=due[0].due if due else None,
        next=kept[len(due)].due if len(kept) > len(due) else None,
        complete=len(found.kept) <= COUNTED >= len(found.parked),
    )


def migration_answer(found: Overview) -> MigrationOverview:
    """A migration as it is answered, in short."""
    from banyan.migration.phases.aggregate import Step

    health, coming = found.health, found.next
    return MigrationOverview(
        entity=found.entity,
        step=str(Step(phase=found.phase, percentage=found.percentage)),
        moving_to=str(found.moving_to) if found.moving_to else None,
        since=found.since,
        next=str(coming.step) if coming else None,
        next_by=coming.by if coming else None,
        waits_for=coming.waits_for if coming else (),
        held=found.held,
        lag_ms=health.lag_ms if health else None,
        mismatch_rate=health.mismatch_rate if health else None,
        half_done=health.half_done if health else None,
        parked=len(found.parked),
    )


def parked_by_stream(status: ProjectionStatus) -> Sequence[ParkedStream]:
    """Parked streams of a projection, each once, in the generation that counts most."""
    first: dict[str, ParkedStream] = {}
    for each in status.parked:
        first.setdefault(str(each.failure.stream), each)
    return list(first.values())


def _rebuild(status: ProjectionStatus) -> Stage | None:
    stages = (info.stage for info in status.generations)
    return next((stage for stage in stages if stage in NOT_LIVE_YET), None)
