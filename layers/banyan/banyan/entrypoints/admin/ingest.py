"""Routes over records of a stream that were refused: see them, and put them back on their stream."""

from __future__ import annotations

from typing import Annotated, Any, Final

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field

from banyan.adapters.parked_queue import ParkedMessage, ParkedQueue
from banyan.entrypoints.http.call import Call, CurrentCall
from banyan.errors import NotFound
from banyan.events import CamelModel

MOST: Final = 500
"""What a process holds at once, with their bytes, and puts back within the time of an answer."""

router = Router()  # type: ignore[no-untyped-call]


class ParkedRecordAnswer(CamelModel):
    """A record that was refused, or a batch of ``batchSize`` records that became too old; never what it holds."""

    code: str
    reason: str | None
    stream: str | None
    shard: str | None
    sequence_number: str | None
    partition_key: str | None
    arrived_at: str | None
    bytes: int | None
    batch_size: int | None


class ParkedRecordsAnswer(CamelModel):
    """Some of the parked records; ``waiting`` is about how many there are."""

    waiting: int
    records: list[ParkedRecordAnswer]


class PutBackRequest(CamelModel):
    """Which records to put back: those that were refused with ``code``, at most ``limit`` messages."""

    code: str | None = None
    limit: int = Field(100, ge=1, le=MOST)


class PutBackAnswer(CamelModel):
    """How many records are on their stream again, and which ones it no longer has."""

    records: int
    gone: list[ParkedRecordAnswer]


@router.get("/admin/ingest/parked", operation_id="listParkedRecords", summary="Which records were refused, and why")
def list_parked_records(call: CurrentCall, limit: Annotated[int, Query(ge=1, le=MOST)] = 100) -> ParkedRecordsAnswer:
    """List some records that were refused; in no order."""
    queue = _queue(call)
    found = queue.look(limit)
    return ParkedRecordsAnswer(waiting=max(queue.waiting(), len(found)), records=[_answer(each) for each in found])


@router.post("/admin/ingest/parked/retry", operation_id="retryParkedRecords", summary="Ingest refused records again")
def retry_parked_records(body: PutBackRequest, call: CurrentCall) -> PutBackAnswer:
    """Put refused records back on their stream; those that are refused again are parked again."""
    done = _queue(call).put_back(body.limit, body.code)
    return PutBackAnswer(records=done.records, gone=[_answer(message) for message in done.gone])


def _queue(call: Call) -> ParkedQueue:
    if not call.application.queues.ingest_failures:
        detail = "no stream is ingested here: a domain that declares ingest= gets one by the parameter IngestStream"
        raise NotFound("ingest_off", detail)
    return call.application.parked_queue


def _answer(message: ParkedMessage) -> ParkedRecordAnswer:
    """A message as it is answered: anyone with the permission may have sent it, so each member may be anything."""
    body, batch, context = message.body, message.batch, message.body.get("requestContext")
    condition = context.get("condition") if isinstance(context, dict) else None
    return ParkedRecordAnswer(
        code=message.code,
        reason=_text(body.get("reason"), condition),
        stream=_text(body.get("stream")),
        shard=_text(body.get("shard"), batch.get("shardId")),
        sequence_number=_text(body.get("sequenceNumber"), batch.get("startSequenceNumber")),
        partition_key=_text(body.get("partitionKey")),
        arrived_at=_text(body.get("arrivedAt"), batch.get("approximateArrivalOfFirstRecord")),
        bytes=_number(body.get("bytes")),
        batch_size=_number(batch.get("batchSize")),
    )


def _text(*found: Any) -> str | None:
    return next((each for each in found if isinstance(each, str) and each), None)


def _number(found: Any) -> int | None:
    return found if isinstance(found, int) else None
