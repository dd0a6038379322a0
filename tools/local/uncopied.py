"""Items of moto that are read, and need not be copied for it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from moto.dynamodb.models.dynamo_type import Item

from tools.local.patching import patched


def uncopied_items() -> AbstractContextManager[None]:
    """Let a copy of an item be the item itself until the block is left: what moto finds it only writes into answers.

    For a block within the lock that serializes moto's requests.
    """
    return patched(Item, "__deepcopy__", _itself)


def _itself(item: Item, _: Any) -> Item:
    return item
