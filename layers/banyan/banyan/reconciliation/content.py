"""What is compared: canonical JSON, its checksum, and how two contents differ."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import orjson

from banyan.events import CamelModel
from banyan.store.base import timestamp

LONG: Final = 63
_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME
_ANY_KEYS: Final = _OPTIONS | orjson.OPT_NON_STR_KEYS


def canonical(value: Any, *, long_integers: bool = True) -> bytes:
    """Canonical JSON.

    Keys are sorted; one that is a number or a member of an enumeration counts as its text. A decimal is a plain number
    without exponent and trailing zeros, so ``Decimal("4.50")`` equals ``Decimal("4.5")`` and ``Decimal("4")`` equals
    ``4``; an integer has any length; a day is ``yyyy-mm-dd``, a time UTC with microseconds. Text stays as it is:
    ``"4"`` is not ``4``.

    Parameters
    ----------
    long_integers : bool, optional
        Whether an integer may have more than 64 bits.

    Raises
    ------
    TypeError
        A value has no canonical form: a time without zone, an infinite decimal, a set, a binary value.
    """
    try:
        return orjson.dumps(value, default=_plain, option=_OPTIONS)
    except orjson.JSONEncodeError:
        if not long_integers:
            raise
        return orjson.dumps(_with_long_integers(value), default=_plain, option=_ANY_KEYS)


def checksum(content: Mapping[str, Any]) -> str:
    """sha256 of the canonical JSON; 64 hexadecimal digits."""
    return hashlib.sha256(canonical(content)).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(_number(value))
    if isinstance(value, datetime) and value.tzinfo is not None:
        return timestamp(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} has no canonical form")


def _with_long_integers(value: Any) -> Any:
    """The same with integers of more than 64 bits, which orjson refuses, as they are written."""
    if isinstance(value, Mapping):
        return {name: _with_long_integers(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_long_integers(member) for member in value]
    return orjson.Fragment(str(int(value))) if isinstance(value, int) and value.bit_length() > LONG else value


def _number(value: Decimal) -> str:
    """Exact: ``Decimal.normalize`` would round to the context's 28 digits."""
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) if value else "0"


MAX_TEXT: Final = 200
MAX_FIELDS: Final = 50
ABSENT: Final = object()


class FieldDifference(CamelModel):
    """One field that differs.

    Parameters
    ----------
    name : str
        Path of the field, such as ``items.0.price``.
    expected, actual : str, optional
        Canonical JSON of both values, cut at ``MAX_TEXT`` characters; ``None`` where there is none.
    """

    name: str
    expected: str | None
    actual: str | None


def differing(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> tuple[FieldDifference, ...]:
    """The first ``MAX_FIELDS`` fields whose canonical JSON differs, by name."""
    return tuple(found for found, _ in zip(_walk("", expected, actual), range(MAX_FIELDS), strict=False))


def _walk(path: str, expected: Any, actual: Any) -> Iterator[FieldDifference]:
    if ABSENT is not expected and ABSENT is not actual and canonical(expected) == canonical(actual):
        return
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for name in sorted(expected.keys() | actual.keys()):
            yield from _walk(_below(path, name), expected.get(name, ABSENT), actual.get(name, ABSENT))
    elif isinstance(expected, list | tuple) and isinstance(actual, list | tuple) and len(expected) == len(actual):
        for index, pair in enumerate(zip(expected, actual, strict=True)):
            yield from _walk(_below(path, str(index)), *pair)
    else:
        yield FieldDifference(name=path, expected=_text(expected), actual=_text(actual))


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _text(value: Any) -> str | None:
    return None if value is ABSENT else canonical(value).decode()[:MAX_TEXT]
