"""Read models on DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from banyan.adapters.dynamodb.gateway import ConditionFailed, Gateway
from banyan.errors import StoreBusy
from banyan.projections.items import (
    FAILURE_ATTRIBUTES,
    STATE_SORT,
    LookupPlace,
    failure_attributes,
    partition_key,
    read_cursor,
    read_failure,
    read_row_key,
    read_state,
    read_view,
    sort_key,
    state_item,
    state_item_key,
    state_key,
    stream_of,
    view_item,
    view_item_key,
    view_update,
)
from banyan.projections.rows import RowChange, merge
from banyan.projections.views import (
    FailureRecord,
    Generation,
    LookupPage,
    StateRow,
    ViewKey,
    ViewRow,
    ViewUpdate,
    WriteConflict,
)
from banyan.store.items import Item
from banyan.streams import StreamId


class DynamoDBViews:
    """Keeps rows in one table and cursors in another.

    Parameters
    ----------
    views_table : str
        Keyed by ``row`` and ``sort``, with indexes ``lookup1`` … ``lookup3``.
    cursors_table : str
        Keyed by ``cursor``, with an index ``parked``.
    """

    def __init__(self, gateway: Gateway, views_table: str, cursors_table: str) -> None:
        self._gateway = gateway
        self._views = views_table
        self._cursors = cursors_table

    def states(self, generation: Generation, streams: Sequence[StreamId]) -> Mapping[StreamId, StateRow]:
        items = self._gateway.get_many(self._views, [state_item_key(generation, stream) for stream in streams])
        return {row.stream: row for row in map(read_state, items)}

    def put_state(self, generation: Generation, row: StateRow, from_version: int) -> None:
        """One ``PutItem``."""
        put = {"TableName": self._views, "Item": state_item(generation, row), **_still_at(from_version)}
        with write_conflict():
            self._gateway.write("put_item", put)

    def checkpoints(self, generation: Generation, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        items = self._gateway.get_many(self._cursors, [_cursor(generation, stream) for stream in streams])
        return {stream_of(item["cursor"]["S"]): int(item["version"]["N"]) for item in items if "version" in item}

    def update(self, generation: Generation, updates: Sequence[ViewUpdate], projected_at: datetime) -> None:
        """One ``TransactWriteItems``, with one write for each cursor and each row.

        A cursor alone is one ``UpdateItem``, at half the price.
        """
        cursors = [{"Update": self._cursor_update(generation, update)} for update in updates]
        rows = [self._row_write(generation, key, change, projected_at) for key, change in merge(updates).items()]
        with write_conflict():
            if len(cursors) == 1 and not rows:
                self._gateway.write("update_item", cursors[0]["Update"])
            else:
                self._gateway.write("transact_write_items", {"TransactItems": cursors + rows})

    def rows(
        self, generation: Generation, tenant: str, partition: str, from_sort: str = "", to_sort: str | None = None
    ) -> Sequence[ViewRow]:
        """Strongly consistent."""
        if to_sort is not None and to_sort < from_sort:
            return []
        condition, values = "#row = :row AND #sort >= :from", {":from": {"S": sort_key(from_sort)}}
        if to_sort is not None:
            condition, values[":to"] = "#row = :row AND #sort BETWEEN :from AND :to", {"S": sort_key(to_sort)}
        request = {
            "TableName": self._views,
            "ConsistentRead": True,
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": {"#row": "row", "#sort": "sort"},
            "ExpressionAttributeValues": {":row": {"S": partition_key(generation, tenant, partition)}, **values},
        }
        return [read_view(item) for item in self._gateway.items("query", request)]

    def lookup(
        self, generation: Generation, tenant: str, index: int, partition: str, limit: int, cursor: str | None = None
    ) -> LookupPage:
        """One ``Query`` of an index."""
        place = read_cursor(cursor, generation, tenant, partition) if cursor else None
        request: dict[str, Any] = {
            "TableName": self._views,
            "IndexName": f"lookup{index}",
            "KeyConditionExpression": "#lookup = :lookup",
            "ExpressionAttributeNames": {"#lookup": f"lookup{index}"},
            "ExpressionAttributeValues": {":lookup": {"S": partition_key(generation, tenant, partition)}},
            "ScanIndexForward": False,
            "Limit": limit + 1,
        }
        items, following = self._gateway.page("query", request, _start_key(index, place) if place else None)
        page, more = items[:limit], len(items) > limit or following is not None
        return LookupPage(
            [read_state(item) for item in page], _place(index, page[-1]).cursor() if page and more else None
        )

    def failure(self, generation: Generation, stream: StreamId) -> FailureRecord | None:
        return read_failure(self._gateway.get(self._cursors, _cursor(generation, stream)) or {})

    def put_failure(self, generation: Generation, failure: FailureRecord) -> None:
        """One ``UpdateItem`` that leaves the checkpoint alone."""
        found = failure_attributes(generation, failure)
        stale = [name for name in FAILURE_ATTRIBUTES if name not in found]
        self._update_failure(
            generation,
            failure.stream,
            f"SET {', '.join(f'{name} = :{name}' for name in found)}"
            + (f" REMOVE {', '.join(stale)}" if stale else ""),
            {f":{name}": value for name, value in found.items()},
        )

    def clear_failure(self, generation: Generation, stream: StreamId) -> None:
        """One ``UpdateItem`` that leaves the checkpoint alone."""
        self._update_failure(generation, stream, f"REMOVE {', '.join(FAILURE_ATTRIBUTES)}")

    def parked(self, generation: Generation) -> Sequence[FailureRecord]:
        """One ``Query`` of an index."""
        request = {
            "TableName": self._cursors,
            "IndexName": "parked",
            "KeyConditionExpression": "parked_projection = :projection",
            "ExpressionAttributeValues": {":projection": {"S": str(generation)}},
        }
        return [failure for item in self._gateway.items("query", request) if (failure := read_failure(item))]

    def all_states(self, generation: Generation) -> Iterator[StateRow]:
        """A strongly consistent ``Scan`` of the whole table."""
        return (read_state(item) for item in self._scan(generation))

    def all_rows(self, generation: Generation) -> Mapping[ViewKey, ViewRow]:
        """A strongly consistent ``Scan`` of the whole table."""
        return {read_row_key(item): read_view(item) for item in self._scan(generation)}

    def _cursor_update(self, generation: Generation, update: ViewUpdate) -> Item:
        condition = _still_at(update.from_version)
        return {
            "TableName": self._cursors,
            "Key": _cursor(generation, update.stream),
            "UpdateExpression": "SET #version = :to",
            **condition,
            "ExpressionAttributeValues": condition.get("ExpressionAttributeValues", {})
            | {":to": {"N": str(update.to_version)}},
        }

    def _row_write(self, generation: Generation, key: ViewKey, change: RowChange, projected_at: datetime) -> Item:
        where = view_item_key(generation, key)
        if change.gone:
            return {"Delete": {"TableName": self._views, "Key": where}}
        if change.removed:
            return {"Put": {"TableName": self._views, "Item": where | view_item(change, projected_at)}}
        return {"Update": {"TableName": self._views, "Key": where, **view_update(change, projected_at)}}

    def _update_failure(
        self, generation: Generation, stream: StreamId, expression: str, values: Item | None = None
    ) -> None:
        request: Item = {
            "TableName": self._cursors,
            "Key": _cursor(generation, stream),
            "UpdateExpression": expression,
        }
        self._gateway.write("update_item", request | ({"ExpressionAttributeValues": values} if values else {}))

    def _scan(self, generation: Generation) -> Iterator[Item]:
        request = {
            "TableName": self._views,
            "ConsistentRead": True,
            "FilterExpression": "begins_with(#row, :generation)",
            "ExpressionAttributeNames": {"#row": "row"},
            "ExpressionAttributeValues": {":generation": {"S": f"{generation}#"}},
        }
        return self._gateway.items("scan", request)


@contextmanager
def write_conflict() -> Iterator[None]:
    """Raise ``WriteConflict`` when a condition fails, or other writes stay in the way."""
    try:
        yield
    except (ConditionFailed, StoreBusy) as error:
        raise WriteConflict from error


def _cursor(generation: Generation, stream: StreamId) -> Item:
    return {"cursor": {"S": state_key(generation, stream)}}


def _still_at(version: int) -> Item:
    names = {"ExpressionAttributeNames": {"#version": "version"}}
    if version == 0:
        return {"ConditionExpression": "attribute_not_exists(#version)", **names}
    values = {":from": {"N": str(version)}}
    return {"ConditionExpression": "#version = :from", "ExpressionAttributeValues": values, **names}


def _place(index: int, item: Item) -> LookupPlace:
    return LookupPlace(item[f"lookup{index}"]["S"], item[f"lookup{index}_sort"]["S"], item["row"]["S"])


def _start_key(index: int, place: LookupPlace) -> Item:
    return {
        "row": {"S": place.row},
        "sort": {"S": STATE_SORT},
        f"lookup{index}": {"S": place.partition},
        f"lookup{index}_sort": {"S": place.sort},
    }
