"""Read models on DynamoDB: their rows and cursors, repairs, and whole generations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any, Final

import orjson

from banyan.adapters.dynamodb.gateway import ConditionFailed, Gateway
from banyan.adapters.dynamodb.owned_rows import DynamoDBOwnedRows
from banyan.errors import StoreBusy
from banyan.projections.items import (
    FAILURE_ATTRIBUTES,
    FIELD_PREFIX,
    STATE_SORT,
    LookupPlace,
    LookupQuery,
    failure_attributes,
    partition_key,
    read_failure,
    read_owned,
    read_row_key,
    read_state,
    read_view,
    sort_key,
    sort_of,
    state_item,
    state_item_key,
    state_key,
    stream_of,
    value_of,
    view_item,
    view_item_key,
    view_update,
)
from banyan.projections.pages import EVERYTHING, NEWEST_FIRST, SortRange
from banyan.projections.rows import RowChange, merge
from banyan.projections.views import (
    FailureRecord,
    Generation,
    LookupPage,
    OwnedRow,
    Row,
    StateRow,
    ViewKey,
    ViewRow,
    ViewUpdate,
    WriteConflict,
)
from banyan.store.base import timestamp
from banyan.store.items import Item
from banyan.streams import StreamId


class DynamoDBViews(DynamoDBOwnedRows):
    """Keeps rows in one table and cursors in another.

    Parameters
    ----------
    views_table : str
        Keyed by ``row`` and ``sort``, with indexes ``lookup1`` … ``lookup3``.
    cursors_table : str
        Keyed by ``cursor``, with an index ``parked``.
    """

    def __init__(self, gateway: Gateway, views_table: str, cursors_table: str) -> None:
        super().__init__(gateway, views_table)
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

    def insert_states(self, generation: Generation, rows: Sequence[StateRow]) -> Collection[StreamId]:
        """One ``BatchExecuteStatement`` for up to 25."""
        items = [state_item(generation, row) for row in rows]
        return [rows[place].stream for place in self._gateway.insert_many(self._views, items)]

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
        self,
        generation: Generation,
        tenant: str,
        partition: str,
        wanted: SortRange = EVERYTHING,
        *,
        after: str | None = None,
        limit: int | None = None,
    ) -> Sequence[ViewRow]:
        """Strongly consistent; one ``Query`` for up to 1 MB.

        After the end of a range nothing is asked: DynamoDB Local refuses to begin there.
        """
        if wanted.empty or (after is not None and after == wanted.end):
            return []
        request = {
            "TableName": self._views,
            "ConsistentRead": True,
            **sorted_query("row", "sort", partition_key(generation, tenant, partition), wanted),
        }
        if after is not None:
            request["ExclusiveStartKey"] = view_item_key(generation, ViewKey(tenant, partition, after))
        return [read_view(item) for item in islice(self._gateway.items("query", request, limit), limit)]

    def lookup(
        self,
        generation: Generation,
        tenant: str,
        index: int,
        partition: str,
        limit: int,
        cursor: str | None = None,
        wanted: SortRange = NEWEST_FIRST,
    ) -> LookupPage[StateRow]:
        """One ``Query`` of an index."""
        return self._listed(LookupQuery(generation, tenant, index, partition, wanted), limit, cursor, read_state)

    def lookup_owned(
        self,
        generation: Generation,
        tenant: str,
        index: int,
        partition: str,
        limit: int,
        cursor: str | None = None,
        wanted: SortRange = NEWEST_FIRST,
    ) -> LookupPage[OwnedRow]:
        """One ``Query`` of an index."""
        return self._listed(LookupQuery(generation, tenant, index, partition, wanted), limit, cursor, read_owned)

    def _listed(
        self, query: LookupQuery, limit: int, cursor: str | None, read: Callable[[Item], Row]
    ) -> LookupPage[Row]:
        place = query.place(cursor) if cursor else None
        items, more = ([], False) if query.wanted.empty else self._looked_up(query, limit, place)
        return LookupPage(list(map(read, items)), lambda at: query.cursor(_place(query.index, items[at])), more)

    def _looked_up(self, query: LookupQuery, limit: int, place: LookupPlace | None) -> tuple[Sequence[Item], bool]:
        """Up to ``limit`` items after a place, and whether more follow."""
        index = f"lookup{query.index}"
        request = {
            "TableName": self._views,
            "IndexName": index,
            "Limit": limit + 1,
            **sorted_query(index, f"{index}_sort", query.key, query.wanted),
        }
        items, following = self._gateway.page("query", request, _start_key(query, place) if place else None)
        return items[:limit], len(items) > limit or following is not None

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

    def parked(self, generation: Generation, limit: int | None = None) -> Sequence[FailureRecord]:
        """One ``Query`` of an index, unless very many are asked for."""
        request = {
            "TableName": self._cursors,
            "IndexName": "parked",
            "KeyConditionExpression": "parked_projection = :projection",
            "ExpressionAttributeValues": {":projection": {"S": str(generation)}},
        }
        items = islice(self._gateway.items("query", request, limit), limit)
        return [failure for item in items if (failure := read_failure(item))]

    def all_states(self, generation: Generation) -> Iterator[StateRow]:
        """A strongly consistent ``Scan`` of the whole table."""
        return (read_state(item) for item in self._scan(generation) if item["sort"]["S"] == STATE_SORT)

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


def sorted_query(partition_name: str, sort_name: str, partition: str, wanted: SortRange) -> Item:
    """Arguments of a ``Query`` for the items of one partition in a range that is not empty, in its order."""
    values = {":partition": {"S": partition}, ":first": {"S": sort_key(wanted.first)}}
    condition = "#partition = :partition AND #sort >= :first"
    if wanted.last is not None:
        values[":last"] = {"S": sort_key(wanted.last)}
        condition = "#partition = :partition AND #sort BETWEEN :first AND :last"
    return {
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": {"#partition": partition_name, "#sort": sort_name},
        "ExpressionAttributeValues": values,
        "ScanIndexForward": not wanted.descending,
    }


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
    return LookupPlace(sort_of(item[f"lookup{index}_sort"]["S"]), stream_of(item["row"]["S"]), item["sort"]["S"])


def _start_key(query: LookupQuery, place: LookupPlace) -> Item:
    return {
        "row": {"S": state_key(query.generation, place.stream)},
        "sort": {"S": place.item_sort},
        f"lookup{query.index}": {"S": query.key},
        f"lookup{query.index}_sort": {"S": sort_key(place.sort)},
    }


class DynamoDBRowRepair:
    """Repairs rows in the views table."""

    def __init__(self, gateway: Gateway, table: str) -> None:
        self._gateway = gateway
        self._table = table

    def list_states(self, generation: Generation, position: str, limit: int) -> tuple[list[StreamId], str | None]:
        """One page of a ``Scan``."""
        items, rest = self._scan(generation, position, limit)
        return [stream_of(item["row"]["S"]) for item in items if item["sort"]["S"] == STATE_SORT], rest

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


ITEMS_AT_ONCE: Final = 500
ROWS: Final = ("row", "sort")
CURSORS: Final = ("cursor",)


class DynamoDBGenerationRows:
    """Scans the tables of ``DynamoDBViews`` in parts."""

    def __init__(self, gateway: Gateway, views_table: str, cursors_table: str) -> None:
        self._gateway = gateway
        self._views = views_table
        self._keys = {views_table: ROWS, cursors_table: CURSORS}

    def keys(
        self, generations: Sequence[Generation], part: int, parts: int, position: str | None
    ) -> tuple[Mapping[Generation, Sequence[ViewKey]], str | None]:
        """One page of a strongly consistent ``Scan``."""
        by_name = {str(generation): generation for generation in generations}
        items, key = self._page(self._views, generations, part, parts, orjson.loads(position) if position else None)
        found: dict[Generation, list[ViewKey]] = defaultdict(list)
        for item in items:
            found[by_name[item["row"]["S"].partition("#")[0]]].append(read_row_key(item))
        return found, orjson.dumps(key).decode() if key else None

    def rows(self, generation: Generation, keys: Sequence[ViewKey]) -> Mapping[ViewKey, ViewRow]:
        items = self._gateway.get_many(self._views, [view_item_key(generation, key) for key in keys])
        return {read_row_key(item): read_view(item) for item in items}

    def drop(self, generation: Generation, part: int, parts: int, position: str | None, most: int) -> str | None:
        """The first of one page of the rows, or behind the last of them of the cursors."""
        table, key = orjson.loads(position) if position else (self._views, None)
        items, key = self._page(table, [generation], part, parts, key)
        if len(items) > most:
            items, key = items[:most], items[most - 1]
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
