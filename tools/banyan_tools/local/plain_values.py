"""Attribute values in moto's answers, taken as they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import moto.dynamodb.responses as responses
from moto.core.serialize import JSONSerializer
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.utilities import dynamo_to_dict

from banyan_tools.local.patching import patched

ATTRIBUTE_VALUE = "AttributeValue"
SCALARS = frozenset({"S", "N", "BOOL", "NULL"})
DOCUMENTS = frozenset({"L", "M"})
ATOMS = frozenset({str, bool, int, float, type(None)})


class Plain(dict[str, Any]):
    """A part of an answer that holds no bytes: it is sent as it is kept."""


class PlainList(list[Any]):
    """The same of a list."""


PURE = ATOMS | {Plain, PlainList}


@contextmanager
def plain_values() -> Iterator[None]:
    """Spare moto the search of a plain attribute value for each type it might have, until the block is left.

    Its answers are the same; an answer of many items takes a fraction of the time.
    """
    own: Any = JSONSerializer._serialize_type_structure

    def serialize(self: JSONSerializer, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if key and shape.name == ATTRIBUTE_VALUE and _is_plain(value):
            self._default_serialize(serialized, value, shape, key)
        else:
            own(self, serialized, value, shape, key)

    with patched(JSONSerializer, "_serialize_type_structure", serialize), patched(responses, "dynamo_to_dict", _read):
        yield


def _is_plain(value: Any) -> bool:
    return type(value) is Plain or (type(value) is dict and value.keys() <= SCALARS)


def _read(value: Any, own: Any = dynamo_to_dict) -> Any:
    """A model of moto as moto reads it, its plain parts marked."""
    kind = type(value)
    if kind in ATOMS:
        return value
    if isinstance(value, dict):
        members = {name: _read(held) for name, held in value.items()}
        return Plain(members) if all(type(held) in PURE for held in members.values()) else members
    if isinstance(value, list):
        items = [_read(held) for held in value]
        return PlainList(items) if all(type(held) in PURE for held in items) else items
    if kind is DynamoType:
        return _read({value.type: value.value}) if value.type in SCALARS | DOCUMENTS else own(value)
    return _read(value.to_json()) if kind is Item else own(value)
