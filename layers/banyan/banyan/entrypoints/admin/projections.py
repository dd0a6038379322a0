"""Routes over projections and the reactor: how they stand, and pause, resume, park and retry."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import Field

from banyan.entrypoints.admin.answers import (
    FailureAnswer,
    ProjectionAnswer,
    ProjectionsAnswer,
    ResumedAnswer,
    RetriedAnswer,
    caught_up_answer,
    failure_answer,
    projection_answer,
)
from banyan.entrypoints.admin.targets import known
from banyan.entrypoints.http.call import Call, CurrentCall
from banyan.events import CamelModel
from banyan.streams import StreamId
from banyan.text import Line

HEALING: Final = timedelta(seconds=20)
"""How long an answer may wait for what a pause left behind; below the function's timeout."""

router = Router()  # type: ignore[no-untyped-call]

Reason = Annotated[Line, Field(min_length=1, max_length=500)]


class PauseRequest(CamelModel):
    """Why a projection is to stop."""

    reason: Reason


class ParkRequest(CamelModel):
    """Which stream is to stop, and why."""

    stream: StreamId
    reason: Reason


class RetryRequest(CamelModel):
    """Which stream is to go on."""

    stream: StreamId


@router.get("/admin/projections", operation_id="listProjections", summary="How every projection stands")
def list_projections(call: CurrentCall) -> ProjectionsAnswer:
    """List the domain's projections, and the reactor behind them."""
    return ProjectionsAnswer(projections=[projection_answer(each) for each in call.application.operations.status()])


@router.get("/admin/projections/<name>", operation_id="showProjection", summary="How one projection stands")
def show_projection(name: str, call: CurrentCall) -> ProjectionAnswer:
    """Show one projection, or the reactor."""
    return _shown(call, known(call, name))


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


@router.post("/admin/projections/<name>/retry", operation_id="retryStream", summary="Let a parked stream go on")
def retry(name: str, body: RetryRequest, call: CurrentCall) -> RetriedAnswer:
    """Bring a stream up to date from the event table, parked or not."""
    failure = call.application.operations.retry(known(call, name, body.stream), body.stream)
    return RetriedAnswer(parked=failure and failure_answer(failure))


def _shown(call: Call, name: str) -> ProjectionAnswer:
    (status,) = call.application.operations.status(name)
    return projection_answer(status)
