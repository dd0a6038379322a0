"""Repairing read models on DynamoDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from banyan.adapters.dynamodb.gateway import Gateway
from banyan.adapters.dynamodb.views import write_conflict
from banyan.projections.items import (
    FIELD_PREFIX,
    read_row_key,
    read_view,
    state_item_key,
    stream_of,
    value_of,
    view_item_key,
)
from banyan.projections.views import Generation, StateRow, ViewKey, ViewRow
from banyan.store.chain import timestamp
from banyan.store.items import Item
from banyan.streams import StreamId


class DynamoDBRowRepair:
    """Repairs rows in the views table."""

    def __init__(self, gateway: Gateway, table: str) -> None:
        self._gateway = gateway
        self._table = table

    def list_states(self, generation: Generation, position: str, limit: int) -> tuple[list[StreamId], str | None]:
        """One page of a ``Scan``."""
        items, rest = self._scan(generation, position, limit)
        return [stream_of(item["row"]["S"]) for item in items], rest

    def list_rows(self, generation: Generation, position: str, limit: int) -> tuple[list[ViewKey], str | None]:
        """One page of a ``Scan``."""
        items, rest = self._scan(generation, position, limit)
        return [read_row_key(item) for item in items], rest

    def read_rows(self, generation: Generation, keys: Sequence[ViewKey]) -> Mapping[ViewKey, ViewRow]:
        """One batch read for 100 rows."""
        places = [view_item_key(generation, key) for key in keys]
        items = self._gateway.get_many(self._table, places)
        return {read_row_key(item): read_view(item) for item in items}

    def remove_state(self, generation: Generation, row: StateRow) -> None:
        """One ``DeleteItem``."""
        key = state_item_key(generation, row.stream)
        with write_conflict():
            self._gateway.write("delete_item", self._request(key, _unchanged(row)))

    def replace_row(self, generation: Generation, key: ViewKey, old: ViewRow | None, new: ViewRow | None) -> None:
        """One ``PutItem`` or ``DeleteItem``."""
        where = view_item_key(generation, key)
        with write_conflict():
            if new is None:
                self._gateway.write("delete_item", self._request(where, _unchanged(old)))
            else:
                request = {"TableName": self._table, "Item": where | _attributes(new), **_unchanged(old)}
                self._gateway.write("put_item", request)

    def _request(self, key: Item, condition: Item) -> Item:
        return {"TableName": self._table, "Key": key, **condition}

    def _scan(self, generation: Generation, position: str, limit: int) -> tuple[list[Item], str | None]:
        request: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "FilterExpression": "begins_with(#row, :generation)",
            "ProjectionExpression": "#row, #sort",
            "ExpressionAttributeNames": {"#row": "row", "#sort": "sort"},
            "ExpressionAttributeValues": {":generation": {"S": f"{generation}#"}},
            "Limit": limit,
        }
        items, last = self._gateway.page("scan", request, orjson.loads(position) if position else None)
        return list(items), orjson.dumps(last).decode() if last else None


def _attributes(row: ViewRow) -> Item:
    return {
        "version": {"N": str(row.version)},
        "recorded_at": {"S": timestamp(row.recorded_at)},
        "projected_at": {"S": timestamp(row.projected_at)},
    } | {FIELD_PREFIX + name: value_of(value) for name, value in row.fields.items()}


def _unchanged(row: StateRow | ViewRow | None) -> Item:
    """The condition that a row was not written to since it was read."""
    if row is None:
        return {"ConditionExpression": "attribute_not_exists(#row)", "ExpressionAttributeNames": {"#row": "row"}}
    return {
        "ConditionExpression": "#version = :version AND #at = :at",
        "ExpressionAttributeNames": {"#version": "version", "#at": "projected_at"},
        "ExpressionAttributeValues": {
            ":version": {"N": str(row.version)},
            ":at": {"S": timestamp(row.projected_at)},
        },
    }
