"""Reading every shard of a stream."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

from botocore.exceptions import ClientError

from banyan_tools.local.checkpoints import Checkpoints
from banyan_tools.local.stream_records import Page, Record, Shard, ShardedStream

SHARDS_SECONDS = 1.0
STALE = ("ExpiredIteratorException", "TrimmedDataAccessException")
FROM_ITS_BEGINNING: Final = {"ShardIteratorType": "TRIM_HORIZON"}
NOTHING: Final = Page([], None)


class ShardReader:
    """Reads the shards of a stream; a shard only when its parents are read to the end and all their records are done.

    Parameters
    ----------
    start : dict[str, Any]
        Where to begin with the shards that exist at the first reading: ``ShardIteratorType``, and for ``AT_TIMESTAMP``
        the ``Timestamp``.
    checkpoints : Checkpoints
        Where to continue, and which records are done.
    """

    def __init__(self, stream: ShardedStream, start: dict[str, Any], checkpoints: Checkpoints) -> None:
        self._stream = stream
        self._start = start
        self._checkpoints = checkpoints
        self._last = checkpoints.positions()
        self._iterators: dict[str, str | None] = {}
        self._shards: dict[str, Shard] = {}
        self._looked = -SHARDS_SECONDS

    def read(self) -> Iterator[tuple[str, list[Record]]]:
        """Read each open shard to its present end; return the shards that had records, with these."""
        self._look_for_shards()
        for shard in self._shards.values():
            if not self._is_read(shard.id) and all(map(self._is_over, shard.parents)):
                yield from self._records(shard.id)
        self._start = FROM_ITS_BEGINNING

    def _look_for_shards(self) -> None:
        now = time.monotonic()
        if now - self._looked >= SHARDS_SECONDS:
            self._shards = {shard.id: shard for shard in self._stream.shards()}
            self._looked = now

    def _is_read(self, shard: str) -> bool:
        return self._iterators.get(shard, "") is None

    def _is_over(self, shard: str) -> bool:
        return shard not in self._shards or (self._is_read(shard) and self._checkpoints.are_done(shard))

    def _records(self, shard: str) -> Iterator[tuple[str, list[Record]]]:
        has_more = True
        while has_more:
            page = self._page(shard)
            has_more = page.has_more
            if page.records:
                self._last[shard] = page.records[-1].number
                yield shard, page.records

    def _page(self, shard: str) -> Page:
        try:
            page = self._stream.page(shard, self._iterators.get(shard) or self._iterator(shard))
        except ClientError as error:
            self._forget(shard, error)
            return NOTHING
        self._iterators[shard] = page.following
        return page

    def _iterator(self, shard: str) -> str:
        place = self._start
        if shard in self._last:
            place = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._last[shard]}
        return self._stream.iterator(shard, place)

    def _forget(self, shard: str, error: ClientError) -> None:
        code = error.response["Error"]["Code"]
        if code not in STALE:
            raise error
        self._iterators.pop(shard, None)
        if code == "TrimmedDataAccessException":
            self._last.pop(shard, None)
