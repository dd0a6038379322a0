"""Checksums of what is compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import orjson

from banyan.store.chain import timestamp

_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


def canonical(value: Any) -> bytes:
    """Canonical JSON: keys sorted, decimals as plain text without trailing zeros, times in UTC microseconds."""
    return orjson.dumps(value, default=_plain, option=_OPTIONS)


def checksum(entities: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """sha256 over entities by name, whatever their order; 64 hexadecimal digits."""
    lines = sorted(hashlib.sha256(canonical([name, content])).digest() for name, content in entities)
    return hashlib.sha256(b"".join(lines)).hexdigest()


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f") if value else "0"
    if isinstance(value, datetime):
        return timestamp(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")
