"""Compressed bytes from outside, and no more of what is in them than is accepted."""

from __future__ import annotations

import zlib
from typing import Final

_MAGIC: Final = b"\x1f\x8b"
_WITH_GZIP_HEADER: Final = 31


def is_gzipped(data: bytes) -> bool:
    """Whether bytes begin as a gzip file does, which neither JSON nor any other text does."""
    return data.startswith(_MAGIC)


def gunzip(data: bytes, limit: int) -> bytes:
    """What was compressed, as far as ``limit`` bytes and one more: a small file may hold gigabytes.

    Raises
    ------
    ValueError
        It is not gzip, or cut off.
    """
    found, rest = bytearray(), data
    while rest and len(found) <= limit:
        member = zlib.decompressobj(_WITH_GZIP_HEADER)
        try:
            found += member.decompress(rest, limit + 1 - len(found))
        except zlib.error as error:
            raise ValueError("not gzip, or damaged") from error
        if not member.eof and len(found) <= limit:
            raise ValueError("cut off")
        rest = member.unused_data
    return bytes(found)
