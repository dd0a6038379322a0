"""Read-model rows and cursors as DynamoDB items, and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from banyan.projections.base import MAX_LOOKUPS, Value
from banyan.projections.keys import (
    STATE_SORT,
    partition_key,
    partition_of,
    sort_key,
    sort_of,
    state_key,
    stream_of,
    tenant_of,
)
from banyan.projections.rows import RowChange, number
from banyan.projections.views import UNNOTED, FailureRecord, Generation, StateRow, ViewKey, ViewRow
from banyan.store.chain import timestamp
from banyan.store.items import Item, pack, unpack
from banyan.streams import StreamId

FIELD_PREFIX: Final = "f_"


def state_item(generation: Generation, row: StateRow) -> Item:
    """The item of a stream's row; sparse in each lookup."""
    item = state_item_key(generation, row.stream) | {
        "version": {"N": str(row.version)},
        "recorded_at": {"S": timestamp(row.recorded_at)},
        "projected_at": {"S": timestamp(row.projected_at)},
        "state": pack(row.state),
    }
    if row.made_by != UNNOTED:
        item["made_by"] = {"N": str(row.made_by)}
    for index, (partition, sort) in row.lookups.items():
        item[f"lookup{index}"] = {"S": partition_key(generation, row.stream.tenant, partition)}
        item[f"lookup{index}_sort"] = {"S": sort_key(sort)}
    return item


def read_state(item: Mapping[str, Any]) -> StateRow:
    """Read the item of a stream's row."""
    return StateRow(
        stream=stream_of(item["row"]["S"]),
        version=int(item["version"]["N"]),
        recorded_at=_moment(item, "recorded_at"),
        projected_at=_moment(item, "projected_at"),
        state=unpack(item["state"]),
        lookups={
            index: (partition_of(item[f"lookup{index}"]["S"]), sort_of(item[f"lookup{index}_sort"]["S"]))
            for index in range(1, MAX_LOOKUPS + 1)
            if f"lookup{index}" in item
        },
        made_by=int(item.get("made_by", {"N": str(UNNOTED)})["N"]),
    )


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
    """Attributes of a row made anew."""
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


FAILURE_ATTRIBUTES: Final = (
    "failed_version",
    "failed_error",
    "failed_attempts",
    "failed_next_try",
    "parked_projection",
    "parked_at",
)


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
