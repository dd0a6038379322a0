"""Pages of sorted rows: a range in one direction, and cursors that fit only the query they came from."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal, TypeVar, overload

import orjson

from banyan.errors import InvalidCursor

R = TypeVar("R")

SortOrder = Literal["ascending", "descending"]

MAX_SORT_BYTES: Final = 1023
"""Of a row's sort, which is stored with a prefix of one byte; what is longer is in no range."""


@dataclass(frozen=True, slots=True)
class SortRange:
    """Rows with ``first <= sort <= last``, and the direction in which they are read."""

    first: str = ""
    last: str | None = None
    order: SortOrder = "ascending"

    @property
    def descending(self) -> bool:
        """Whether the highest sort comes first."""
        return self.order == "descending"

    @property
    def end(self) -> str | None:
        """The sort that is read last; ``None`` when there is no bound."""
        return self.first if self.descending else self.last

    @property
    def empty(self) -> bool:
        """Whether it can hold nothing."""
        return self.last is not None and self.last < self.first

    def follows(self, sort: Any, other: Any) -> bool:
        """Whether one place is read after another."""
        return bool(sort < other if self.descending else sort > other)

    def __contains__(self, sort: str) -> bool:
        inside = self.first <= sort and (self.last is None or sort <= self.last)
        return inside and len(sort.encode()) <= MAX_SORT_BYTES


EVERYTHING: Final = SortRange()
NEWEST_FIRST: Final = SortRange(order="descending")


@dataclass(frozen=True, slots=True)
class Page(Sequence[R]):
    """Some rows of a list, and the opaque cursor after which the next page begins; ``None`` at the end."""

    entries: Sequence[R]
    cursor: str | None = None

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def __getitem__(self, index: int) -> R: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[R]: ...
    def __getitem__(self, index: int | slice) -> R | Sequence[R]:
        return self.entries[index]


def make_cursor(query: Sequence[Any], *place: str) -> str:
    """A place in the answer to a query, as opaque text.

    Parameters
    ----------
    query : Sequence
        Whatever makes it another list: generation, tenant, partition, range, order; JSON.
    """
    return urlsafe_b64encode(orjson.dumps([_digest(query), *place])).decode()


def read_place(cursor: str, query: Sequence[Any], parts: int) -> Sequence[str]:
    """The place in a cursor, of so many parts.

    Whoever made the cursor up chose the place: it is as little to be trusted as any other input.

    Raises
    ------
    InvalidCursor
        When it is damaged or belongs to another query.
    """
    return place_of(decode_cursor(cursor), query, parts)


def place_of(texts: Sequence[str], query: Sequence[Any], parts: int) -> Sequence[str]:
    """The place among the texts of a cursor. Raises ``InvalidCursor`` when they belong to another query."""
    if len(texts) != parts + 1 or texts[0] != _digest(query):
        raise another_list()
    return texts[1:]


def decode_cursor(cursor: str) -> Sequence[str]:
    """The texts in a cursor. Raises ``InvalidCursor`` when it holds anything else."""
    try:
        found = orjson.loads(urlsafe_b64decode(cursor.encode()))
    except (ValueError, binascii.Error) as error:
        raise _damaged() from error
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise _damaged()
    return found


def another_list() -> InvalidCursor:
    """The error for a cursor that belongs to another list."""
    return InvalidCursor("the cursor belongs to another list: begin again without it")


def _damaged() -> InvalidCursor:
    return InvalidCursor("the cursor is damaged: begin again without it")


def _digest(query: Sequence[Any]) -> str:
    return sha256(orjson.dumps(query)).hexdigest()[:16]
