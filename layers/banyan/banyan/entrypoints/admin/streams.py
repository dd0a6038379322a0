"""The route over the events of any stream."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from banyan.entrypoints.http.call import CurrentCall
from banyan.errors import NotFound
from banyan.events import CamelModel, Event, Metadata
from banyan.streams import MAX_STREAM_BYTES, StreamId

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
