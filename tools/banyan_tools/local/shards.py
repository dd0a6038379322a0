"""Reading every shard of a table's stream."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from banyan_tools.local.physical import REGION

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

Record = dict[str, Any]
SHARDS_SECONDS = 1.0
STALE = ("ExpiredIteratorException", "TrimmedDataAccessException")


class ShardReader:
    """Reads the shards of a stream; a shard only when its parent is read to the end.

    Parameters
    ----------
    stream_arn : str
        The stream, as the engine names it.
    source_arn : str
        The stream, as the template names it; records carry it.
    start : str
        ``TRIM_HORIZON`` or ``LATEST``, for the shards that exist at the first reading.
    checkpoints : Mapping[str, str]
        Sequence numbers after which to continue, by shard.
    """

    def __init__(
        self,
        client: DynamoDBStreamsClient,
        stream_arn: str,
        source_arn: str,
        start: str,
        checkpoints: Mapping[str, str],
    ) -> None:
        self._client = client
        self._stream_arn = stream_arn
        self._source_arn = source_arn
        self._start = start
        self._last = dict(checkpoints)
        self._iterators: dict[str, str | None] = {}
        self._parents: dict[str, str | None] = {}
        self._looked = -SHARDS_SECONDS

    def read(self) -> Iterator[tuple[str, list[Record]]]:
        """Read each open shard once; return the shards that had records, with these as Lambda hands them over."""
        self._look_for_shards()
        for shard, parent in self._parents.items():
            if not self._finished(shard) and (parent not in self._parents or self._finished(parent)):
                records = self._records(shard)
                if records:
                    yield shard, records
        self._start = "TRIM_HORIZON"

    def _look_for_shards(self) -> None:
        now = time.monotonic()
        if now - self._looked >= SHARDS_SECONDS:
            self._parents = {shard["ShardId"]: shard.get("ParentShardId") for shard in self._shards()}
            self._looked = now

    def _finished(self, shard: str) -> bool:
        return self._iterators.get(shard, "") is None

    def _shards(self) -> Iterator[Any]:
        arguments: Any = {"StreamArn": self._stream_arn}
        while True:
            page = self._client.describe_stream(**arguments)["StreamDescription"]
            yield from page["Shards"]
            if not (last := page.get("LastEvaluatedShardId")):
                return
            arguments["ExclusiveStartShardId"] = last

    def _records(self, shard: str) -> list[Record]:
        try:
            iterator = self._iterators.get(shard) or self._iterator(shard)
            answer = self._client.get_records(ShardIterator=iterator)
        except ClientError as error:
            self._forget(shard, error)
            return []
        self._iterators[shard] = answer.get("NextShardIterator")
        records = [as_lambda_record(record, self._source_arn) for record in answer["Records"]]
        if records:
            self._last[shard] = records[-1]["dynamodb"]["SequenceNumber"]
        return records

    def _iterator(self, shard: str) -> str:
        place: Any = {"ShardIteratorType": self._start}
        if shard in self._last:
            place = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._last[shard]}
        answer = self._client.get_shard_iterator(StreamArn=self._stream_arn, ShardId=shard, **place)
        return answer["ShardIterator"]

    def _forget(self, shard: str, error: ClientError) -> None:
        code = error.response["Error"]["Code"]
        if code not in STALE:
            raise error
        self._iterators.pop(shard, None)
        if code == "TrimmedDataAccessException":
            self._last.pop(shard, None)


def as_lambda_record(record: Any, source_arn: str) -> Record:
    """Return a record of the stream as Lambda puts it into an event: pure JSON."""
    plain: Record = json.loads(json.dumps(record, default=as_json))
    return plain | {"awsRegion": REGION, "eventSourceARN": source_arn}


def as_json(value: object) -> object:
    """Return a binary as base64 and a moment as seconds since 1970."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} has no place in a stream record")
