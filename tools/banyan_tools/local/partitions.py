"""Queries in moto that look at one partition, instead of sorting and comparing a whole table each time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

from banyan_tools.local.looking_at import index_name, looking_at
from banyan_tools.local.patching import patched

Condition = tuple[str, DynamoType]
INDEX_NAME = 6
"""Place of the index's name among the arguments behind the hash key."""


@contextmanager
def looking_at_one_partition() -> Iterator[None]:
    """Spare moto's queries all items but those of the partition they name, until the block is left.

    Their answers are the same; only the time no longer grows with the size of the tables. One query at a time.
    """
    original: Any = Table.query

    def query(
        self: Table,
        hash_key: DynamoType | None,
        *arguments: Any,
        hash_key_conditions: Sequence[Condition] | None = None,
        **named: Any,
    ) -> Any:
        by_index = index_name(INDEX_NAME, arguments, named)
        items = list(_indexed(self, hash_key_conditions or ()) if by_index else _partition(self, hash_key))
        with looking_at(self, items):
            return original(self, hash_key, *arguments, hash_key_conditions=hash_key_conditions, **named)

    with patched(Table, "query", query):
        yield


def _partition(table: Table, hash_key: DynamoType | None) -> Iterable[Item]:
    if hash_key not in table.items:
        return ()
    found: Any = table.items[hash_key]
    return found.values() if table.range_key_attr else (found,)


def _indexed(table: Table, conditions: Sequence[Condition]) -> Iterable[Item]:
    """Items whose text attributes are as wanted; moto compares the others itself."""
    wanted = [(name, key.value) for name, key in conditions if key.type == "S"]
    for partition in table.items.values():
        items: Any = partition.values() if table.range_key_attr else (partition,)
        yield from (item for item in items if all(_text(item, name) == value for name, value in wanted))


def _text(item: Item, name: str) -> Any:
    attribute = item.attrs.get(name)
    return attribute.value if attribute is not None and attribute.type == "S" else None
