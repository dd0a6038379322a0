"""A function under Lambda's own logging set-up, with secrets all around it: python logged.py."""

from __future__ import annotations

import logging
import os
from types import SimpleNamespace
from typing import Any

import awslambdaric.bootstrap as runtime  # type: ignore[import-untyped]
import boto3
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller  # type: ignore[import-untyped]
from moto import mock_aws

from banyan.adapters.clients import dynamodb_client, events_client, s3_client, sqs_client
from banyan.adapters.observability import instrumented, logger, telemetry

PAYLOAD = "card-no-4111"
TABLE: Any = {
    "TableName": "events",
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
}


def call_aws() -> None:
    """Send a payload to every kind of service, with the engine's clients and with one of the SDK's own."""
    dynamodb_client().create_table(**TABLE)
    for client in (dynamodb_client(), boto3.client("dynamodb")):
        client.put_item(TableName="events", Item={"id": {"S": PAYLOAD}})
        client.scan(TableName="events")
    url = sqs_client().create_queue(QueueName="work")["QueueUrl"]
    sqs_client().send_message(QueueUrl=url, MessageBody=PAYLOAD)
    s3_client().create_bucket(Bucket="claims", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3_client().put_object(Bucket="claims", Key="a", Body=PAYLOAD.encode())
    events_client().put_events(Entries=[{"Source": "a", "DetailType": "b", "Detail": f'{{"a":"{PAYLOAD}"}}'}])


@instrumented
def handler(event: Any, _: Any) -> None:
    """Log on every level, call AWS, and fail with what no log may quote."""
    with mock_aws():
        call_aws()
    telemetry().count("Handled")
    for log in (logger(), logging.getLogger("banyan.test"), logging.getLogger("some.library")):
        for level in ("debug", "info", "warning", "error"):
            getattr(log, level)(f"{level} line")
    raise ValueError(event["body"])


def main() -> None:
    """Let the runtime handle one event, as it does under Lambda."""
    sink = runtime.StandardLogSink()
    runtime._setup_logging(runtime._AWS_LAMBDA_LOG_FORMAT, runtime._AWS_LAMBDA_LOG_LEVEL, sink)
    client = SimpleNamespace(marshaller=LambdaMarshaller(), post_invocation_error=lambda *_: None)
    event = f'{{"body":"{PAYLOAD} {os.environ["AWS_SESSION_TOKEN"]}"}}'
    runtime.handle_event_request(
        client, handler, "request-1", event, "application/json", "{}", "{}", "arn", 10_000_000_000_000, None, sink
    )


if __name__ == "__main__":
    main()
