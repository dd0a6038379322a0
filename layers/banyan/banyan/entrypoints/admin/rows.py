"""The route that shows what every projection holds of one stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic_core import to_jsonable_python

from banyan.entrypoints.admin.contents import MOST_BYTES, TOO_LARGE, log_look, version_of, weight
from banyan.entrypoints.admin.projections import FailureAnswer, failure_answer
from banyan.entrypoints.admin.streams import no_such_stream
from banyan.entrypoints.http.call import CurrentCall, requires
from banyan.entrypoints.http.identity import EVENTS
from banyan.errors import NotFound
from banyan.events import CamelModel
from banyan.projections.pages import MAX_SORT_BYTES
from banyan.reconciliation.look import ProjectedStream
from banyan.streams import StreamId

router = Router()  # type: ignore[no-untyped-call]


class HeldRow(CamelModel):
    """A row that the stream owns, as it is kept and as the events say; null where there is none."""

    sort: str
    held: Any
    fold: Any


class ProjectedAnswer(CamelModel):
    """What a projection holds of a stream, at ``version``, and what the events say up to there.

    ``equal`` is null where that is not to be said now; ``detail`` says why, or what differs, in ``fields``. ``next`` is
    the ``after`` of the next page of ``rows``.
    """

    projection: str
    kind: Literal["row", "rows", "view"]
    generation: int
    version: int
    equal: bool | None
    detail: str
    fields: list[str]
    held: Any
    fold: Any
    rows: list[HeldRow]
    next: str | None
    parked: FailureAnswer | None


class RowsAnswer(CamelModel):
    """A stream, where it stands, and what each projection that reads it holds."""

    stream: StreamId
    version: int
    projections: list[ProjectedAnswer]


@router.get(
    "/admin/streams/<stream>/rows",
    operation_id="showStreamRows",
    summary="What projections hold of a stream, beside what its events say",
    security=requires(EVENTS),
)
def rows(
    stream: str,
    call: CurrentCall,
    projection: Annotated[str | None, Query(min_length=1, max_length=255)] = None,
    after: Annotated[str | None, Query(max_length=MAX_SORT_BYTES)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> RowsAnswer:
    """Show what is kept of a stream by the projections that read it, or by one; rows behind a sort, as many as fit."""
    named, app = StreamId.parse(stream), call.application
    version = version_of(call, named)
    if not version:
        raise no_such_stream(named)
    if projection and projection not in {each.name for each in app.domain.projections}:
        raise NotFound("projection_not_found", f"there is no projection {projection!r}: list them first")
    room, answers = MOST_BYTES, list[ProjectedAnswer]()
    for found in app.look.at(named, projection):
        answer = _answer(found, after or "", limit, room)
        room -= weight(answer)
        answers.append(answer)
    log_look(call, "rows", stream=stream, projections=[each.projection for each in answers])
    return RowsAnswer(stream=named, version=version, projections=answers)


def _answer(found: ProjectedStream, after: str, limit: int, room: int) -> ProjectedAnswer:
    held, fold, detail = _json(found.held), _json(found.fold), found.detail
    size = weight([held, fold])
    if size > room:
        held, fold, size, detail = None, None, 0, f"{detail} {TOO_LARGE.format(size)}".strip()
    page, more = _page(found.rows, after, limit, room - size)
    if more and not page:
        detail = f"{detail} ask for {found.projection} alone: its rows do not fit in here".strip()
    return ProjectedAnswer(
        projection=found.projection,
        kind=found.kind,
        generation=found.generation,
        version=found.version,
        equal=found.equal,
        detail=detail,
        fields=list(found.fields),
        held=held,
        fold=fold,
        rows=page,
        next=page[-1].sort if page and more else None,
        parked=found.parked and failure_answer(found.parked),
    )


def _page(rows: Mapping[str, tuple[Any, Any]], after: str, limit: int, room: int) -> tuple[list[HeldRow], bool]:
    """Rows behind a sort, as many as fit, and whether there are more."""
    page = list[HeldRow]()
    for sort, (held, fold) in rows.items():
        if sort <= after:
            continue
        pair = HeldRow(sort=sort, held=_json(held), fold=_json(fold))
        room -= weight(pair)
        if len(page) == limit or room < 0:
            return page, True
        page.append(pair)
    return page, False


def _json(content: Any) -> Any:
    return to_jsonable_python(content, inf_nan_mode="strings", fallback=str)
