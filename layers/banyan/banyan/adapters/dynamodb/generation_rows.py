"""Rows of whole generations on DynamoDB, part by part."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import orjson

from banyan.adapters.dynamodb.commit_items import Item
from banyan.adapters.dynamodb.requests import Patience, sent
from banyan.adapters.dynamodb.view_items import read_row_key, read_view, view_item_key
from banyan.projections.views import Generation, ViewKey, ViewRow

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ITEMS_AT_ONCE: Final = 500
MAX_BATCH_WRITE: Final = 25
ROWS: Final = ("row", "sort")
CURSORS: Final = ("cursor",)


class DynamoDBGenerationRows:
    """Scans the tables of ``DynamoDBViews`` in parts.

    Parameters
    ----------
    client : DynamoDBClient
    views_table, cursors_table : str
    sleep : Callable[[float], None]
        Waits before requests that were left undone are sent again, seconds.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        views_table: str,
        cursors_table: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._views = views_table
        self._keys = {views_table: ROWS, cursors_table: CURSORS}
        self._patience = Patience(sleep)

    def keys(
        self, generations: Sequence[Generation], part: int, parts: int, position: str | None
    ) -> tuple[Mapping[Generation, Sequence[ViewKey]], str | None]:
        """As in ``GenerationRows``: one page of a strongly consistent ``Scan``."""
        by_name = {str(generation): generation for generation in generations}
        items, key = self._page(self._views, generations, part, parts, orjson.loads(position) if position else None)
        found: dict[Generation, list[ViewKey]] = defaultdict(list)
        for item in items:
            found[by_name[item["row"]["S"].partition("#")[0]]].append(read_row_key(item))
        return found, orjson.dumps(key).decode() if key else None

    def rows(self, generation: Generation, keys: Sequence[ViewKey]) -> Mapping[ViewKey, ViewRow]:
        """As in ``GenerationRows``."""
        items = self._patience.read_batch(self._client, self._views, [view_item_key(generation, key) for key in keys])
        return {read_row_key(item): read_view(item) for item in items}

    def drop(self, generation: Generation, part: int, parts: int, position: str | None) -> str | None:
        """As in ``GenerationRows``: one page of the rows, or behind the last of them one of the cursors."""
        table, key = orjson.loads(position) if position else (self._views, None)
        items, key = self._page(table, [generation], part, parts, key)
        self._delete(table, items)
        if key is None and table != self._views:
            return None
        following = (table, key) if key else (next(name for name in self._keys if name != self._views), None)
        return orjson.dumps(following).decode()

    def _page(
        self, table: str, generations: Sequence[Generation], part: int, parts: int, key: Item | None
    ) -> tuple[list[Item], Item | None]:
        """Keys of the items that belong to some generations, and where the next page begins."""
        names = self._keys[table]
        request: dict[str, Any] = {
            "TableName": table,
            "ConsistentRead": True,
            "Limit": ITEMS_AT_ONCE,
            "Segment": part,
            "TotalSegments": parts,
            "FilterExpression": " OR ".join(f"begins_with(#0, :{i})" for i in range(len(generations))),
            "ProjectionExpression": ", ".join(f"#{i}" for i in range(len(names))),
            "ExpressionAttributeNames": {f"#{i}": name for i, name in enumerate(names)},
            "ExpressionAttributeValues": {f":{i}": {"S": f"{g}#"} for i, g in enumerate(generations)},
        }
        answer = sent(self._client.scan, request | ({"ExclusiveStartKey": key} if key else {}))
        return answer["Items"], answer.get("LastEvaluatedKey")

    def _delete(self, table: str, items: Sequence[Item]) -> None:
        for start in range(0, len(items), MAX_BATCH_WRITE):
            deletes = [{"DeleteRequest": {"Key": item}} for item in items[start : start + MAX_BATCH_WRITE]]
            self._patience.write_batch(self._client, {table: deletes})
