"""Streams whose changes have not reached the legacy system yet, noted with the commits that made them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from banyan.adapters.dynamodb.commits import TransactItem
from banyan.adapters.dynamodb.gateway import ConditionFailed, Gateway
from banyan.store import Commit
from banyan.store.chain import timestamp
from banyan.store.items import Item, bucket_of
from banyan.streams import StreamId

BUCKETS: Final = 4


@dataclass(frozen=True, slots=True)
class BacklogEntry:
    """A stream that the legacy system is to follow up to a version, which it reached at a moment."""

    stream: StreamId
    version: int
    since: datetime


class SyncBacklog:
    """One item per stream whose changes have not reached the legacy system yet.

    Parameters
    ----------
    gateway : Gateway
    table : str
        Keyed by ``part`` and ``item``.
    entity : str
    """

    def __init__(self, gateway: Gateway, table: str, entity: str) -> None:
        self._gateway = gateway
        self._table = table
        self._entity = entity

    def put(self, commit: Commit) -> TransactItem:
        """What the transaction of a stream's last commit holds."""
        item = {
            **self._key(commit.stream),
            "version": {"N": str(commit.last)},
            "since": {"S": timestamp(commit.recorded_at)},
        }
        return {"Put": {"TableName": self._table, "Item": item}}

    def all(self) -> Iterator[BacklogEntry]:
        """Every stream with changes to bring over, strongly consistent. Raises ``StoreUnavailable``."""
        for bucket in range(BUCKETS):
            yield from map(_entry, self._gateway.items("query", self._bucket(bucket)))

    def complete(self, stream: StreamId, version: int) -> None:
        """The legacy system has the stream up to a version; newer changes stay noted."""
        request = {
            "TableName": self._table,
            "Key": self._key(stream),
            "ConditionExpression": "#version <= :version",
            "ExpressionAttributeNames": {"#version": "version"},
            "ExpressionAttributeValues": {":version": {"N": str(version)}},
        }
        with suppress(ConditionFailed):
            self._gateway.write("delete_item", request)

    def _bucket(self, bucket: int) -> Item:
        return {
            "TableName": self._table,
            "KeyConditionExpression": "part = :part",
            "ExpressionAttributeValues": {":part": {"S": self._part(bucket)}},
            "ConsistentRead": True,
        }

    def _key(self, stream: StreamId) -> Item:
        return {"part": {"S": self._part(bucket_of(stream, BUCKETS))}, "item": {"S": str(stream)}}

    def _part(self, bucket: int) -> str:
        return f"unfollowed#{self._entity}#{bucket}"


def _entry(item: Item) -> BacklogEntry:
    since = datetime.fromisoformat(item["since"]["S"])
    return BacklogEntry(StreamId.parse(item["item"]["S"]), int(item["version"]["N"]), since)
