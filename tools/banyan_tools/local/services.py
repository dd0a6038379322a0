"""The template's queues, topics, buckets and event buses, created in moto."""

from __future__ import annotations

import json
from collections.abc import Callable
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


THERE_ALREADY = frozenset({"BucketAlreadyOwnedByYou", "ResourceAlreadyExistsException"})


def create_services(template: Template) -> None:
    """Create every queue, topic, bucket and event bus of the template that is not there yet."""
    create_queues(template.resources("AWS::SQS::Queue"))
    for topic in template.resources("AWS::SNS::Topic"):
        boto3.client("sns").create_topic(Name=topic.name)
    for bucket in template.resources("AWS::S3::Bucket"):
        where = {"LocationConstraint": REGION}
        unless_there(boto3.client("s3").create_bucket, Bucket=bucket.name, CreateBucketConfiguration=where)
    for bus in template.resources("AWS::Events::EventBus"):
        unless_there(boto3.client("events").create_event_bus, Name=bus.name)


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
