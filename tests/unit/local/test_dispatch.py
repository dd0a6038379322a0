"""A request that reaches moto's DynamoDB directly is answered as moto answers it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.dynamodb.models import dynamodb_backends

from banyan_tools.local.dispatch import dispatching_directly
from banyan_tools.local.engine import ISOLATION
from banyan_tools.local.environment import environment
from banyan_tools.local.physical import REGION

TABLE = {"TableName": "things"}
KEY = {"Key": {"name": {"S": "é"}}}
THING = {"Item": KEY["Key"] | {"blob": {"B": b"\x00\xff"}, "parts": {"L": [{"M": {"size": {"N": "1.50"}}}]}}}
UNLESS_THERE = {"ConditionExpression": "attribute_not_exists(#name)", "ExpressionAttributeNames": {"#name": "name"}}
COUNTED = {"UpdateExpression": "ADD size :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
CHANGING = {"date", "x-amzn-requestid"}
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("put_item", TABLE | THING | {"ReturnConsumedCapacity": "TOTAL"}),
    ("put_item", TABLE | THING | UNLESS_THERE | {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}),
    ("get_item", TABLE | KEY),
    ("get_item", {"TableName": "nothing"} | KEY),
    ("get_item", TABLE | {"Key": {"other": {"S": "x"}}}),
    ("update_item", TABLE | KEY | COUNTED | {"ReturnValues": "ALL_NEW"}),
    ("update_item", TABLE | KEY | COUNTED | {"UpdateExpression": "ADDED size :one"}),
    ("query", TABLE | {"KeyConditionExpression": "#n = :n", "ExpressionAttributeValues": {":n": {"S": "é"}}}
     | {"ExpressionAttributeNames": {"#n": "name"}}),
    ("scan", TABLE | {"Limit": 1}),
    ("transact_write_items", {"TransactItems": [{"Put": TABLE | THING | UNLESS_THERE}]}),
    ("batch_write_item", {"RequestItems": {"things": [{"DeleteRequest": KEY}]}}),
    ("list_tables", {}),
    ("describe_time_to_live", TABLE),
]  # fmt: skip


@pytest.fixture(params=["http", "https"])
def endpoint(request: pytest.FixtureRequest) -> str:
    return f"{request.param}://dynamodb.{REGION}.amazonaws.com"


def answers(endpoint: str, way: Callable[[], AbstractContextManager[None]]) -> list[Any]:
    with environment(ISOLATION), mock_aws(), way():
        client: Any = boto3.client("dynamodb", endpoint_url=endpoint)
        client.create_table(
            **TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        )
        return [answer(client, *request) for request in REQUESTS]


def answer(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
    try:
        found = getattr(client, operation)(**arguments)
    except ClientError as error:
        found = error.response
    of_http = found.pop("ResponseMetadata")
    headers = {name: value for name, value in of_http["HTTPHeaders"].items() if name not in CHANGING}
    return operation, of_http["HTTPStatusCode"], headers, found


def test_answers_are_those_of_moto(endpoint: str) -> None:
    direct = answers(endpoint, dispatching_directly)
    assert direct == answers(endpoint, nullcontext)
    assert {status for _, status, _, _ in direct} == {200, 400}


def test_it_is_in_the_region_of_its_endpoint() -> None:
    with environment(ISOLATION), mock_aws(), dispatching_directly():
        for region in ("eu-west-1", "us-gov-east-1"):
            boto3.client("dynamodb", region_name=region).create_table(
                TableName=region,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
            )
            assert list(dynamodb_backends["123456789012"][region].tables) == [region]


def test_what_is_for_another_service_goes_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    own = BotocoreStubber.process_request

    def noted(self: BotocoreStubber, request: AWSPreparedRequest) -> Any:
        seen.append(request.url)
        return own(self, request)

    monkeypatch.setattr(BotocoreStubber, "process_request", noted)
    with environment(ISOLATION), mock_aws(), dispatching_directly():
        boto3.client("sqs").create_queue(QueueName="q")
        boto3.client("dynamodbstreams").list_streams()
        boto3.client("dynamodb").list_tables()
    assert [url.partition("://")[2].partition(".")[0] for url in seen] == ["sqs", "streams"]
