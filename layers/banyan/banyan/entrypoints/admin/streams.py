"""Routes over streams, over what one request set off, and over deadlines."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, Final

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from banyan.deadlines.base import Waiting
from banyan.entrypoints.http.call import CurrentCall
from banyan.errors import NotFound
from banyan.events import CamelModel, Event, Metadata
from banyan.streams import MAX_STREAM_BYTES, StreamId
from banyan.traces import Trace

router = Router()  # type: ignore[no-untyped-call]


class StoredEvent(CamelModel):
    """One event, lifted to its newest schema version."""

    event_id: str
    event_type: str
    version: int
    timestamp: str
    payload: dict[str, Any]
    metadata: Metadata


class StreamAnswer(CamelModel):
    """A stream's version and some of its events; ``next`` is the ``after`` of the next page."""

    stream: StreamId
    version: int
    events: list[StoredEvent]
    next: int | None


@router.get("/admin/streams", operation_id="showStream", summary="What happened to a stream")
def show_stream(
    call: CurrentCall,
    stream: Annotated[str, Query(max_length=MAX_STREAM_BYTES)],
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> StreamAnswer:
    """Show the events of a stream after a version, oldest first."""
    named, store = StreamId.parse(stream), call.application.store
    version = store.head(named).version
    if not version:
        raise NotFound("stream_not_found", f"there are no events of {stream}", "stream")
    events = [_stored(event) for event in islice(store.read(named, after), limit)]
    last = events[-1].version if events else version
    return StreamAnswer(stream=named, version=version, events=events, next=last if last < version else None)


def _stored(event: Event) -> StoredEvent:
    return StoredEvent(
        event_id=event.event_id,
        event_type=event.event_type,
        version=event.version,
        timestamp=event.timestamp.isoformat(),
        payload=event.payload.model_dump(mode="json", by_alias=True),
        metadata=event.metadata,
    )


@router.get("/admin/correlations/<id>", operation_id="showCorrelation", summary="Everything one request set off")
def show_correlation(id: str, call: CurrentCall) -> Trace:
    """Show the events of a correlation id among the streams of the token's tenant, causes before effects."""
    if call.application.settings.traces == "off":
        raise NotFound("traces_off", "no traces are kept: set Traces=on, and ask for what happens from then on")
    trace = call.application.timeline.trace(call.caller.tenant, id)
    if not trace.entries:
        detail = f"tenant {call.caller.tenant!r} has no events under {id!r}: they may not be indexed yet, or no longer"
        raise NotFound("correlation_not_found", detail)
    return trace


MOST: Final = 1000
END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)


class DeadlineAnswer(CamelModel):
    """A deadline; its error is why its command failed the last time."""

    stream: StreamId
    name: str
    due: datetime
    attempts: int
    error: str


class DeadlinesAnswer(CamelModel):
    """How many deadlines are due, which wait for their time, and which are parked.

    At most 1000 are looked at: the first of those that are due or wait, and the first of the parked.
    """

    due: int
    waiting: list[DeadlineAnswer]
    parked: list[DeadlineAnswer]


class UnparkedAnswer(CamelModel):
    """How many deadlines wait again."""

    retried: int


@router.get("/admin/deadlines", operation_id="listDeadlines", summary="Which deadlines wait, are due or parked")
def list_deadlines(call: CurrentCall) -> DeadlinesAnswer:
    """Show what the schedule has still to work off."""
    app, now = call.application, call.application.clock()
    kept = list(islice(app.deadlines.due(END_OF_TIME), MOST))
    return DeadlinesAnswer(
        due=sum(1 for each in kept if each.due <= now),
        waiting=[_answer(each) for each in kept if each.due > now],
        parked=[_answer(each) for each in islice(app.deadlines.parked(), MOST)],
    )


@router.post("/admin/deadlines/retry", operation_id="retryDeadlines", summary="Let parked deadlines wait again")
def retry_deadlines(call: CurrentCall) -> UnparkedAnswer:
    """Let the schedule try parked deadlines again; call it again while it finds any."""
    parked = list(islice(call.application.deadlines.parked(), MOST))
    for each in parked:
        call.application.deadlines.unpark(each)
    return UnparkedAnswer(retried=len(parked))


def _answer(waiting: Waiting) -> DeadlineAnswer:
    return DeadlineAnswer(
        stream=waiting.stream, name=waiting.name, due=waiting.due, attempts=waiting.attempts, error=waiting.error
    )
