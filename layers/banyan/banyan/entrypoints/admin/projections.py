"""Routes over projections and the reactor, and what an operator's request may name."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Final

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BeforeValidator, ConfigDict, Field

from banyan.entrypoints.http.call import Call, CurrentCall
from banyan.errors import NotFound, StreamCorrupted
from banyan.events import CamelModel
from banyan.projections.base import RESERVED_NAMES
from banyan.projections.catchup import FIRST_WALKED, CaughtUp
from banyan.projections.operations import ProjectionStatus
from banyan.projections.state import Stage, Status
from banyan.projections.views import FailureRecord
from banyan.streams import BEGINNING_OF_TIME, StreamId
from banyan.text import Line

LONGEST_NAME: Final = 255
"""Keys of the table are at most 2048 bytes long."""


def known(call: Call, name: str, stream: StreamId | None = None) -> str:
    """The name of a projection or of the reactor, that takes a stream in if one is given, and one with events.

    Raises
    ------
    NotFound
    """
    operations = call.application.operations
    if name not in operations.names:
        raise NotFound("projection_not_found", f"there is no projection {name!r}: list them first")
    if stream and not operations.reads(name, stream):
        raise NotFound("stream_not_found", f"{name!r} does not take {stream} in", "stream")
    if stream and not _has_events(call, stream):
        raise NotFound("stream_not_found", f"there are no events of {stream}", "stream")
    return name


def with_rows(call: Call, name: str, stream: StreamId | None = None) -> str:
    """As ``known``, of a projection only. Raises ``NotFound``."""
    if name in RESERVED_NAMES:
        raise NotFound("projection_not_found", f"{name!r} is not a projection: it has no rows to rebuild")
    return known(call, name, stream)


def left_over(call: Call, name: str) -> str:
    """The name of a projection that is or was there: its state was changed, or the catch-up walked for it.

    Raises
    ------
    NotFound
    """
    app = call.application
    if len(name) > LONGEST_NAME:
        raise NotFound("projection_not_found", "there is no projection of such a long name")
    state = app.projection_states.get([name])[name]
    if name in app.operations.names or state.revision or app.log_checkpoints.get(state.generation(), FIRST_WALKED):
        return name
    raise NotFound("projection_not_found", f"nothing is left of a projection {name!r}: it was never here")


def _has_events(call: Call, stream: StreamId) -> bool:
    """Whether a stream was ever appended to; one that is damaged was."""
    try:
        return call.application.store.head(stream).version > 0
    except StreamCorrupted:
        return True


Moment = Annotated[datetime | None, BeforeValidator(lambda moment: None if moment == BEGINNING_OF_TIME else moment)]


class _Answer(CamelModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(from_attributes=True)


class PauseAnswer(_Answer):
    """Since when a projection applies nothing, and why."""

    since: datetime
    reason: str
    by: str


class GenerationAnswer(_Answer):
    """One build of a projection's rows, and when it entered its stage; null if it was never begun or moved."""

    number: int
    stage: Stage
    started_at: Moment
    changed_at: Moment
    version: int | None


class LagAnswer(_Answer):
    """How far the live generation lags; ``complete`` is false when both numbers are lower bounds."""

    events: int
    milliseconds: int
    complete: bool


class FailureAnswer(_Answer):
    """A parked stream: ``version`` is the first that is not applied, ``nextTry`` is null until it is retried."""

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
    """All there is to say about a projection; the reactor has cursors and no rows.

    ``parked`` has the oldest 100 of each generation; ``parkedComplete`` is false when there may be more.
    """

    projection: str
    status: Status
    live: int
    lag: LagAnswer
    pause: PauseAnswer | None
    generations: list[GenerationAnswer]
    parked: list[ParkedAnswer]
    parked_complete: bool


class ProjectionsAnswer(_Answer):
    """Every projection of the domain, and the reactor."""

    projections: list[ProjectionAnswer]


