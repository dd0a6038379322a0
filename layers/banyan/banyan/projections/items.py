"""How read-model rows and checkpoints are kept: keys that begin with generation and tenant, and items of DynamoDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import ceil
from typing import Any, Final

from banyan.errors import InvalidStreamId
from banyan.projections.base import MAX_LOOKUPS, Value
from banyan.projections.pages import (
    MAX_SORT_BYTES,
    NEWEST_FIRST,
    SortRange,
    another_list,
    decode_cursor,
    make_cursor,
    place_of,
)
from banyan.projections.rows import RowChange, number
from banyan.projections.views import (
    KEPT_AFTER_EXPIRY,
    UNNOTED,
    FailureRecord,
    Generation,
    OwnedRow,
    StateRow,
    ViewKey,
    ViewRow,
)
from banyan.store.base import timestamp
from banyan.store.items import Item, pack, unpack
from banyan.streams import StreamId

FIELD_PREFIX: Final = "f_"
STATE_SORT: Final = "-"

_SORT_PREFIX: Final = ":"

LAST_SORT: Final = ";"
"""Behind every ``sort_key``."""

STATE_NUMBERS: Final = ("version", "made_by", "unfinished")
"""By which two states of a stream's row differ."""

FAILURE_ATTRIBUTES: Final = (
    "failed_version",
    "failed_error",
    "failed_attempts",
    "failed_next_try",
    "parked_projection",
    "parked_at",
)


def state_key(generation: Generation, stream: StreamId) -> str:
    """Partition key of a stream's row, and key of its cursor."""
    return f"{generation.name}#{stream.name}"


def stream_of(key: str) -> StreamId:
    """Stream of a ``state_key``."""
    return StreamId.parse(key.partition("#")[2])


def partition_key(generation: Generation, tenant: str, partition: str) -> str:
    """Partition key of view rows and lookups. A tenant holds no ``#`` or ``:``, so keys never meet."""
    return f"{generation.name}#{tenant}#{partition}"


def partition_of(key: str) -> str:
    """Partition of a ``partition_key``."""
    return key.split("#", 2)[2]


def tenant_of(key: str) -> str:
    """Tenant of a ``partition_key``."""
    return key.split("#", 2)[1]


def sort_key(sort: str) -> str:
    """Sort key that may stand for an empty text and keeps the order."""
    return _SORT_PREFIX + sort


def sort_of(key: str) -> str:
    """Undo ``sort_key``."""
    return key.removeprefix(_SORT_PREFIX)


@dataclass(frozen=True, slots=True)
class LookupPlace:
    """A row's place in a lookup, where a page ends.

    Parameters
    ----------
    sort : str
        Of the lookup.
    item_sort : str
        Sort key of the row's item.
    """

    sort: str
    stream: StreamId
    item_sort: str = STATE_SORT

    @classmethod
    def of(cls, row: StateRow | OwnedRow, index: int) -> LookupPlace:
        """The place of a row in one of its lookups."""
        return cls(row.lookups[index][1], row.stream, sort_key(row.sort) if isinstance(row, OwnedRow) else STATE_SORT)

    @property
    def parts(self) -> tuple[str, str, str]:
        """What places are ordered by."""
        return self.sort, self.stream.name, self.item_sort


@dataclass(frozen=True, slots=True)
class LookupQuery:
    """What the pages of a list have in common, and so what its cursors fit.

    Parameters
    ----------
    index : int
        Of the lookup, 1 … 3.
    """

    generation: Generation
    tenant: str
    index: int
    partition: str
    wanted: SortRange

    @property
    def key(self) -> str:
        """Partition key in the index."""
        return partition_key(self.generation, self.tenant, self.partition)

    def cursor(self, place: LookupPlace) -> str:
        """A place as opaque text."""
        return make_cursor(self._parts, place.sort, place.stream.name, place.item_sort)

    def place(self, cursor: str) -> LookupPlace:
        """Read a cursor. Raises ``InvalidCursor`` when it is damaged or belongs to another list."""
        try:
            place = self._read(decode_cursor(cursor))
        except InvalidStreamId as error:
            raise another_list() from error
        if place.stream.tenant != self.tenant or place.sort not in self.wanted or not _is_sort_key(place.item_sort):
            raise another_list()
        return place

    def _read(self, texts: Sequence[str]) -> LookupPlace:
        if texts[:1] == [self.key] and self.wanted == NEWEST_FIRST:
            return _first_form(texts)
        sort, stream, item_sort = place_of(texts, self._parts, 3)
        return LookupPlace(sort, StreamId.parse(stream), item_sort)

    @property
    def _parts(self) -> Sequence[str | int | None]:
        wanted = self.wanted
        return [self.generation.name, self.tenant, self.index, self.partition, wanted.first, wanted.last, wanted.order]


