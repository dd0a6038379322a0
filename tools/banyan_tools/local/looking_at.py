"""What moto's queries and scans look at, instead of copies of all that a table holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table

from banyan_tools.local.patching import patched


@contextmanager
def looking_at(table: Table, items: list[Item]) -> Iterator[None]:
    """Let moto look at some items of a table, and answer with them instead of copies, until the block is left.

    For a block within the lock that serializes moto's requests.
    """
    with patched(table, "all_items", lambda: items), patched(Item, "__deepcopy__", _itself):
        yield


def index_name(place: int, arguments: Sequence[Any], named: Mapping[str, Any]) -> str | None:
    """Name of the index among arguments that are given by name or by place."""
    found: str | None = named.get("index_name") or next(iter(arguments[place:]), None)
    return found


def _itself(item: Item, _: Any) -> Item:
    return item
