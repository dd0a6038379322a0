"""An old program on DynamoDB: one item for each order, whose version it raises with each write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from orders.legacy import LegacyOrder

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OF_BANYAN = "banyan_"

_reader, _writer = TypeDeserializer(), TypeSerializer()


class OnDynamoDB:
    """Writes to a table keyed by ``tenant`` and ``id``, and raises ``version`` with each write."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def close(self) -> None:
        """Nothing is kept open."""

    def create(self) -> None:
        with suppress(self._client.exceptions.ResourceInUseException):
            self._client.create_table(
                TableName=self._table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("tenant", "id")],
                KeySchema=[{"AttributeName": "tenant", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
            )

    def insert(self, tenant: str, row: LegacyOrder) -> None:
        item = {"tenant": tenant, "id": row.order_id, "version": 1, **orjson.loads(row.model_dump_json())}
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.put_item(
                TableName=self._table,
                Item={name: _writer.serialize(value) for name, value in item.items()},
                ConditionExpression="attribute_not_exists(id)",
            )

    def update(self, tenant: str, order_id: str, column: str, value: str) -> None:
        self._client.update_item(
            TableName=self._table,
            Key={"tenant": {"S": tenant}, "id": {"S": order_id}},
            UpdateExpression="SET #column = :value ADD version :one",
            ExpressionAttributeNames={"#column": column},
            ExpressionAttributeValues={":value": {"S": value}, ":one": {"N": "1"}},
        )

    def rows(self, tenant: str) -> dict[str, LegacyOrder]:
        return {item["id"]: _order(item) for item in self._items() if item["tenant"] == tenant}

    def _items(self) -> Iterator[Mapping[str, Any]]:
        for page in self._client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True):
            for item in page["Items"]:
                yield {name: _reader.deserialize(value) for name, value in item.items()}


def _order(item: Mapping[str, Any]) -> LegacyOrder:
    return LegacyOrder.model_validate({name: value for name, value in item.items() if not name.startswith(OF_BANYAN)})
