"""Shards in moto that are split, merged, read and written as those of Kinesis."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from moto.kinesis.models import KinesisBackend, Record, Shard, Stream
from moto.kinesis.responses import KinesisResponse
from moto.kinesis.utils import decompose_shard_iterator

from banyan_tools.local.patching import patched
from banyan_tools.local.stream_records import as_json

LARGEST_READ_BYTES: Final = 10 * 1024 * 1024
LARGEST_READ: Final = 10_000
"""Bytes and records of one reading of a shard."""
HELD_BYTES: Final = 64 * 1024 * 1024
"""Of a shard's newest records; what is older is forgotten, long after all that read the shard have read it."""
BEGINS_AFTER: Final = "begins_after"
"""Attribute of a shard that continues others: their last sequence number. Of all shards: ``numbering_after``."""
HELD: Final = "held"
"""Attribute of a shard that was put to: the bytes of its records."""


@contextmanager
def sharding_as_kinesis_does() -> Iterator[None]:
    """Let moto's streams do what those of Kinesis do, until the block is left.

    Records stay in the shard that they were put into: moto would deliver those of a shard that is split or merged once
    more, and keep writing to it. A shard that is closed ends. Neither the time of a reading or a writing nor the memory
    grows with what was ever put, and no metrics are kept.
    """
    with ExitStack() as stack:
        for owner, name, wrapped in (
            (Stream, "get_shard_for_key", _in_open_shards),
            (Stream, "split_shard", _leaving_records),
            (Stream, "merge_shards", _leaving_records),
            (KinesisBackend, "get_records", _ending),
            (KinesisResponse, "get_records", _as_plain_json),
            (KinesisResponse, "put_records", _as_plain_json),
        ):
            stack.enter_context(patched(owner, name, wrapped(vars(owner)[name])))
        stack.enter_context(patched(Shard, "put_record", _put))
        stack.enter_context(patched(Shard, "get_records", _read))
        stack.enter_context(patched(Shard, "get_min_sequence_number", _first))
        stack.enter_context(patched(Shard, "get_max_sequence_number", _last))
        stack.enter_context(patched(KinesisBackend, "_send_stream_metrics", lambda *_, **__: None))
        yield


@contextmanager
def numbering_after(number: int) -> Iterator[None]:
    """Let the sequence numbers of streams begin behind one, until the block is left.

    Kinesis gives none a second time, and events that are kept tell a record by it: of streams in memory each start has
    to begin behind all numbers of the starts before.
    """
    with patched(Shard, BEGINS_AFTER, number):
        yield


def _in_open_shards(checked: Callable[..., Any]) -> Callable[..., Shard]:
    def find(self: Stream, partition_key: str, explicit_hash_key: str | None) -> Shard:
        checked(self, partition_key, explicit_hash_key)
        digest = hashlib.md5(partition_key.encode(), usedforsecurity=False).digest()
        place = int(explicit_hash_key) if explicit_hash_key else int.from_bytes(digest, "big")
        shards = self.shards.values()
        return next(each for each in shards if each.is_open and each.starting_hash <= place <= each.ending_hash)

    return find


def _leaving_records(reshard: Callable[..., None]) -> Callable[..., None]:
    """Reshard a stream whose shards are empty, as moto would move what they hold."""

    def reshard_empty(self: Stream, *arguments: str) -> None:
        held, last = {each: each.records for each in self.shards.values()}, max(map(_last, self.shards.values()))
        for shard in held:
            shard.records = {}
        try:
            reshard(self, *arguments)
        finally:
            for shard, records in held.items():
                shard.records = records
        for shard in self.shards.values():
            if shard not in held:
                setattr(shard, BEGINS_AFTER, last)

    return reshard_empty


def _put(self: Shard, partition_key: str, data: str, explicit_hash_key: str) -> str:
    number, held = _last(self) + 1, getattr(self, HELD, 0) + len(data)
    self.records[number] = Record(partition_key, data, number, explicit_hash_key)
    while held > HELD_BYTES and len(self.records) > 1:
        held -= len(self.records.pop(_first(self)).data)
    setattr(self, HELD, held)
    return str(number)


def _first(self: Shard) -> int:
    return next(iter(self.records), 0)


def _last(self: Shard) -> int:
    return next(reversed(self.records), getattr(self, BEGINS_AFTER, 0))


def _read(self: Shard, last_sequence_id: str, limit: int | None) -> tuple[list[Record], int, int]:
    """Read on after a sequence number; the numbers of a shard have no gaps."""
    last, newest, size = int(last_sequence_id), _last(self), 0
    found: list[Record] = []
    for number in range(max(last + 1, _first(self)), newest + 1 if self.records else 0):
        size += len(self.records[number].data) * 3 // 4
        if len(found) == min(limit or LARGEST_READ, LARGEST_READ) or (found and size > LARGEST_READ_BYTES):
            break
        found.append(self.records[number])
        last = number
    behind = self.records[newest].created_at - found[-1].created_at if found else 0.0
    return found, last, max(1, int(behind * 1000)) if found and last < newest else 0


def _as_plain_json(answered: Callable[[KinesisResponse], Any]) -> Callable[[KinesisResponse], str]:
    """Spare moto a look at the service's description for each field of each record."""

    def answer(self: KinesisResponse) -> str:
        return json.dumps(answered(self).result, default=as_json)

    return answer


def _ending(read: Callable[..., Any]) -> Callable[..., Any]:
    def get_records(self: KinesisBackend, stream_arn: str | None, shard_iterator: str, limit: int | None) -> Any:
        following, records, behind = read(self, stream_arn, shard_iterator, limit)
        stream, shard_id, last = decompose_shard_iterator(following)
        shard = self.describe_stream(stream_arn, stream).get_shard(shard_id)
        has_more = shard.is_open or (shard.records and int(last) < _last(shard))
        return following if has_more else None, records, behind

    return get_records
