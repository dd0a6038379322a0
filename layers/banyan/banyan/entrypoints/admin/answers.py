"""What the operator is told, as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, ConfigDict

from banyan.events import CamelModel
from banyan.projections.catchup import CaughtUp
from banyan.projections.operations import ProjectionStatus
from banyan.projections.state import Stage, Status
from banyan.projections.views import FailureRecord
from banyan.streams import BEGINNING_OF_TIME, StreamId

Moment = Annotated[datetime | None, BeforeValidator(lambda moment: None if moment == BEGINNING_OF_TIME else moment)]


class _Answer(CamelModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(from_attributes=True)


class PauseAnswer(_Answer):
    """Since when a projection takes nothing in, and why."""

    since: datetime
    reason: str
    by: str


class GenerationAnswer(_Answer):
    """One build of a projection's rows, and when it entered its stage; null where nobody began or moved it."""

    number: int
    stage: Stage
    started_at: Moment
    changed_at: Moment
    version: int | None


class LagAnswer(_Answer):
    """How far the live generation is behind; ``complete`` is false when there may be more."""

    events: int
    milliseconds: int
    complete: bool


class FailureAnswer(_Answer):
    """A parked stream: ``version`` is the first that is not taken in, ``nextTry`` is null until somebody retries."""

    stream: StreamId
    version: int
    error: str
    attempts: int
    next_try: datetime | None
    parked_at: datetime | None


class ParkedAnswer(FailureAnswer):
    """A stream that is parked in one generation."""

    generation: int


class ProjectionAnswer(_Answer):
    """All there is to say about a projection; the reactor has cursors and no rows."""

    projection: str
    status: Status
    live: int
    lag: LagAnswer
    pause: PauseAnswer | None
    generations: list[GenerationAnswer]
    parked: list[ParkedAnswer]


class ProjectionsAnswer(_Answer):
    """Every projection of the domain, and the reactor."""

    projections: list[ProjectionAnswer]


class CaughtUpAnswer(_Answer):
    """What a generation took in; the scheduled catch-up goes on with what is not ``complete``."""

    generation: int
    commits: int
    healed: int
    complete: bool
    error: str | None


class ResumedAnswer(_Answer):
    """What was made up for, by generation."""

    generations: list[CaughtUpAnswer]


class RetriedAnswer(_Answer):
    """Why a stream is parked again; null when it is up to date."""

    parked: FailureAnswer | None


def projection_answer(status: ProjectionStatus) -> ProjectionAnswer:
    """A projection's status as it is told."""
    parked = [{**failure_answer(each.failure).model_dump(), "generation": each.generation} for each in status.parked]
    return ProjectionAnswer.model_validate(
        {**{name: getattr(status, name) for name in ProjectionAnswer.model_fields}, "parked": parked}
    )


def failure_answer(failure: FailureRecord) -> FailureAnswer:
    """A failure as it is told."""
    answer = FailureAnswer.model_validate(failure)
    return answer.model_copy(update={"next_try": None}) if failure.parked_at else answer


def caught_up_answer(report: CaughtUp) -> CaughtUpAnswer:
    """What catching up did, as it is told."""
    return CaughtUpAnswer(
        generation=report.generation.number,
        commits=report.commits,
        healed=report.moved,
        complete=report.complete,
        error=report.error,
    )
