"""Tables that one test leaves empty for the next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH = 25
WORTH_EMPTYING = 200
"""A table with more items is dropped instead."""


class TablePool:
    """Tables of one database that are free, by the name that tests give them.

    In DynamoDB Local each table slows every request, and each table that ever was slows the making of the next.
    """

    def __init__(self, client: DynamoDBClient) -> None:
        self._client = client
        self._free: defaultdict[str, list[str]] = defaultdict(list)
        self._keys: dict[str, list[str]] = {}

    def take(self, name: str, definition: Mapping[str, Any]) -> str:
        """Name of an empty table, made if none is free. All tables of a name have one definition."""
        return self._free[name].pop() if self._free[name] else self.make(name, definition)

    def make(self, name: str, definition: Mapping[str, Any]) -> str:
        """Name of a new table."""
        table = f"{name}-{uuid4().hex}"
        self._client.create_table(TableName=table, **definition)
        self._keys[table] = [each["AttributeName"] for each in definition["KeySchema"]]
        return table

    def give_back(self, name: str, table: str) -> None:
        """Empty a table, so that it may be taken again."""
        keys: Any = {f"#{place}": key for place, key in enumerate(self._keys[table])}
        found = self._client.scan(
            TableName=table,
            ConsistentRead=True,
            ProjectionExpression=",".join(keys),
            ExpressionAttributeNames=keys,
            Limit=WORTH_EMPTYING + 1,
        )
        if len(found["Items"]) > WORTH_EMPTYING or "LastEvaluatedKey" in found:
            self.drop(table)
            return
        self._remove(table, found["Items"])
        self._free[name].append(table)

    def drop(self, table: str) -> None:
        """Delete a table."""
        self._client.delete_table(TableName=table)

    def _remove(self, table: str, keys: list[Any]) -> None:
        for first in range(0, len(keys), BATCH):
            batch: Any = [{"DeleteRequest": {"Key": key}} for key in keys[first : first + BATCH]]
            assert not self._client.batch_write_item(RequestItems={table: batch})["UnprocessedItems"]