def _first_form(texts: Sequence[str]) -> LookupPlace:
    """A cursor as it was when a list had one direction and no range: keys of the lookup's partition, sort and row."""
    if len(texts) != 3:
        raise another_list()
    return LookupPlace(sort_of(texts[1]), stream_of(texts[2]))


def _is_sort_key(key: str) -> bool:
    return key.startswith((STATE_SORT, _SORT_PREFIX)) and len(key.encode()) <= len(_SORT_PREFIX) + MAX_SORT_BYTES


def state_item(generation: Generation, row: StateRow) -> Item:
    """The item of a stream's row; sparse in each lookup."""
    item = state_item_key(generation, row.stream) | {
        "recorded_at": {"S": timestamp(row.recorded_at)},
        "projected_at": {"S": timestamp(row.projected_at)},
        "state": pack(row.state),
    }
    return item | state_numbers(row) | _lookup_attributes(generation, row)


def state_numbers(row: StateRow) -> Item:
    """The ``STATE_NUMBERS`` of a row; what goes without saying is left out."""
    item: Item = {"version": {"N": str(row.version)}}
    if row.made_by != UNNOTED:
        item["made_by"] = {"N": str(row.made_by)}
    if row.unfinished:
        item["unfinished"] = {"N": str(row.unfinished)}
    return item


def read_state(item: Mapping[str, Any]) -> StateRow:
    """Read the item of a stream's row."""
    return StateRow(
        stream=stream_of(item["row"]["S"]),
        version=int(item["version"]["N"]),
        recorded_at=_moment(item, "recorded_at"),
        projected_at=_moment(item, "projected_at"),
        state=unpack(item["state"]),
        lookups=_lookups(item),
        made_by=int(item.get("made_by", {"N": str(UNNOTED)})["N"]),
        unfinished=int(item.get("unfinished", {"N": "0"})["N"]),
    )


def owned_item(generation: Generation, row: OwnedRow) -> Item:
    """The item of a row that a stream owns; sparse in each lookup. DynamoDB deletes it some time after it expired."""
    item = owned_item_key(generation, row.stream, row.sort) | {
        "version": {"N": str(row.version)},
        "recorded_at": {"S": timestamp(row.recorded_at)},
        "projected_at": {"S": timestamp(row.projected_at)},
        "content": pack(row.content),
    }
    if row.expires:
        gone = ceil((row.expires + KEPT_AFTER_EXPIRY).timestamp())
        item |= {"expires": {"S": timestamp(row.expires)}, "expires_at": {"N": str(gone)}}
    return item | _lookup_attributes(generation, row)


def read_owned(item: Mapping[str, Any]) -> OwnedRow:
    """Read the item of a row that a stream owns."""
    return OwnedRow(
        stream=stream_of(item["row"]["S"]),
        sort=sort_of(item["sort"]["S"]),
        version=int(item["version"]["N"]),
        recorded_at=_moment(item, "recorded_at"),
        projected_at=_moment(item, "projected_at"),
        content=unpack(item["content"]),
        lookups=_lookups(item),
        expires=_moment(item, "expires") if "expires" in item else None,
    )


def owned_item_key(generation: Generation, stream: StreamId, sort: str) -> Item:
    """Key of a row that a stream owns: it lies behind what the stream carries."""
    return {"row": {"S": state_key(generation, stream)}, "sort": {"S": sort_key(sort)}}


def _lookup_attributes(generation: Generation, row: StateRow | OwnedRow) -> Item:
    item: Item = {}
    for index, (partition, sort) in row.lookups.items():
        item[f"lookup{index}"] = {"S": partition_key(generation, row.stream.tenant, partition)}
        item[f"lookup{index}_sort"] = {"S": sort_key(sort)}
    return item


