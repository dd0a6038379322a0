from __future__ import annotations

from typing import Any

import boto3
import pytest
from tests.unit.local.conftest import Write

from banyan_tools.local.errors import StackError
from banyan_tools.local.tables import create_tables
from banyan_tools.local.template import Resource

TABLE = """
    Table:
      Type: AWS::DynamoDB::Table
      DeletionPolicy: Retain
      Properties:
        BillingMode: PAY_PER_REQUEST
        AttributeDefinitions:
          - {AttributeName: key, AttributeType: S}
          - {AttributeName: place, AttributeType: N}
        KeySchema: [{AttributeName: key, KeyType: HASH}]
        GlobalSecondaryIndexes:
          - IndexName: places
            KeySchema: [{AttributeName: place, KeyType: HASH}]
            Projection: {ProjectionType: KEYS_ONLY}
        StreamSpecification: {StreamViewType: NEW_IMAGE}
        TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}
        PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
        DeletionProtectionEnabled: true
"""


def tables(template: Write, resources: str = TABLE) -> list[Resource]:
    return template(resources).resources("AWS::DynamoDB::Table")


def described() -> Any:
    return boto3.client("dynamodb").describe_table(TableName="banyan-Table")["Table"]


@pytest.mark.usefixtures("aws")
def test_a_table_has_the_templates_keys_indexes_stream_and_ttl(template: Write) -> None:
    create_tables(tables(template))
    table = described()
    ttl = boto3.client("dynamodb").describe_time_to_live(TableName="banyan-Table")["TimeToLiveDescription"]

    assert table["KeySchema"] == [{"AttributeName": "key", "KeyType": "HASH"}]
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["places"]
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}


@pytest.mark.usefixtures("aws")
def test_a_kept_table_stays_as_it_is(template: Write) -> None:
    create_tables(tables(template))
    boto3.client("dynamodb").put_item(TableName="banyan-Table", Item={"key": {"S": "kept"}})

    create_tables(tables(template))

    assert boto3.client("dynamodb").scan(TableName="banyan-Table")["Count"] == 1


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("change", [("AttributeName: key, KeyType", "AttributeName: place, KeyType"), ("places", "x")])
def test_a_kept_table_of_another_shape_is_refused(template: Write, change: tuple[str, str]) -> None:
    create_tables(tables(template))

    with pytest.raises(StackError, match=r"banyan-Table was kept from an earlier template.*remove the data folder"):
        create_tables(tables(template, TABLE.replace(*change)))


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    "change",
    [
        ("KeyType: HASH}]\n", "KeyType: MIDDLE}]\n"),
        ("KeySchema: [{AttributeName: key", "KeySchema: [{AttributeName: other"),
    ],
)
def test_a_table_that_the_engine_refuses_is_one_sentence(template: Write, change: tuple[str, str]) -> None:
    with pytest.raises(StackError, match="The table Table cannot be created: ") as raised:
        create_tables(tables(template, TABLE.replace(*change, 1)))

    assert "\n" not in str(raised.value)
