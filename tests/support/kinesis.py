"""A Kinesis stream in memory, and a mapping that feeds a function with it."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from tests.support.clocks import wait_until

from banyan_tools.local.checkpoints import Checkpoints
from banyan_tools.local.console import Console
from banyan_tools.local.functions import Invocable
from banyan_tools.local.mappings import Mapping
from banyan_tools.local.physical import attribute
from banyan_tools.local.streams import StreamConsumer

STREAM = "readings"
ARN = attribute("AWS::Kinesis::Stream", STREAM, "Arn")


def client() -> Any:
    """A client of Kinesis."""
    return boto3.client("kinesis")


def create(shards: int = 1, stream: str = STREAM) -> None:
    """Create a stream."""
    client().create_stream(StreamName=stream, ShardCount=shards)


def put(*records: tuple[str, bytes], stream: str = STREAM) -> list[str]:
    """Put records, each with its partition key, on a stream; return the shards that took them."""
    entries = [{"PartitionKey": key, "Data": data} for key, data in records]
    return [taken["ShardId"] for taken in client().put_records(StreamName=stream, Records=entries)["Records"]]


def mapping(**properties: Any) -> Mapping:
    """A mapping of the stream, with Lambda's defaults for what is not given."""
    return Mapping("Mapping", "Worker", ARN, **properties)


@contextmanager
def consuming(
    given: Mapping, function: Invocable, console: Console, checkpoints: Checkpoints | None = None
) -> Iterator[StreamConsumer]:
    """Feed a function until the block is left."""
    consumer = StreamConsumer(given, function, checkpoints or Checkpoints(), console, threading.Event())
    with consumer.running():
        yield consumer


def settled(consumer: StreamConsumer) -> None:
    """Wait until every record that was put before is handled."""
    wait_until(lambda: consumer.lag() == 0, "the stream to be consumed")


def delivered(events: list[Any]) -> list[tuple[str, bytes]]:
    """Partition keys and data of the records in a function's events, in their order."""
    contents = [record["kinesis"] for event in events for record in event["Records"]]
    return [(content["partitionKey"], base64.b64decode(content["data"])) for content in contents]
