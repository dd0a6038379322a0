"""Messages of parked records over the operator's routes: anyone with the permission may have sent them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from tests.orders.support.http import body_of
from tests.orders.support.platform import InProcessPlatform
from tests.support.engines import moto_tables

PARKED = "/admin/ingest/parked"


@pytest.fixture
def platform() -> Iterator[InProcessPlatform]:
    with moto_tables() as engine:
        url = boto3.client("sqs", region_name="eu-central-1").create_queue(QueueName="failures")["QueueUrl"]
        yield InProcessPlatform(engine, INGEST_FAILURES_QUEUE_URL=url)


@pytest.mark.parametrize(
    "body",
    [
        {"code": "unreadable", "reason": {"not": "text"}, "stream": 7, "bytes": "many", "partitionKey": [1]},
        {"requestContext": "none"},
        {"requestContext": {"condition": 1}, "KinesisBatchInfo": {"shardId": 1, "batchSize": "2"}},
        {"source": 1, "shard": 2, "sequenceNumber": 3},
        {"source": "s", "partitionKey": 1, "data": "MQ=="},
    ],
)
def test_a_foreign_message_is_listed_and_left_alone(platform: InProcessPlatform, body: dict[str, Any]) -> None:
    sqs, url = boto3.client("sqs", region_name="eu-central-1"), platform.app.queues.ingest_failures
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))
    listed = platform.ask(PARKED)
    assert listed["statusCode"] == 200, listed
    (record,) = body_of(listed)["records"]
    assert {record[name] for name in ("reason", "stream", "bytes", "partitionKey", "batchSize", "shard")} == {None}
    retried = platform.ask(f"{PARKED}/retry", {})
    assert retried["statusCode"] == 200, retried
    assert (body_of(retried)["records"], len(body_of(retried)["gone"])) == (0, 1)
    overview = body_of(platform.ask("/admin/overview"))
    assert overview["ingest"] == {"parked": 1}
    assert ("records_parked", "Records were refused: about 1.") in [
        (each["code"], each["text"]) for each in overview["attention"]
    ]
