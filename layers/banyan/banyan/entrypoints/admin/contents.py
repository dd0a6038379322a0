"""Routes that show what events and states hold. They need a scope of their own, and each look at contents is logged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, TypeVar

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel, ConfigDict

from banyan.adapters.observability import log_deed
from banyan.entrypoints.admin.streams import decider_of, no_such_stream
from banyan.entrypoints.http.call import Call, CurrentCall, requires
from banyan.entrypoints.http.identity import EVENTS
from banyan.entrypoints.http.paging import PageOrder
from banyan.errors import BanyanError, CommandRejected, Conflict, NotFound, StoreUnavailable, StreamCorrupted
from banyan.events import CamelModel
from banyan.store.past import state_at, version_at
from banyan.store.raw import RawEvent, history
from banyan.streams import StreamId
from banyan.text import Moment, counted

MOST_BYTES: Final = 5 * 1024 * 1024
"""Of an answer as Lambda hands it on, which takes 6 MB."""
SPARE_BYTES: Final = 512 * 1024
"""For events without their payloads."""
HIGHEST: Final = 10**15
"""Version that is asked for; DynamoDB takes no number of more than 38 digits."""
TOO_LARGE: Final = "it does not fit into an answer, of which it would take {:,} bytes"

router = Router()  # type: ignore[no-untyped-call]


class StoredEvent(CamelModel):
    """One event, lifted to its newest schema version; or as it is stored, and the ``error`` that says why."""

    model_config: ClassVar[ConfigDict] = ConfigDict(from_attributes=True)

    event_id: str
    event_type: str
    version: int
    timestamp: str | None
    payload: Any
    metadata: dict[str, Any]
    error: str | None


E = TypeVar("E", bound=StoredEvent)


class StreamAnswer(CamelModel):
    """A stream's version and some of its events; ``next`` is the ``after`` of the next page, null at the end."""

    stream: StreamId
    version: int
    events: list[StoredEvent]
    next: int | None


class StateAnswer(CamelModel):
    """The state that a stream had at a version; ``error`` says why there is none to show.

    ``streamVersion`` is where the stream stands.
    """

    stream: StreamId
    version: int
    stream_version: int
    state: Any
    error: str | None


@router.get(
    "/admin/streams/<stream>/events",
    operation_id="showStreamEvents",
    summary="What happened to a stream",
    security=requires(EVENTS),
)
def events(
    stream: str,
    call: CurrentCall,
    after: Annotated[int | None, Query(ge=0, le=HIGHEST)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    order: PageOrder = "ascending",
) -> StreamAnswer:
    """Show the events of a stream behind a version in the order that is asked for, as many as fit."""
    named, newest_first = StreamId.parse(stream), order == "descending"
    store = call.application.store
    found = history(store, named, after, newest_first=newest_first)
    page, more = fitting((_stored(event) for event in found), limit)
    version = page[0].version if newest_first and after is None and page else version_of(call, named)
    if not version:
        raise no_such_stream(named)
    last = page[-1].version if page else version
    if page:
        log_look(call, "events", stream=stream, versions=[page[0].version, last])
    return StreamAnswer(stream=named, version=version, events=page, next=last if more else None)


@router.get(
    "/admin/streams/<stream>/state",
    operation_id="showStreamState",
    summary="The state of a stream, now or at a version or moment",
    security=requires(EVENTS),
)
def state(
    stream: str,
    call: CurrentCall,
    atVersion: Annotated[int | None, Query(ge=1)] = None,  # noqa: N803
    at: Annotated[Moment | None, Query()] = None,
) -> StateAnswer:
    """Fold a stream by the decider of its entity up to a version, or to what was recorded by a moment."""
    if atVersion is not None and at is not None:
        raise CommandRejected("ambiguous_time", "atVersion and at exclude one another", "at")
    named = StreamId.parse(stream)
    newest = version_of(call, named)
    if not newest:
        raise no_such_stream(named)
    version = atVersion if at is None else _version_at(call, named, at)
    if version is None:
        version = newest
    if not 0 < version <= newest:
        raise NotFound("version_not_found", f"{stream} has versions 1 to {newest}", "atVersion" if atVersion else "at")
    found, error = _state(call, named, version)
    if error is None:
        log_look(call, "state", stream=stream, versions=[version, version])
    return StateAnswer(stream=named, version=version, stream_version=newest, state=found, error=error)


def _version_at(call: Call, stream: StreamId, moment: datetime) -> int:
    try:
        return version_at(call.application.store, stream, moment)
    except StreamCorrupted as damage:
        raise Conflict("stream_unreadable", f"{damage}: ask for a version instead of a moment", "at") from damage


def _state(call: Call, stream: StreamId, version: int) -> tuple[Any, str | None]:
    decider = decider_of(call.application, stream)
    if decider is None:
        return None, f"nothing that is deployed folds the entity {stream.entity!r}"
    try:
        folded: BaseModel = state_at(call.application.store, decider, stream, version)
    except StoreUnavailable:
        raise
    except Exception as error:
        return None, str(error) if isinstance(error, BanyanError) else f"it cannot be folded: {type(error).__name__}"
    found = folded.model_dump(mode="json", by_alias=True)
    size = weight(found)
    return (found, None) if size <= MOST_BYTES else (None, TOO_LARGE.format(size))


def version_of(call: Call, stream: StreamId) -> int:
    """Version of a stream, as far as it can be read."""
    try:
        return call.application.store.head(stream).version
    except StreamCorrupted as damage:
        return damage.version


def _stored(event: RawEvent) -> StoredEvent:
    return StoredEvent.model_validate(event)


def fitting(found: Iterable[E], limit: int) -> tuple[list[E], bool]:
    """What one answer holds, and whether there is more; what is too large for any stands without its payload."""
    page, size = list[E](), 0
    for event in found:
        each = shortened([event])[0]
        size += weight(each)
        if len(page) == limit or size > MOST_BYTES:
            return page, True
        page.append(each)
    return page, False


def shortened(events: Sequence[E]) -> list[E]:
    """Events that have to be in one answer: without payloads, or left out, where they would be too large for it."""
    kept, size = list[E](), 0
    for number, event in enumerate(events):
        each, own = event, weight(event)
        if size + own > MOST_BYTES:
            each = event.model_copy(update={"payload": None, "error": TOO_LARGE.format(own)})
            own = weight(each)
        size += own
        if size > MOST_BYTES + SPARE_BYTES:
            left = counted(len(events) - number, "more event")
            error = f"no room for {left} of this commit in an answer: show its stream"
            return [*kept, event.model_copy(update={"payload": None, "metadata": {}, "error": error})]
        kept.append(each)
    return kept


def weight(content: Any) -> int:
    """Bytes that some JSON takes within an answer, which is text within JSON itself."""
    plain = content.model_dump(mode="json", by_alias=True) if isinstance(content, BaseModel) else content
    return len(json.dumps(json.dumps(plain)))


def log_look(call: Call, what: str, **where: Any) -> None:
    """Log who looked at which contents, whatever the level of the log; never the contents themselves."""
    who = {"actor": call.caller.actor, "client": call.caller.client}
    log_deed("contents were looked at", looked_at=what, **who, **where)
