"""A transaction that is cancelled leaves no trace, as with moto's own way of going back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from banyan_tools.local.environment import environment
from banyan_tools.local.transactions import undoing_touched_items

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "things"
REGION = "eu-central-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": REGION}


@pytest.fixture(params=[undoing_touched_items, nullcontext], ids=["touched-items", "moto"])
def client(request: pytest.FixtureRequest) -> Iterator[DynamoDBClient]:
    with environment(CREDENTIALS), request.param(), mock_aws():
        client: DynamoDBClient = boto3.client("dynamodb")
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "name", "AttributeType": "S"},
                {"AttributeName": "place", "AttributeType": "N"},
            ],
            KeySchema=[
                {"AttributeName": "name", "KeyType": "HASH"},
                {"AttributeName": "place", "KeyType": "RANGE"},
            ],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        client.put_item(TableName=TABLE, Item=thing("old", 1, count="1"))
        client.put_item(TableName=TABLE, Item=thing("old", 2, count="1"))
        yield client


def thing(name: str, place: int, **numbers: str) -> dict[str, Any]:
    return {"name": {"S": name}, "place": {"N": str(place)}, **{key: {"N": n} for key, n in numbers.items()}}


def content(client: DynamoDBClient) -> list[Any]:
    return sorted(client.scan(TableName=TABLE)["Items"], key=str)


def records() -> int:
    shard = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables[TABLE].stream_shard
    return len(shard.items) if shard else 0


def writes() -> list[Any]:
    """A new item, one counted up in place, and one deleted."""
    add = {
        "UpdateExpression": "ADD #c :one",
        "ExpressionAttributeNames": {"#c": "count"},
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    return [
        {"Put": {"TableName": TABLE, "Item": thing("new", 1)}},
        {
            "Update": {
                "TableName": TABLE,
                "Key": thing("old", 1),
                **add,
                "ExpressionAttributeValues": {":one": {"N": "1"}},
            }
        },
        {"Delete": {"TableName": TABLE, "Key": thing("old", 2)}},
    ]


def test_a_transaction_is_carried_out(client: DynamoDBClient) -> None:
    client.transact_write_items(TransactItems=writes())

    assert content(client) == [thing("new", 1), thing("old", 1, count="2")]


def test_a_cancelled_transaction_leaves_no_trace(client: DynamoDBClient) -> None:
    before, seen = content(client), records()
    refused: Any = {"TableName": TABLE, "Item": thing("last", 1), "ConditionExpression": "attribute_exists(place)"}

    with pytest.raises(ClientError, match="TransactionCanceled"):
        client.transact_write_items(TransactItems=[*writes(), {"Put": refused}])

    assert content(client) == before
    assert records() == seen
