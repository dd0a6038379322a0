"""An update does what it does with moto alone."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from banyan_tools.local.environment import environment
from banyan_tools.local.expressions import remembering_kinds

REGION = "eu-central-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": REGION}
TABLE = "values"
KEY = {"name": {"S": "it"}}
ITEM: Any = {
    **KEY,
    "count": {"N": "1"},
    "list": {"L": [{"N": "1"}, {"N": "2"}, {"N": "3"}]},
    "tags": {"SS": ["a", "b"]},
}
NAMES = {"#count": "count", "#list": "list", "#name": "name", "#new": "new"}
VALUES: dict[str, Any] = {":one": {"N": "1"}, ":tag": {"SS": ["a"]}, ":more": {"L": [{"S": "x"}]}}
UPDATES = (
    "SET #count = #count + :one, #new = if_not_exists(#new, :one), kept = :tag",
    "SET #list = list_append(#list, :more) ADD #count :one DELETE tags :tag",
    "SET #list[0] = :one REMOVE #list[1], #list[2], tags",
    "SET nested.#new = :one",
    "SET #new = :one, #new = :one",
    "SET #count = :one SET #new = :one",
    "SET nested.a = :one, nested.a.b = :one",
    "SET #name = :tag",
    "ADD #list :one",
)


def updated(expression: str, how: AbstractContextManager[None]) -> Any:
    """The item behind an update, or what is said against it."""
    with environment(CREDENTIALS), how, mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        )
        client.put_item(TableName=TABLE, Item=ITEM)
        given: dict[str, Any] = {
            "ExpressionAttributeNames": {name: real for name, real in NAMES.items() if name in expression},
            "ExpressionAttributeValues": {name: value for name, value in VALUES.items() if name in expression},
        }
        try:
            client.update_item(TableName=TABLE, Key=KEY, UpdateExpression=expression, **given)
        except ClientError as error:
            return error.response["Error"]
        return client.get_item(TableName=TABLE, Key=KEY)["Item"]


@pytest.mark.parametrize("expression", UPDATES)
def test_an_update_does_what_it_does_with_moto_alone(expression: str) -> None:
    own = updated(expression, nullcontext())
    assert own != ITEM
    assert updated(expression, remembering_kinds()) == own


def test_half_of_them_are_refused() -> None:
    """Both ways through a step are compared."""
    refused = ["Message" in updated(expression, remembering_kinds()) for expression in UPDATES]
    assert refused == [False] * 3 + [True] * 6
