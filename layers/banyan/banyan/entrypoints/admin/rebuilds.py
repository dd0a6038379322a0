"""Routes over the rebuilds of projections."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field

from banyan.bootstrap.rebuilds import Rebuilds, Replaced
from banyan.entrypoints.admin.projections import left_over, with_rows
from banyan.entrypoints.http.call import CurrentCall
from banyan.errors import ConfigurationError, Conflict, EventError, NotFound, StreamCorrupted, TransitionRejected
from banyan.events import CamelModel
from banyan.projections.rebuild.preview import Preview
from banyan.projections.rebuild.rebuild import Progress
from banyan.projections.state import ProjectionState, Stage
from banyan.streams import StreamId
from banyan.text import counted

router = Router()  # type: ignore[no-untyped-call]


class Live(CamelModel):
    """The generation that queries read now."""

    live: int


class Removed(CamelModel):
    """How far the deletion of each generation has come."""

    generations: tuple[Progress, ...]


class RebuildRequest(CamelModel):
    """How to rebuild; with ``dryRun`` only what it would cost, with ``generation`` only to continue that one."""

    writes_per_second: int | None = Field(None, ge=1)
    switch_when_equal: bool = False
    dry_run: bool = False
    generation: int | None = Field(None, ge=1)


class StreamRequest(CamelModel):
    """Which stream to rebuild."""

    stream: StreamId


class CancelRequest(CamelModel):
    """Which rebuild to give up: by default the one that is not finished."""

    generation: int | None = Field(None, ge=1)


class SwitchRequest(CamelModel):
    """Which generation to read: by default the newest."""

    generation: int | None = None
    accept_differences: bool = False


class DropRequest(CamelModel):
    """Which generation to delete."""

    generation: int


@router.post("/admin/projections/<name>/rebuild", operation_id="rebuild", summary="Build a new generation beside it")
def rebuild(name: str, body: RebuildRequest, call: CurrentCall) -> Progress | Preview:
    """Start a rebuild, or continue one that was begun."""
    rebuilds, projection, rate = call.application.rebuilds, with_rows(call, name), body.writes_per_second
    if body.dry_run:
        return rebuilds.preview(projection, rate)
    return rebuilds.rebuild.start(
        projection, switch_when_equal=body.switch_when_equal, write_rate=rate, generation=body.generation
    )


@router.get("/admin/projections/<name>/rebuild", operation_id="showRebuild", summary="How far the rebuild has come")
def progress(name: str, call: CurrentCall, generation: Annotated[int | None, Query(ge=1)] = None) -> Progress:
    """Show the newest rebuild, or that of a generation which is still there."""
    try:
        return call.application.rebuilds.rebuild.progress(with_rows(call, name), generation)
    except TransitionRejected as error:
        raise NotFound("rebuild_not_found", str(error)) from error


@router.post("/admin/projections/<name>/rebuild/stream", operation_id="rebuildStream", summary="Rebuild one stream")
def rebuild_stream(name: str, body: StreamRequest, call: CurrentCall) -> Replaced:
    """Make the row of one stream again, in every generation that is kept up."""
    try:
        return call.application.rebuilds.stream(with_rows(call, name, body.stream), body.stream)
    except (StreamCorrupted, EventError) as error:
        raise Conflict("stream_unreadable", str(error), "stream") from error


@router.post("/admin/projections/<name>/switch", operation_id="switchGeneration", summary="Read another generation")
def switch(name: str, body: SwitchRequest, call: CurrentCall) -> Live:
    """Let queries read a generation that is ready or was kept; one that differs only when that is accepted."""
    state = call.application.projection_states.get([with_rows(call, name)])[name]
    number = state.newest if body.generation is None else body.generation
    if not body.accept_differences:
        _require_equal(state, number, call.application.rebuilds)
    return Live(live=call.application.rebuilds.rebuild.switch(name, number).live)


@router.post("/admin/projections/<name>/cancel", operation_id="cancelRebuild", summary="Give a rebuild up")
def cancel(name: str, body: CancelRequest, call: CurrentCall) -> Progress:
    """Cancel a rebuild that was not switched to, and delete what it made."""
    return call.application.rebuilds.rebuild.cancel(with_rows(call, name), body.generation)


@router.post("/admin/projections/<name>/drop", operation_id="dropGeneration", summary="Delete a kept generation")
def drop(name: str, body: DropRequest, call: CurrentCall) -> Progress:
    """Delete the rows of a generation that was kept for the way back."""
    return call.application.rebuilds.rebuild.drop(with_rows(call, name), body.generation)


@router.post(
    "/admin/projections/<name>/remove", operation_id="removeProjection", summary="Delete what is not declared any more"
)
def remove(name: str, call: CurrentCall) -> Removed:
    """Delete all that is left of a projection that the domain does not have any more."""
    try:
        return Removed(generations=tuple(call.application.rebuilds.rebuild.remove(left_over(call, name))))
    except ConfigurationError as error:
        raise Conflict("projection_in_use", str(error)) from error


def _require_equal(state: ProjectionState, number: int, rebuilds: Rebuilds) -> None:
    """Refuse a new generation that is known to differ; one that was live before was equal to its time."""
    if state.info(number).stage is not Stage.READY:
        return
    found = rebuilds.rebuild.progress(state.projection, number)
    if not found.equal:
        raise Conflict(
            "generation_differs",
            f"generation {number} is not equal: {counted(found.different, 'different row')}, "
            f"{counted(found.failed, 'failed stream')}: look at the rebuild, then accept the differences or cancel it",
        )
