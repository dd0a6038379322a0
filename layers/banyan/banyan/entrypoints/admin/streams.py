"""Routes over streams, over what one request set off, and over deadlines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Annotated, ClassVar, Final

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import ConfigDict, Field

from banyan.bootstrap import Application
from banyan.deadlines.base import Waiting
from banyan.decider import AnyDecider
from banyan.entrypoints.http.call import CurrentCall
from banyan.errors import NotFound
from banyan.events import CamelModel
from banyan.projections.pages import another_list, make_cursor, read_place
from banyan.store.log import LAST, ListPlace, Wanted, newest_streams
from banyan.store.verify import DamageKind, verify_stream
from banyan.streams import END_OF_TIME, MAX_STREAM_BYTES, RESERVED_TENANTS, StreamId
from banyan.traces import Trace

MAX_CURSOR: Final = 5000
LONGEST_KEY: Final = 1000
"""Of the log; DynamoDB takes 1,024 bytes."""

router = Router()  # type: ignore[no-untyped-call]


Part = Annotated[str | None, Query(min_length=1, max_length=MAX_STREAM_BYTES)]
Cursor = Annotated[str | None, Query(max_length=MAX_CURSOR)]


class ListedAnswer(CamelModel):
    """A stream and its last commit; ``error`` says why that cannot be read, and ``version`` is where it begins."""

    model_config: ClassVar[ConfigDict] = ConfigDict(from_attributes=True)

    stream: StreamId
    version: int
    recorded_at: datetime
    types: list[str]
    error: str | None


class StreamsAnswer(CamelModel):
    """Streams, the one that changed last first; ``next`` is the ``cursor`` of the next page, null at the end.

    With ``stoppedEarly`` the page is short because it looked at as much of the log as one answer may: continue.
    ``entities`` are those that the domain declares, whether or not there are streams of them.
    """

    streams: list[ListedAnswer]
    entities: list[str]
    next: str | None
    stopped_early: bool


class DamageAnswer(CamelModel):
    """One thing that is wrong with a stream; ``version`` is the first that it concerns."""

    model_config: ClassVar[ConfigDict] = ConfigDict(from_attributes=True)

    kind: DamageKind
    version: int
    detail: str


class VerifiedAnswer(CamelModel):
    """What a look at a whole stream found; ``intact`` when there is no problem, ``digest`` of its last commit."""

    stream: StreamId
    version: int
    digest: str
    intact: bool
    problems: list[DamageAnswer]


@router.get("/admin/streams", operation_id="listStreams", summary="Which streams there are, the newest first")
def list_streams(
    call: CurrentCall,
    tenant: Part = None,
    entity: Part = None,
    prefix: Part = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> StreamsAnswer:
    """List streams by their last commit, of all tenants unless one is named; ``prefix`` is how their ids begin."""
    query = ["streams", tenant, entity, prefix]
    reached, newest = log_place(cursor, query) if cursor else (LAST, LAST)
    found = newest_streams(
        call.application.store.table, named(tenant, entity, prefix), limit, ListPlace(newest, reached)
    )
    return StreamsAnswer(
        streams=[ListedAnswer.model_validate(each) for each in found.streams],
        entities=[decider.entity for decider in call.application.domain.deciders],
        next=make_cursor(query, found.place.reached, found.place.newest) if found.place else None,
        stopped_early=found.early,
    )


@router.get("/admin/streams/<stream>/verify", operation_id="verifyStream", summary="Whether a stream is undamaged")
def verify(stream: str, call: CurrentCall) -> VerifiedAnswer:
    """Check positions, times, digests, events and snapshots of a stream from end to end."""
    named, app = StreamId.parse(stream), call.application
    found = verify_stream(app.store, named, decider_of(app, named))
    if not (found.version or found.problems):
        raise no_such_stream(named)
    problems = [DamageAnswer.model_validate(each) for each in found.problems]
    return VerifiedAnswer(
        stream=named, version=found.version, digest=found.digest, intact=not problems, problems=problems
    )


def named(tenant: str | None, entity: str | None, prefix: str | None = None) -> Wanted:
    """Whether a stream is of a tenant and an entity, and its id begins as given."""
    return lambda stream: (
        tenant in (None, stream.tenant) and entity in (None, stream.entity) and stream.id.startswith(prefix or "")
    )


def log_place(cursor: str, query: Sequence[str | None]) -> Sequence[str]:
    """The place in the log that a cursor of two parts begins with, and the other part. Raises ``InvalidCursor``."""
    place, other = read_place(cursor, query, 2)
    if not 0 < len(place.encode()) <= LONGEST_KEY:
        raise another_list()
    return place, other


def no_such_stream(stream: StreamId) -> NotFound:
    """The error for a stream without events."""
    return NotFound("stream_not_found", f"there are no events of {stream}", "stream")


def decider_of(app: Application, stream: StreamId) -> AnyDecider | None:
    """What folds a stream, if anything that is deployed does."""
    deciders = {decider.entity: decider for decider in app.domain.deciders}
    if stream.tenant not in RESERVED_TENANTS:
        return deciders.get(stream.entity)
    if app.migration is None:
        return None
    from banyan.migration.phases.aggregate import MIGRATION

    return MIGRATION if stream.entity == MIGRATION.entity else None


@router.get("/admin/correlations/<id>", operation_id="showCorrelation", summary="Everything one request set off")
def show_correlation(id: str, call: CurrentCall, tenant: Part = None) -> Trace:
    """Show the events of a correlation id among the streams of a tenant, by default the token's; causes first."""
    if call.application.settings.traces == "off":
        raise NotFound("traces_off", "no traces are kept: set Traces=on, and ask for what happens from then on")
    named = call.caller.tenant if tenant is None else tenant
    trace = call.application.timeline.trace(named, id)
    if not trace.entries:
        detail = f"tenant {named!r} has no events under {id!r}: they may not be indexed yet, or no longer"
        raise NotFound("correlation_not_found", detail)
    return trace


