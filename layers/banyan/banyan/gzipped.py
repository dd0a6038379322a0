"""Compressed bytes from outside, and no more of what is in them than is accepted."""

from __future__ import annotations

import zlib
from typing import Final

_MAGIC: Final = b"\x1f\x8b"
_WITH_GZIP_HEADER: Final = 31
_PIECE: Final = 4096
"""Bytes that are read at a time: a member hands back what is behind it, and a file may have very many."""


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
    found, place = bytearray(), 0
    while place < len(data) and len(found) <= limit:
        place = _read_member(data, place, found, limit)
    return bytes(found)


def _read_member(data: bytes, place: int, found: bytearray, limit: int) -> int:
    """Add what the member at a place holds, and return where the next one begins."""
    member = zlib.decompressobj(_WITH_GZIP_HEADER)
    while not member.eof and len(found) <= limit:
        piece = data[place : place + _PIECE]
        if not piece:
            raise ValueError("cut off")
        try:
            found += member.decompress(piece, limit + 1 - len(found))
        except zlib.error as error:
            raise ValueError("not gzip, or damaged") from error
        place += len(piece) - len(member.unused_data)
    return place
