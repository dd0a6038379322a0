"""The template's queues, topics, buckets, event buses and Kinesis streams, created in moto."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import boto3
from botocore.exceptions import ClientError

from banyan_tools.local.physical import REGION
from banyan_tools.local.template import Resource, Template

QUEUE_ATTRIBUTES = (
    "DelaySeconds",
    "FifoQueue",
    "ContentBasedDeduplication",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "RedrivePolicy",
    "VisibilityTimeout",
)


THERE_ALREADY = frozenset({"BucketAlreadyOwnedByYou", "ResourceAlreadyExistsException", "ResourceInUseException"})
ON_DEMAND: Any = {"StreamMode": "ON_DEMAND"}


def create_services(template: Template) -> None:
    """Create every queue, topic, bucket, event bus and Kinesis stream of the template that is not there yet."""
    create_queues(template.resources("AWS::SQS::Queue"))
    for topic in template.resources("AWS::SNS::Topic"):
        boto3.client("sns").create_topic(Name=topic.name)
    for bucket in template.resources("AWS::S3::Bucket"):
        where = {"LocationConstraint": REGION}
        unless_there(boto3.client("s3").create_bucket, Bucket=bucket.name, CreateBucketConfiguration=where)
    for bus in template.resources("AWS::Events::EventBus"):
        unless_there(boto3.client("events").create_event_bus, Name=bus.name)
    for stream in template.resources("AWS::Kinesis::Stream"):
        create_stream(stream.name, stream.properties)


def create_streams(names: Iterable[str]) -> None:
    """Create those Kinesis streams that are not there yet, on demand: with four shards."""
    for name in names:
        create_stream(name, {"StreamModeDetails": ON_DEMAND})


def create_stream(name: str, properties: dict[str, Any]) -> None:
    """Create a Kinesis stream, unless it is there."""
    client: Any = boto3.client("kinesis")
    mode = properties.get("StreamModeDetails", {})
    shards = {} if mode == ON_DEMAND else {"ShardCount": int(properties.get("ShardCount", 1))}
    unless_there(client.create_stream, StreamName=name, **shards, **({"StreamModeDetails": mode} if mode else {}))


def unless_there(create: Callable[..., object], **arguments: Any) -> None:
    """Create something; that it is there from an earlier start is not an error."""
    try:
        create(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] not in THERE_ALREADY:
            raise


def create_queues(queues: list[Resource]) -> None:
    """Create queues, those without a dead-letter queue first, because the others name them."""
    client = boto3.client("sqs")
    for queue in sorted(queues, key=lambda queue: "RedrivePolicy" in queue.properties):
        client.create_queue(QueueName=queue.name, Attributes=queue_attributes(queue.properties))


def queue_attributes(properties: dict[str, Any]) -> Any:
    """Return a queue's properties as the text attributes of ``CreateQueue``."""
    return {name: as_text(properties[name]) for name in QUEUE_ATTRIBUTES if name in properties}


def as_text(value: Any) -> str:
    """Return text as it is and anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)
