"""The table of a legacy system on DynamoDB as lines."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import orjson

from banyan.adapters.dynamodb.gateway import ConditionFailed, Gateway
from banyan.migration.archive.tables import DirectWrites, TablePage
from banyan.store.items import Item

ITEMS: Final = "items"
_SORTED: Final = orjson.OPT_SORT_KEYS


@dataclass(eq=False)
class DynamoDBTables:
    """Items as DynamoDB's own JSON, so that every attribute keeps its type."""

    kind = "dynamodb"
    line_format = 1

    gateway: Gateway
    table: str
    entity: str

    def in_format(self, line_format: int) -> DynamoDBTables:  # noqa: ARG002
        """There is one."""
        return self

    def names(self) -> Sequence[str]:
        """The table may have another name where it is restored."""
        return (ITEMS,)

    def page(self, table: str, after: str | None, limit: int) -> TablePage:  # noqa: ARG002
        """The order is that of the table's partitions."""
        items, end = self._scan(limit, _item(after.encode()) if after else None)
        out_of_sync = [self._stream(item) for item in items if not _in_sync(item)]
        return TablePage([_line(item) for item in items], _line(end).decode() if end else None, out_of_sync)

    def insert(self, table: str, lines: Sequence[bytes]) -> None:  # noqa: ARG002
        for line in lines:
            put = {"TableName": self.table, "Item": _item(line), "ConditionExpression": "attribute_not_exists(id)"}
            with suppress(ConditionFailed):
                self.gateway.send("put_item", put)

    def rehearse(self, table: str, lines: Sequence[bytes]) -> Sequence[bytes]:  # noqa: ARG002
        """DynamoDB takes back every item that it gave, if the lines hold all of it."""
        return [_line(_item(line)) for line in lines]

    def end_restoration(self) -> None:
        """Nothing."""

    def filled(self) -> str | None:
        return ITEMS if self._scan(1)[0] else None

    def direct_writes(self) -> DirectWrites:
        """DynamoDB does not say who uses it; only its content does."""
        return DirectWrites()

    def _scan(self, limit: int, start: Item | None = None) -> tuple[Sequence[Item], Item | None]:
        return self.gateway.page("scan", {"TableName": self.table, "ConsistentRead": True, "Limit": limit}, start)

    def _stream(self, item: Mapping[str, Any]) -> str:
        return f"{item['tenant']['S']}:{self.entity}:{item['id']['S']}"


def _in_sync(item: Mapping[str, Any]) -> bool:
    sync_point = item.get("banyan_link", {}).get("L")
    return bool(sync_point) and sync_point[0] == item.get("version")


def _line(item: Mapping[str, Any]) -> bytes:
    return orjson.dumps({name: _written(*next(iter(value.items()))) for name, value in item.items()}, option=_SORTED)


def _item(line: bytes) -> dict[str, Any]:
    return {name: _read(*next(iter(value.items()))) for name, value in orjson.loads(line).items()}


def _written(kind: str, value: Any) -> Mapping[str, Any]:
    """An attribute as JSON: binary values as text, sets in order."""
    match kind:
        case "B":
            return {kind: b64encode(bytes(value)).decode()}
        case "BS":
            return {kind: sorted(b64encode(bytes(each)).decode() for each in value)}
        case "SS" | "NS":
            return {kind: sorted(value)}
    return {kind: _nested(kind, value, _written)}


def _read(kind: str, value: Any) -> Mapping[str, Any]:
    match kind:
        case "B":
            return {kind: b64decode(value)}
        case "BS":
            return {kind: [b64decode(each) for each in value]}
    return {kind: _nested(kind, value, _read)}


def _nested(kind: str, value: Any, each: Any) -> Any:
    match kind:
        case "M":
            return {name: each(*next(iter(inner.items()))) for name, inner in value.items()}
        case "L":
            return [each(*next(iter(inner.items()))) for inner in value]
    return value
