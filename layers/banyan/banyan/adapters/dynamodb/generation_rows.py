"""Rows of whole generations on DynamoDB, part by part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from banyan.adapters.dynamodb.gateway import Gateway
from banyan.projections.items import read_row_key, read_view, view_item_key
from banyan.projections.views import Generation, ViewKey, ViewRow
from banyan.store.items import Item

ITEMS_AT_ONCE: Final = 500
ROWS: Final = ("row", "sort")
CURSORS: Final = ("cursor",)


class DynamoDBGenerationRows:
    """Scans the tables of ``DynamoDBViews`` in parts.

    Parameters
    ----------
    gateway : Gateway
    views_table, cursors_table : str
    """

    def __init__(self, gateway: Gateway, views_table: str, cursors_table: str) -> None:
        self._gateway = gateway
        self._views = views_table
        self._keys = {views_table: ROWS, cursors_table: CURSORS}

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
        items = self._gateway.get_many(self._views, [view_item_key(generation, key) for key in keys])
        return {read_row_key(item): read_view(item) for item in items}

    def drop(self, generation: Generation, part: int, parts: int, position: str | None) -> str | None:
        """As in ``GenerationRows``: one page of the rows, or behind the last of them one of the cursors."""
        table, key = orjson.loads(position) if position else (self._views, None)
        items, key = self._page(table, [generation], part, parts, key)
        self._gateway.write_many(table, [{"DeleteRequest": {"Key": item}} for item in items])
        if key is None and table != self._views:
            return None
        following = (table, key) if key else (next(name for name in self._keys if name != self._views), None)
        return orjson.dumps(following).decode()

    def _page(
        self, table: str, generations: Sequence[Generation], part: int, parts: int, key: Item | None
    ) -> tuple[Sequence[Item], Item | None]:
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
        return self._gateway.page("scan", request, key)
