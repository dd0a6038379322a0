"""Queries that look at one partition, and scans that begin behind the last page, answer as moto's own do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from moto.dynamodb.models.dynamo_type import DynamoType

from banyan_tools.local.environment import environment
from banyan_tools.local.partitions import looking_at_one_partition
from banyan_tools.local.scans import beginning_behind_the_last_page

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

REGION = "eu-central-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": REGION}
WHOLE, HASHED = "whole", "hashed"
QUERIES: list[dict[str, Any]] = [
    {"TableName": WHOLE, "KeyConditionExpression": "name = :name"},
    {"TableName": WHOLE, "KeyConditionExpression": "name = :name", "ScanIndexForward": False},
    {"TableName": WHOLE, "KeyConditionExpression": "name = :name AND place > :place"},
    {"TableName": WHOLE, "KeyConditionExpression": "kind = :kind", "IndexName": "kinds"},
    {"TableName": WHOLE, "KeyConditionExpression": "kind = :kind", "IndexName": "kinds", "ScanIndexForward": False},
    {"TableName": WHOLE, "KeyConditionExpression": "weight = :place", "IndexName": "weights"},
    {"TableName": HASHED, "KeyConditionExpression": "name = :name"},
]
VALUES = {":name": {"S": "b"}, ":place": {"N": "2"}, ":kind": {"S": "even"}}


def attributes(**kinds: str) -> list[Any]:
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in kinds.items()]


def keys(hash: str, range: str = "") -> list[Any]:
    found = [{"AttributeName": hash, "KeyType": "HASH"}, {"AttributeName": range, "KeyType": "RANGE"}]
    return found if range else found[:1]


def index(name: str, hash: str, range: str) -> Any:
    return {"IndexName": name, "KeySchema": keys(hash, range), "Projection": {"ProjectionType": "ALL"}}


@pytest.fixture
def client() -> Iterator[DynamoDBClient]:
    with environment(CREDENTIALS), mock_aws():
        client: DynamoDBClient = boto3.client("dynamodb")
        client.create_table(
            TableName=WHOLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=attributes(name="S", place="N", kind="S", weight="N"),
            KeySchema=keys("name", "place"),
            GlobalSecondaryIndexes=[index("kinds", "kind", "weight"), index("weights", "weight", "name")],
        )
        client.create_table(
            TableName=HASHED,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=attributes(name="S"),
            KeySchema=keys("name"),
        )
        for name in "cab":
            client.put_item(TableName=HASHED, Item={"name": {"S": name}})
            for place in (10, 2, 7, 1):
                put(client, name, place)
        yield client


def put(client: DynamoDBClient, name: str, place: int) -> None:
    item: Any = {"name": {"S": name}, "place": {"N": str(place)}, "weight": {"N": str(place % 5)}}
    if place != 7:
        item["kind"] = {"S": "odd" if place % 2 else "even"}
    client.put_item(TableName=WHOLE, Item=item)


def pages(client: DynamoDBClient, query: dict[str, Any], way: AbstractContextManager[None]) -> list[Any]:
    values = {name: value for name, value in VALUES.items() if name in query["KeyConditionExpression"]}
    request, found = {**query, "Limit": 2, "ExpressionAttributeValues": values}, []
    with way:
        while True:
            answer = client.query(**request)
            found.append((answer["Items"], answer.get("LastEvaluatedKey")))
            if "LastEvaluatedKey" not in answer:
                return found
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: " ".join(map(str, query.values())))
def test_every_page_is_as_motos_own(client: DynamoDBClient, query: dict[str, Any]) -> None:
    own = pages(client, query, nullcontext())
    assert any(items for items, _ in own)
    assert pages(client, query, looking_at_one_partition()) == own


def scanned(client: DynamoDBClient, request: dict[str, Any], way: AbstractContextManager[None]) -> list[Any]:
    with way:
        pages = list(client.get_paginator("scan").paginate(**request))
    return [(page["Items"], page["ScannedCount"], page.get("LastEvaluatedKey")) for page in pages]


@pytest.mark.parametrize(
    "request_",
    [
        {"TableName": WHOLE},
        {"TableName": WHOLE, "Limit": 5},
        {"TableName": WHOLE, "Limit": 5, "IndexName": "kinds"},
        {
            "TableName": WHOLE,
            "Limit": 2,
            "FilterExpression": "place > :p",
            "ExpressionAttributeValues": {":p": VALUES[":place"]},
        },
        {"TableName": HASHED, "Limit": 1},
    ],
    ids=lambda request: " ".join(map(str, request.values())),
)
def test_every_page_of_a_scan_is_as_motos_own(client: DynamoDBClient, request_: dict[str, Any]) -> None:
    own = scanned(client, request_, nullcontext())
    assert any(items for items, *_ in own)
    assert scanned(client, request_, beginning_behind_the_last_page()) == own


def test_a_scan_continues_behind_an_item_that_is_gone(client: DynamoDBClient) -> None:
    (first, *_), *_ = scanned(client, {"TableName": WHOLE, "Limit": 5}, beginning_behind_the_last_page())
    gone = {name: first[-1][name] for name in ("name", "place")}
    client.delete_item(TableName=WHOLE, Key=gone)
    with beginning_behind_the_last_page():
        rest = client.scan(TableName=WHOLE, ExclusiveStartKey=gone)["Items"]
    assert len(rest) == 12 - len(first)


def test_a_partition_that_is_not_there_is_empty_and_is_not_made(client: DynamoDBClient) -> None:
    nobody = {"TableName": WHOLE, "KeyConditionExpression": "name = :kind"}
    for _ in range(2):
        assert pages(client, nobody, looking_at_one_partition()) == [([], None)]
    assert len(client.scan(TableName=WHOLE)["Items"]) == 12


def test_other_partitions_are_not_compared(client: DynamoDBClient, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[Any] = []
    own = DynamoType.__lt__

    def noted(one: DynamoType, other: DynamoType) -> bool:
        looked_at.append(one.value)
        return own(one, other)

    monkeypatch.setattr(DynamoType, "__lt__", noted)
    pages(client, QUERIES[0], looking_at_one_partition())
    assert set(looked_at) <= {"10", "2", "7", "1"}
