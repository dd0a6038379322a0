"""The stream of a table, as Lambda reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import boto3

from banyan_tools.local.physical import REGION
from banyan_tools.local.stream_records import Page, Record, Shard, as_json

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient


class TableStream:
    """The stream of a table.

    Parameters
    ----------
    stream_arn : str
        The stream, as the engine names it.
    source_arn : str
        The stream, as the template names it; records carry it.
    """

    def __init__(self, client: DynamoDBStreamsClient, stream_arn: str, source_arn: str) -> None:
        self._client = client
        self._stream_arn = stream_arn
        self._source_arn = source_arn

    @classmethod
    def opened(cls, table: str, source_arn: str) -> Self | None:
        """Return the stream of a table; ``None`` while the table or its stream does not exist."""
        client = boto3.client("dynamodb")
        try:
            stream = client.describe_table(TableName=table)["Table"].get("LatestStreamArn")
        except client.exceptions.ResourceNotFoundException:
            return None
        return cls(boto3.client("dynamodbstreams"), stream, source_arn) if stream else None

    def shards(self) -> Iterator[Shard]:
        """Return every shard that there still is."""
        arguments: Any = {"StreamArn": self._stream_arn}
        while True:
            page = self._client.describe_stream(**arguments)["StreamDescription"]
            for shard in page["Shards"]:
                yield Shard(shard["ShardId"], tuple(filter(None, [shard.get("ParentShardId")])))
            if not (last := page.get("LastEvaluatedShardId")):
                return
            arguments["ExclusiveStartShardId"] = last

    def iterator(self, shard: str, place: dict[str, Any]) -> str:
        """Return where to read a shard from."""
        return self._client.get_shard_iterator(StreamArn=self._stream_arn, ShardId=shard, **place)["ShardIterator"]

    def page(self, shard: str, iterator: str) -> Page:  # noqa: ARG002 - the iterator names the shard
        """Read a shard once."""
        answer = self._client.get_records(ShardIterator=iterator)
        return Page([self._record(record) for record in answer["Records"]], answer.get("NextShardIterator"))

    def _record(self, record: Any) -> Record:
        plain = json.loads(json.dumps(record, default=as_json))
        change = plain["dynamodb"]
        event = plain | {"awsRegion": REGION, "eventSourceARN": self._source_arn}
        key = json.dumps(change.get("Keys"), sort_keys=True)
        return Record(change["SequenceNumber"], change.get("ApproximateCreationDateTime", 0.0), key, event)
