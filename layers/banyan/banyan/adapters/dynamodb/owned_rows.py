"""Rows that streams own, on DynamoDB: behind what their stream carries, in one partition."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from banyan.adapters.dynamodb.gateway import ConditionFailed, Gateway, insert_statement, update_statement
from banyan.errors import StoreBusy
from banyan.projections.items import (
    LAST_SORT,
    STATE_NUMBERS,
    owned_item,
    owned_item_key,
    read_owned,
    sort_key,
    state_item,
    state_item_key,
    state_key,
    state_numbers,
)
from banyan.projections.pages import EVERYTHING, SortRange
from banyan.projections.views import Generation, OwnedRow, OwnedUpdate, StateRow, WriteConflict
from banyan.store.items import Item
from banyan.streams import StreamId


class DynamoDBOwnedRows:
    """Keeps rows that streams own in the table of all rows."""

    def __init__(self, gateway: Gateway, table: str) -> None:
        self._gateway = gateway
        self._table = table

    def update_owned(self, generation: Generation, updates: Sequence[OwnedUpdate]) -> None:
        """One ``TransactWriteItems``; of a single stream without rows one ``PutItem``, at half the price."""
        carried = [{"Put": self._put(state_item(generation, u.after)) | _unmoved(u.before)} for u in updates]
        rows = [self._owned_write(generation, u.after.stream, *each) for u in updates for each in u.rows.items()]
        try:
            if len(carried) == 1 and not rows:
                self._gateway.write("put_item", carried[0]["Put"])
            else:
                self._gateway.write("transact_write_items", {"TransactItems": carried + rows})
        except (ConditionFailed, StoreBusy) as error:
            raise WriteConflict from error

    def move_carried(self, generation: Generation, updates: Sequence[OwnedUpdate]) -> Collection[StreamId]:
        """One ``BatchExecuteStatement`` for up to 25, at the price of single puts."""
        statements = [self._move(generation, update) for update in updates]
        return [updates[place].after.stream for place in self._gateway.execute_each(statements)]

    def read_owned(self, generation: Generation, stream: StreamId, sorts: Sequence[str]) -> Sequence[OwnedRow]:
        keys = [owned_item_key(generation, stream, sort) for sort in sorts]
        return [read_owned(item) for item in self._gateway.get_many(self._table, keys)]

    def list_owned(
        self,
        generation: Generation,
        stream: StreamId,
        wanted: SortRange = EVERYTHING,
        *,
        after: str | None = None,
        size: int | None = None,
    ) -> Iterator[OwnedRow]:
        """A ``Query`` for each page; with a ``size`` each later one is twice as long."""
        if wanted.empty or (after is not None and after == wanted.end):
            return iter(())
        request: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "ScanIndexForward": not wanted.descending,
            "KeyConditionExpression": "#row = :row AND #sort BETWEEN :first AND :last",
            "ExpressionAttributeNames": {"#row": "row", "#sort": "sort"},
            "ExpressionAttributeValues": {
                ":row": {"S": state_key(generation, stream)},
                ":first": {"S": sort_key(wanted.first)},
                ":last": {"S": LAST_SORT if wanted.last is None else sort_key(wanted.last)},
            },
        }
        if after is not None:
            request["ExclusiveStartKey"] = owned_item_key(generation, stream, after)
        return map(read_owned, self._gateway.items("query", request, size))

    def _owned_write(self, generation: Generation, stream: StreamId, sort: str, row: OwnedRow | None) -> Item:
        if row is None:
            return {"Delete": {"TableName": self._table, "Key": owned_item_key(generation, stream, sort)}}
        return {"Put": self._put(owned_item(generation, row))}

    def _move(self, generation: Generation, update: OwnedUpdate) -> Item:
        item = state_item(generation, update.after)
        if update.before is None:
            return insert_statement(self._table, item)
        key, kept = state_item_key(generation, update.after.stream), state_numbers(update.before)
        now = {name: value for name, value in item.items() if name not in key}
        return update_statement(self._table, key, now, {name: kept.get(name) for name in STATE_NUMBERS})

    def _put(self, item: Item) -> Item:
        return {"TableName": self._table, "Item": item}


def _unmoved(before: StateRow | None) -> Item:
    """The condition that a stream carries what it did."""
    if before is None:
        return {"ConditionExpression": "attribute_not_exists(#row)", "ExpressionAttributeNames": {"#row": "row"}}
    kept = state_numbers(before)
    is_or_is_not = [
        f"#{name} = :{name}" if name in kept else f"attribute_not_exists(#{name})" for name in STATE_NUMBERS
    ]
    return {
        "ConditionExpression": " AND ".join(is_or_is_not),
        "ExpressionAttributeNames": {f"#{name}": name for name in STATE_NUMBERS},
        "ExpressionAttributeValues": {f":{name}": value for name, value in kept.items()},
    }
