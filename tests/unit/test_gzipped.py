"""Compressed bytes are read up to a limit, and refused when they are damaged."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest

from banyan.gzipped import gunzip, is_gzipped

LIMIT = 1000
DECOMPRESSOR = zlib.decompressobj


@pytest.mark.parametrize("size", [0, 1, LIMIT - 1, LIMIT])
def test_what_fits_is_read_whole(size: int) -> None:
    data = gzip.compress(b"x" * size)

    assert is_gzipped(data)
    assert gunzip(data, LIMIT) == b"x" * size


def test_a_file_of_several_members_is_one_text() -> None:
    assert gunzip(gzip.compress(b"one ") + gzip.compress(b"two"), LIMIT) == b"one two"


@pytest.mark.parametrize("members", [[b"x" * 10_000_000], [b"x" * LIMIT, b"y", b"z" * 10_000_000], [b"x"] * 2000])
def test_no_more_than_one_byte_above_the_limit_is_decompressed(members: list[bytes]) -> None:
    found = gunzip(b"".join(map(gzip.compress, members)), LIMIT)

    assert found == b"".join(members)[: LIMIT + 1]


class Measured:
    """A decompressor that counts the bytes which all of them are given; each hands back what follows its own member."""

    given = 0

    def __init__(self, *arguments: Any) -> None:
        self._own = DECOMPRESSOR(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    def decompress(self, data: bytes, most: int) -> bytes:
        Measured.given += len(data)
        return self._own.decompress(data, most)


def test_members_that_hold_nothing_take_time_by_their_number_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zlib, "decompressobj", Measured)

    def given(members: int) -> int:
        Measured.given = 0
        assert gunzip(gzip.compress(b"") * members, LIMIT) == b""
        return Measured.given

    assert given(20_000) < 3 * given(10_000)


@pytest.mark.parametrize("cut", [1, 8, 12])
def test_a_file_that_is_cut_off_is_damaged(cut: int) -> None:
    with pytest.raises(ValueError, match="cut off"):
        gunzip(gzip.compress(b"some text")[:-cut], LIMIT)


@pytest.mark.parametrize(
    "data",
    [b"plain", gzip.compress(b"one") + b"rest", gzip.compress(b"one")[:-8] + bytes(8)],
    ids=["plain", "more behind it", "another checksum"],
)
def test_what_is_not_gzip_or_not_what_was_compressed_is_damaged(data: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        gunzip(data, LIMIT)
