"""Attribute values in moto's answers, taken as they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.core.serialize import JSONSerializer

from tools.local.patching import patched

ATTRIBUTE_VALUE = "AttributeValue"
PLAIN = frozenset({"S", "N", "BOOL", "NULL"})


@contextmanager
def plain_values() -> Iterator[None]:
    """Spare moto the search of a plain attribute value for each type it might have, until the block is left.

    Its answers are the same; an answer of many items takes a fraction of the time.
    """
    original = JSONSerializer._serialize_type_structure

    def serialize(self: JSONSerializer, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if key and shape.name == ATTRIBUTE_VALUE and type(value) is dict and value.keys() <= PLAIN:
            self._default_serialize(serialized, value, shape, key)
        else:
            original(self, serialized, value, shape, key)

    with patched(JSONSerializer, "_serialize_type_structure", serialize):
        yield
