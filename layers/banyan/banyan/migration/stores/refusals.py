"""What a legacy system refuses of one row, as the engine's error: which field it is, and never what it holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel

from banyan.errors import RowRefused

INTEGER_BITS: Final = {"smallint": 16, "integer": 32, "bigint": 64}

_TEXT = re.compile(r"character(?: varying)?\((\d+)\)")
_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")

Leaf = tuple[str, Any]


def leaves(value: Any, path: str = "") -> Iterator[Leaf]:
    """Every single value in a model's content, by its path, such as ``lines.0.sku``."""
    inner: Iterator[tuple[Any, Any]] | None = None
    if isinstance(value, Mapping):
        inner = iter(value.items())
    elif isinstance(value, list | tuple):
        inner = enumerate(value)
    if inner is None:
        yield path, value
        return
    for name, each in inner:
        yield from leaves(each, f"{path}.{name}" if path else str(name))


def fits(kind: str, value: Any) -> bool:
    """Whether a column of a type, as PostgreSQL writes it, holds a value, as far as sizes tell."""
    if isinstance(value, str):
        text = _TEXT.fullmatch(kind)
        return "\0" not in value and (text is None or len(value) <= int(text[1]))
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return True
    numeric = _NUMERIC.fullmatch(kind)
    if numeric:
        return Decimal(value).is_finite() and Decimal(value).adjusted() < int(numeric[1]) - int(numeric[2])
    bits = INTEGER_BITS.get(kind)
    return bits is None or -(2 ** (bits - 1)) <= value < 2 ** (bits - 1)


def words(reason: type[Exception]) -> str:
    """What a driver calls an error, in words."""
    return _WORDS.sub(" ", reason.__name__).lower()


def refused(row: Any, reason: type[Exception], names: frozenset[str], columns: Mapping[str, str]) -> RowRefused:
    """The error for a row.

    Parameters
    ----------
    row : Row
    reason : type[Exception]
        What the driver calls it.
    names : frozenset[str]
        Columns that the driver or the constraint names.
    columns : Mapping[str, str]
        Types of all columns by name, of which one is too small where nothing is named.
    """
    for path, value in leaves(row.model_dump()):
        name = path.rpartition(".")[2]
        if name in names or (not names and not fits(columns.get(name, ""), value)):
            return RowRefused(words(reason), path, value)
    return RowRefused(words(reason), min(names, default=None))


def in_words_of(command: Any, error: RowRefused) -> RowRefused:
    """The same error, naming the field of the command that brought the value, if one did."""
    if error.value is None or not isinstance(command, BaseModel):
        return error
    found = leaves(command.model_dump(by_alias=True))
    field = next((path for path, value in found if value == error.value), error.field)
    return RowRefused(error.reason, field, error.value)
