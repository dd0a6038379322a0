"""The lead as items of a DynamoDB table, which any transaction can check."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from banyan.errors import StoreUnavailable
from banyan.migration.lead import Leader
from banyan.store.dynamodb import TransactItem
from banyan.store.items import bucket_of
from banyan.streams import StreamId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SHARDS: Final = 8


class DynamoDBLead:
    """Who leads an entity: one item for each of a few shards of its streams, so that no item gets hot.

    Parameters
    ----------
    client : DynamoDBClient
    table : str
        Keyed by ``part`` and ``item``.
    entity : str
    """

    def __init__(self, client: DynamoDBClient, table: str, entity: str) -> None:
        self._client = client
        self._table = table
        self._part = f"lead#{entity}"

    def get(self) -> Leader:
        """Who leads; while the lead changes hands this may be either. Raises ``StoreUnavailable``."""
        answer = _sent(self._client.get_item, TableName=self._table, Key=self._key(0), ConsistentRead=True)
        return Leader(answer["Item"]["leader"]["S"]) if "Item" in answer else Leader.LEGACY

    def put(self, leader: Leader) -> None:
        """Change the leader for all shards at once: every transaction that checked another one is over or fails."""
        puts = [
            {"Put": {"TableName": self._table, "Item": {**self._key(shard), "leader": {"S": leader.value}}}}
            for shard in range(SHARDS)
        ]
        _sent(self._client.transact_write_items, TransactItems=puts)

    def check(self, stream: StreamId, leader: Leader) -> TransactItem:
        """What a transaction on a stream holds, so that it fails when another one leads."""
        absent = "attribute_not_exists(leader) OR " if leader is Leader.LEGACY else ""
        return {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": self._key(bucket_of(stream, SHARDS)),
                "ConditionExpression": f"{absent}leader = :leader",
                "ExpressionAttributeValues": {":leader": {"S": leader.value}},
            }
        }

    def _key(self, shard: int) -> dict[str, Any]:
        return {"part": {"S": self._part}, "item": {"S": str(shard)}}


def _sent(operation: Callable[..., Any], **request: Any) -> Any:
    try:
        return operation(**request)
    except (ClientError, BotoCoreError) as error:
        raise StoreUnavailable(f"no answer from the migration table: {type(error).__name__}") from error