def _lookups(item: Mapping[str, Any]) -> Mapping[int, tuple[str, str]]:
    return {
        index: (partition_of(item[f"lookup{index}"]["S"]), sort_of(item[f"lookup{index}_sort"]["S"]))
        for index in range(1, MAX_LOOKUPS + 1)
        if f"lookup{index}" in item
    }


def state_item_key(generation: Generation, stream: StreamId) -> Item:
    """Key of a stream's row."""
    return {"row": {"S": state_key(generation, stream)}, "sort": {"S": STATE_SORT}}


def view_item_key(generation: Generation, key: ViewKey) -> Item:
    """Key of a view row."""
    partition = partition_key(generation, key.tenant, key.partition)
    return {"row": {"S": partition}, "sort": {"S": sort_key(key.sort)}}


def view_update(change: RowChange, projected_at: datetime) -> Item:
    """Arguments of an ``Update`` that carries out a change, whether or not the row exists."""
    texts = {"recorded_at": timestamp(change.recorded_at), "projected_at": timestamp(projected_at)}
    sets = {name: {"S": text} for name, text in texts.items()}
    sets |= {FIELD_PREFIX + name: value_of(value) for name, value in change.fields.items()}
    adds = {FIELD_PREFIX + name: value_of(value) for name, value in change.numbers.items()}
    adds["version"] = {"N": str(change.commits)}
    names = [*sets, *adds]
    set_terms = ", ".join(f"#{i} = :{i}" for i in range(len(sets)))
    add_terms = ", ".join(f"#{i} :{i}" for i in range(len(sets), len(names)))
    return {
        "UpdateExpression": f"SET {set_terms} ADD {add_terms}",
        "ExpressionAttributeNames": {f"#{i}": name for i, name in enumerate(names)},
        "ExpressionAttributeValues": {f":{i}": value for i, value in enumerate((sets | adds).values())},
    }


def view_item(change: RowChange, projected_at: datetime) -> Item:
    """Attributes of a row that is written as a whole."""
    return {
        "version": {"N": str(change.commits)},
        "recorded_at": {"S": timestamp(change.recorded_at)},
        "projected_at": {"S": timestamp(projected_at)},
    } | {FIELD_PREFIX + name: value_of(value) for name, value in change.fields.items()}


def read_view(item: Mapping[str, Any]) -> ViewRow:
    """Read the item of a view row."""
    return ViewRow(
        partition=partition_of(item["row"]["S"]),
        sort=sort_of(item["sort"]["S"]),
        fields={n.removeprefix(FIELD_PREFIX): _value(v) for n, v in item.items() if n.startswith(FIELD_PREFIX)},
        version=int(item["version"]["N"]),
        recorded_at=_moment(item, "recorded_at"),
        projected_at=_moment(item, "projected_at"),
    )


def read_row_key(item: Mapping[str, Any]) -> ViewKey:
    """Read the key of a view row."""
    partition = item["row"]["S"]
    return ViewKey(tenant_of(partition), partition_of(partition), sort_of(item["sort"]["S"]))


def failure_attributes(generation: Generation, failure: FailureRecord) -> Item:
    """Attributes that say why a stream does not move; none of them belongs to a checkpoint."""
    item: Item = {
        "failed_version": {"N": str(failure.version)},
        "failed_error": {"S": failure.error},
        "failed_attempts": {"N": str(failure.attempts)},
        "failed_next_try": {"S": timestamp(failure.next_try)},
    }
    if failure.parked_at:
        item |= {"parked_projection": {"S": str(generation)}, "parked_at": {"S": timestamp(failure.parked_at)}}
    return item


def read_failure(item: Mapping[str, Any]) -> FailureRecord | None:
    """Read the failure on the item of a cursor, if there is one."""
    if "failed_version" not in item:
        return None
    return FailureRecord(
        stream=stream_of(item["cursor"]["S"]),
        version=int(item["failed_version"]["N"]),
        error=item["failed_error"]["S"],
        attempts=int(item["failed_attempts"]["N"]),
        next_try=_moment(item, "failed_next_try"),
        parked_at=_moment(item, "parked_at") if "parked_at" in item else None,
    )


def value_of(value: Value) -> dict[str, str]:
    """A field as attribute value."""
    return {"S": value} if isinstance(value, str) else {"N": str(value)}


def _value(attribute: Mapping[str, str]) -> Value:
    return attribute["S"] if "S" in attribute else number(Decimal(attribute["N"]))


def _moment(item: Mapping[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(item[name]["S"])
