"""Records of a stream that became no command: they wait, with the reason, in a queue."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from banyan.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_REQUEST_BYTES: Final = 250_000
"""Of all messages of a request together, and so of one: a little less than the service takes."""
MAX_REQUEST_MESSAGES: Final = 10
MAX_REASON: Final = 1000
"""Characters; one that quotes a whole record would leave no room for it."""


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One record of a Kinesis stream, as Lambda hands it over.

    Parameters
    ----------
    source : str
        ARN of the stream.
    data : bytes
        As it was put, which may be compressed.
    """

    source: str
    shard: str
    sequence_number: str
    partition_key: str
    arrived_at: datetime
    data: bytes

    @property
    def name(self) -> str:
        """The same in each delivery."""
        return f"{self.shard}:{self.sequence_number}"


@dataclass(frozen=True, slots=True)
class ParkedRecord:
    """A record, and why nothing was recorded of it.

    Parameters
    ----------
    code : str
        Machine-readable, ``snake_case``.
    stream : str
        The stream of events that it is for, as far as that is known.
    """

    record: StreamRecord
    code: str
    reason: str
    tenant: str
    stream: str = ""

    @property
    def message(self) -> bytes:
        """The message of the queue: with the record's bytes, or else with how to read them from the stream."""
        whole = _written({**self._named, "data": b64encode(self.record.data).decode()})
        return whole if len(whole) <= MAX_REQUEST_BYTES else _written({**self._named, "getShardIterator": self._at})

    @property
    def _named(self) -> dict[str, Any]:
        record = self.record
        return {
            "code": self.code,
            "reason": self.reason[:MAX_REASON].encode(errors="replace").decode(),
            "tenant": self.tenant,
            "stream": self.stream or None,
            "source": record.source,
            "shard": record.shard,
            "sequenceNumber": record.sequence_number,
            "partitionKey": record.partition_key,
            "arrivedAt": record.arrived_at.isoformat(),
            "bytes": len(record.data),
        }

    @property
    def _at(self) -> dict[str, str]:
        return {
            "StreamARN": self.record.source,
            "ShardId": self.record.shard,
            "ShardIteratorType": "AT_SEQUENCE_NUMBER",
            "StartingSequenceNumber": self.record.sequence_number,
        }


class ParkedRecords(Protocol):
    """Where records wait for an operator."""

    def park(self, records: Sequence[ParkedRecord]) -> None:
        """Keep records; those that are parked again are there twice.

        Raises
        ------
        StoreUnavailable
            Some may be kept.
        """


class SqsParkedRecords:
    """Parks records in an SQS queue.

    Parameters
    ----------
    client : Callable[[], SQSClient]
        Makes the client when a record is parked first.
    """

    def __init__(self, client: Callable[[], SQSClient], url: str) -> None:
        self._make_client = client
        self._url = url

    def park(self, records: Sequence[ParkedRecord]) -> None:
        for messages in _requests([record.message for record in records]):
            entries: Any = [{"Id": str(number), "MessageBody": each.decode()} for number, each in enumerate(messages)]
            try:
                answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            except (ClientError, BotoCoreError) as error:
                raise StoreUnavailable(f"no record was parked: {type(error).__name__}") from error
            if answer.get("Failed"):
                raise StoreUnavailable(f"{len(answer['Failed'])} of {len(messages)} records were not parked")

    @cached_property
    def _client(self) -> SQSClient:
        return self._make_client()


def _written(message: Mapping[str, Any]) -> bytes:
    """In ASCII, since a queue refuses some characters and a reason may quote any."""
    return json.dumps(message, separators=(",", ":")).encode()


def _requests(messages: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """As few requests as hold all messages."""
    request: list[bytes] = []
    for message in messages:
        size = sum(map(len, request)) + len(message)
        if request and (len(request) == MAX_REQUEST_MESSAGES or size > MAX_REQUEST_BYTES):
            yield request
            request = []
        request.append(message)
    if request:
        yield request
