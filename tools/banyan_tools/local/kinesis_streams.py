"""A Kinesis stream, as Lambda reads it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, Self

import boto3

from banyan_tools.local.physical import REGION
from banyan_tools.local.stream_records import Page, Record, Shard


class KinesisStream:
    """A Kinesis stream.

    Parameters
    ----------
    name : str
        The stream, as the engine names it.
    source_arn : str
        The stream, as the template names it; records carry it.
    role : str
        ARN of the role that the function has; records carry that, too.
    """

    def __init__(self, client: Any, name: str, source_arn: str, role: str) -> None:
        self._client = client
        self._name = name
        self._of_all_records = {
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": role,
            "awsRegion": REGION,
            "eventSourceARN": source_arn,
        }

    @classmethod
    def opened(cls, name: str, source_arn: str, role: str) -> Self | None:
        """Return the stream of a name; ``None`` while there is none."""
        client: Any = boto3.client("kinesis")
        try:
            client.describe_stream_summary(StreamName=name)
        except client.exceptions.ResourceNotFoundException:
            return None
        return cls(client, name, source_arn, role)

    def shards(self) -> Iterator[Shard]:
        """Return every shard that there still is."""
        arguments = {"StreamName": self._name}
        while True:
            page = self._client.list_shards(**arguments)
            for shard in page["Shards"]:
                parents = shard.get("ParentShardId"), shard.get("AdjacentParentShardId")
                yield Shard(shard["ShardId"], tuple(filter(None, parents)))
            if not (token := page.get("NextToken")):
                return
            arguments = {"NextToken": token}

    def iterator(self, shard: str, place: dict[str, Any]) -> str:
        """Return where to read a shard from."""
        named = {("Starting" if name == "SequenceNumber" else "") + name: value for name, value in place.items()}
        answer = self._client.get_shard_iterator(StreamName=self._name, ShardId=shard, **named)
        return str(answer["ShardIterator"])

    def page(self, shard: str, iterator: str) -> Page:
        """Read a shard once."""
        answer = self._client.get_records(ShardIterator=iterator)
        records = [self._record(shard, record) for record in answer["Records"]]
        return Page(records, answer.get("NextShardIterator"), bool(records and answer.get("MillisBehindLatest")))

    def _record(self, shard: str, record: Any) -> Record:
        number, key = record["SequenceNumber"], record["PartitionKey"]
        arrived = round(record["ApproximateArrivalTimestamp"].timestamp(), 3)
        content = {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": key,
            "sequenceNumber": number,
            "data": base64.b64encode(record["Data"]).decode(),
            "approximateArrivalTimestamp": arrived,
        }
        event = {"kinesis": content, "eventID": f"{shard}:{number}", **self._of_all_records}
        return Record(number, arrived, key, event)
