"""Batches of a Kinesis stream, in the shape in which Lambda hands them over."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from banyan_tools.local.physical import REGION, STACK, attribute
from banyan_tools.samples.history import START

STREAM_ARN: Final = attribute("AWS::Kinesis::Stream", f"{STACK}-ingest", "Arn")
ROLE_ARN: Final = attribute("AWS::IAM::Role", f"{STACK}-IngestRole", "Arn")
SHARD: Final = "shardId-000000000000"
FIRST: Final = 49545115243490985018280067714973144582180062593244200961


def kinesis_records(
    *data: bytes, start: int = 0, shard: str = SHARD, key: str = "a", at: datetime = START
) -> Sequence[Mapping[str, Any]]:
    """Records that follow each other in a shard, the first of them at ``start`` there."""
    return [_record(each, sequence_number(number), shard, key, at) for number, each in enumerate(data, start)]


def kinesis_batch(*data: bytes, **more: Any) -> Mapping[str, Any]:
    """An event of these records."""
    return {"Records": kinesis_records(*data, **more)}


def sequence_number(number: int) -> str:
    """That of a record by its place in its shard; with one digit more they would not sort as text."""
    return str(FIRST + number * 10**54)


def _record(data: bytes, sequence: str, shard: str, key: str, at: datetime) -> Mapping[str, Any]:
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": key,
            "sequenceNumber": sequence,
            "data": b64encode(data).decode(),
            "approximateArrivalTimestamp": at.timestamp(),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard}:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": ROLE_ARN,
        "awsRegion": REGION,
        "eventSourceARN": STREAM_ARN,
    }