MOST: Final = 1000


class DeadlineAnswer(CamelModel):
    """A deadline; its error is why its command failed the last time.

    ``command`` is the class of its command, whose content is not shown; ``scheduledBy`` is the policy's, and
    ``correlationId`` leads to what set it off.
    """

    stream: StreamId
    name: str
    due: datetime
    attempts: int
    error: str
    command: str
    scheduled_by: str
    correlation_id: str


class DeadlinesAnswer(CamelModel):
    """How many deadlines are due, which these are, which wait for their time, and which are parked.

    At most ``limit`` are looked at: the first of those that are due or wait, and the first of the parked. Where there
    are more, ``complete`` or ``parkedComplete`` is false.
    """

    due: int
    overdue: list[DeadlineAnswer]
    waiting: list[DeadlineAnswer]
    parked: list[DeadlineAnswer]
    complete: bool
    parked_complete: bool


class RetryDeadlinesRequest(CamelModel):
    """Which parked deadlines are to wait again: those of a stream, those of a name, or all."""

    stream: StreamId | None = None
    name: str | None = Field(None, min_length=1)


class UnparkedAnswer(CamelModel):
    """How many deadlines wait again."""

    retried: int


@router.get("/admin/deadlines", operation_id="listDeadlines", summary="Which deadlines wait, are due or parked")
def list_deadlines(call: CurrentCall, limit: Annotated[int, Query(ge=1, le=MOST)] = MOST) -> DeadlinesAnswer:
    """Show what the schedule has still to work off."""
    app, now = call.application, call.application.clock()
    kept, parked = list(app.deadlines.due(END_OF_TIME, limit + 1)), list(app.deadlines.parked(limit + 1))
    overdue = [each for each in kept[:limit] if each.due <= now]
    return DeadlinesAnswer(
        due=len(overdue),
        overdue=[_answer(each) for each in overdue],
        waiting=[_answer(each) for each in kept[len(overdue) : limit]],
        parked=[_answer(each) for each in parked[:limit]],
        complete=len(kept) <= limit,
        parked_complete=len(parked) <= limit,
    )


@router.post("/admin/deadlines/retry", operation_id="retryDeadlines", summary="Let parked deadlines wait again")
def retry_deadlines(body: RetryDeadlinesRequest, call: CurrentCall) -> UnparkedAnswer:
    """Let the schedule try parked deadlines again, at most 1000; of all, call it again while it finds any."""
    deadlines = call.application.deadlines
    wanted = (each for each in deadlines.parked() if body.name in (None, each.name))
    chosen = list(islice((each for each in wanted if body.stream in (None, each.stream)), MOST))
    if not chosen and (body.stream or body.name):
        raise NotFound("deadline_not_found", "no such deadline is parked: list them first")
    for each in chosen:
        deadlines.unpark(each)
    return UnparkedAnswer(retried=len(chosen))


def _answer(waiting: Waiting) -> DeadlineAnswer:
    return DeadlineAnswer(
        stream=waiting.stream,
        name=waiting.name,
        due=waiting.due,
        attempts=waiting.attempts,
        error=waiting.error,
        command=waiting.command_type,
        scheduled_by=waiting.metadata.actor,
        correlation_id=waiting.metadata.correlation_id,
    )
