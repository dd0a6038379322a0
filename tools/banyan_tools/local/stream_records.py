"""What a sharded stream hands to those that read it: a table's stream, or one of Kinesis."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Record:
    """A record, and what Lambda makes of it.

    Parameters
    ----------
    number : str
        Its sequence number, which the function names when it fails.
    arrived : float
        Seconds since 1970.
    key : str
        Records of one key keep their order when batches run in parallel.
    event : dict[str, Any]
        As the function gets it: pure JSON.
    """

    number: str
    arrived: float
    key: str
    event: dict[str, Any]


class Shard(NamedTuple):
    """A part of a stream with an order of its own; it continues where its parents end."""

    id: str
    parents: tuple[str, ...] = ()


class Page(NamedTuple):
    """What one reading of a shard gives.

    Parameters
    ----------
    following : str | None
        Iterator of the next reading; None at the end of a closed shard.
    has_more : bool
        Whether the shard is known to hold records behind these.
    """

    records: list[Record]
    following: str | None
    has_more: bool = False


class ShardedStream(Protocol):
    """A stream, as `ShardReader` reads it; its methods raise ``ClientError``."""

    def shards(self) -> Iterable[Shard]:
        """Return every shard that there still is, parents first."""

    def iterator(self, shard: str, place: dict[str, Any]) -> str:
        """Return where to read a shard from.

        Parameters
        ----------
        place : dict[str, Any]
            ``ShardIteratorType``, and what it needs: ``SequenceNumber`` or ``Timestamp``.
        """

    def page(self, shard: str, iterator: str) -> Page:
        """Read a shard once."""


def as_json(value: object) -> object:
    """Return a binary as base64 and a moment as seconds since 1970."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} has no place in a stream record")