class CaughtUpAnswer(_Answer):
    """What a generation applied; the scheduled catch-up continues with what is not ``complete``."""

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
    """A projection's status as it is answered."""
    parked = [{**failure_answer(each.failure).model_dump(), "generation": each.generation} for each in status.parked]
    return ProjectionAnswer.model_validate(
        {**{name: getattr(status, name) for name in ProjectionAnswer.model_fields}, "parked": parked}
    )


def failure_answer(failure: FailureRecord) -> FailureAnswer:
    """A failure as it is answered."""
    answer = FailureAnswer.model_validate(failure)
    return answer.model_copy(update={"next_try": None}) if failure.parked_at else answer


def caught_up_answer(report: CaughtUp) -> CaughtUpAnswer:
    """What catching up did, as it is answered."""
    return CaughtUpAnswer(
        generation=report.generation.number,
        commits=report.commits,
        healed=report.moved,
        complete=report.complete,
        error=report.error,
    )


HEALING: Final = timedelta(seconds=20)
"""How long an answer may wait for what a pause left behind; below the function's timeout."""

router = Router()  # type: ignore[no-untyped-call]

Reason = Annotated[Line, Field(min_length=1, max_length=500)]
Newest = Annotated[bool, Query()]


class PauseRequest(CamelModel):
    """Why a projection is to stop."""

    reason: Reason


class ParkRequest(CamelModel):
    """Which stream is to stop, and why."""

    stream: StreamId
    reason: Reason


class RetryRequest(CamelModel):
    """Which stream is to continue."""

    stream: StreamId


@router.get("/admin/projections", operation_id="listProjections", summary="How every projection stands")
def list_projections(call: CurrentCall, newest: Newest = False) -> ProjectionsAnswer:
    """List the domain's projections, and the reactor behind them.

    With ``newest`` their lag is that of the newest commits: cheap enough to be asked for every few seconds, and a lower
    bound where more was recorded since the last catch-up.
    """
    found = call.application.operations.status(newest=newest)
    return ProjectionsAnswer(projections=[projection_answer(each) for each in found])


@router.get("/admin/projections/<name>", operation_id="showProjection", summary="How one projection stands")
def show_projection(name: str, call: CurrentCall, newest: Newest = False) -> ProjectionAnswer:
    """Show one projection, or the reactor."""
    return _shown(call, known(call, name), newest)


@router.post("/admin/projections/<name>/pause", operation_id="pauseProjection", summary="Take nothing in")
def pause(name: str, body: PauseRequest, call: CurrentCall) -> ProjectionAnswer:
    """Pause a projection; queries answer with what it has, or from the streams."""
    call.application.operations.pause(known(call, name), body.reason, call.caller.actor)
    return _shown(call, name)


@router.post("/admin/projections/<name>/resume", operation_id="resumeProjection", summary="Take everything in again")
def resume(name: str, call: CurrentCall) -> ResumedAnswer:
    """Resume a projection, and make up for what it missed as far as time allows."""
    deadline = call.application.clock() + HEALING
    reports = call.application.operations.resume(known(call, name), deadline)
    return ResumedAnswer(generations=[caught_up_answer(report) for report in reports])


@router.post("/admin/projections/<name>/park", operation_id="parkStream", summary="Take nothing of one stream in")
def park(name: str, body: ParkRequest, call: CurrentCall) -> FailureAnswer:
    """Park a stream by hand."""
    projection = known(call, name, body.stream)
    return failure_answer(call.application.operations.park(projection, body.stream, body.reason, call.caller.actor))


@router.post("/admin/projections/<name>/retry", operation_id="retryStream", summary="Let a parked stream continue")
def retry(name: str, body: RetryRequest, call: CurrentCall) -> RetriedAnswer:
    """Bring a stream up to date from the event table, parked or not."""
    failure = call.application.operations.retry(known(call, name, body.stream), body.stream)
    return RetriedAnswer(parked=failure and failure_answer(failure))


def _shown(call: Call, name: str, newest: bool = False) -> ProjectionAnswer:
    (status,) = call.application.operations.status(name, newest=newest)
    return projection_answer(status)
