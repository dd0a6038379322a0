"""An answer of plain values is the one that moto gives by itself."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from moto import mock_aws

from banyan_tools.local.environment import environment
from banyan_tools.local.plain_values import plain_values

REGION = "eu-central-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": REGION}
TABLE = "values"
KEY = {"name": {"S": "it"}}
VALUES: dict[str, Any] = {
    "plain": {"L": [{"S": "x"}, {"N": "1.50"}, {"BOOL": False}, {"NULL": True}]},
    "nested": {"M": {"lines": {"L": [{"M": {"sku": {"S": "A"}, "empty": {"L": []}, "none": {"M": {}}}}]}}},
    "bytes": {"B": b"\x00\xff"},
    "bytes within": {"L": [{"M": {"digest": {"B": b"\x01"}}}]},
    "set": {"SS": ["a", "b"]},
    "set within": {"M": {"numbers": {"NS": ["1", "2"]}}},
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_reads_as_with_moto_alone(name: str) -> None:
    with environment(CREDENTIALS), mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        )
        client.put_item(TableName=TABLE, Item=KEY | {"value": VALUES[name]})
        own = client.scan(TableName=TABLE)["Items"]
        with plain_values():
            read = client.get_item(TableName=TABLE, Key=KEY)["Item"]
            assert client.scan(TableName=TABLE)["Items"] == own == [read] == [KEY | {"value": VALUES[name]}]
