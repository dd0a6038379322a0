"""The primary as items of a DynamoDB table, which any transaction can check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from banyan.adapters.dynamodb.commit_items import bucket_of
from banyan.adapters.dynamodb.commits import TransactItem
from banyan.migration.stores.requests import Requests, item_key, unavailable
from banyan.migration.writes.primary import Primary, refused
from banyan.streams import StreamId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SHARDS: Final = 8


class DynamoDBPrimary:
    """Which side is primary for an entity: one item for each of a few shards of its streams, so that no item gets hot.

    Parameters
    ----------
    client : DynamoDBClient
    table : str
        Keyed by ``part`` and ``item``.
    entity : str
    """

    def __init__(self, client: DynamoDBClient, table: str, entity: str) -> None:
        self._client = client
        self._requests = Requests(client, table)
        self._table = table
        self._part = f"lead#{entity}"

    def get(self) -> Primary:
        """Which side is primary; while the primary changes this may be either. Raises ``StoreUnavailable``."""
        answer = self._first()
        return Primary(answer["Item"]["leader"]["S"]) if "Item" in answer else Primary.LEGACY

    def put(self, primary: Primary, token: int) -> bool:
        """Change the primary for all shards at once: every transaction that checked another one is over or fails.

        Returns
        -------
        bool
            False when this cutover has been made already.

        Raises
        ------
        Overtaken
            A later cutover has been here.
        StoreUnavailable
        """
        puts = [self._put(shard, primary, token) for shard in range(SHARDS)]
        try:
            self._client.transact_write_items(TransactItems=puts)  # type: ignore[arg-type]
        except ClientError as error:
            if "ConditionalCheckFailed" in {r.get("Code") for r in error.response.get("CancellationReasons", [])}:
                return not refused(self._token(), token)
            raise unavailable(error) from error
        except BotoCoreError as error:
            raise unavailable(error) from error
        return True

    def check(self, stream: StreamId, primary: Primary) -> TransactItem:
        """What a transaction on a stream holds, so that it fails when another side is primary."""
        absent = "attribute_not_exists(leader) OR " if primary is Primary.LEGACY else ""
        return self._check(stream, f"{absent}leader = :leader", primary)

    def check_not_off(self, stream: StreamId) -> TransactItem:
        """What a transaction on a stream holds, so that it fails once the legacy system takes no more writes."""
        return self._check(stream, "attribute_not_exists(leader) OR leader <> :leader", Primary.OFF)

    def _check(self, stream: StreamId, condition: str, primary: Primary) -> TransactItem:
        return {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": self._key(bucket_of(stream, SHARDS)),
                "ConditionExpression": condition,
                "ExpressionAttributeValues": {":leader": {"S": primary.value}},
            }
        }

    def _put(self, shard: int, primary: Primary, token: int) -> TransactItem:
        item = {**self._key(shard), "leader": {"S": primary.value}, "token": {"N": str(token)}}
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(#token) OR #token <= :token",
                "ExpressionAttributeNames": {"#token": "token"},
                "ExpressionAttributeValues": {":token": {"N": str(token)}},
            }
        }

    def _token(self) -> int:
        return int(self._first()["Item"]["token"]["N"])

    def _first(self) -> Any:
        return self._requests.sent("get_item", Key=self._key(0), ConsistentRead=True)

    def _key(self, shard: int) -> dict[str, Any]:
        return item_key(self._part, str(shard))
