"""Canonical JSON and its checksum: equal contents give equal bytes, whichever side they come from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import orjson

from banyan.store.chain import timestamp

_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


def canonical(value: Any) -> bytes:
    """Canonical JSON.

    Keys are sorted; a decimal is a plain number without exponent and trailing zeros, so ``Decimal("4.50")``
    equals ``Decimal("4.5")`` and ``Decimal("4")`` equals ``4``; a time is UTC with microseconds. Text stays as it
    is: ``"4"`` is not ``4``.

    Raises
    ------
    TypeError
        A value has no canonical form: a time without zone, an infinite decimal, a set, a binary value.
    """
    return orjson.dumps(value, default=_plain, option=_OPTIONS)


def checksum(content: Mapping[str, Any]) -> str:
    """sha256 of the canonical JSON; 64 hexadecimal digits."""
    return hashlib.sha256(canonical(content)).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(_number(value))
    if isinstance(value, datetime) and value.tzinfo is not None:
        return timestamp(value)
    raise TypeError(f"{value!r} has no canonical form")


def _number(value: Decimal) -> str:
    """Exact: ``Decimal.normalize`` would round to the context's 28 digits."""
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) if value else "0"
