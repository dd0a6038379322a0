"""Streams whose changes have not reached the legacy system yet, noted with the commits that made them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from banyan.adapters.dynamodb.commit_items import bucket_of
from banyan.adapters.dynamodb.commits import TransactItem
from banyan.migration.stores.requests import Requests, item_key
from banyan.store import Commit
from banyan.store.chain import timestamp
from banyan.streams import StreamId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BUCKETS: Final = 4


@dataclass(frozen=True, slots=True)
class News:
    """A stream that the legacy system is to follow up to a version, which it reached at a moment."""

    stream: StreamId
    version: int
    since: datetime


class SyncBacklog:
    """One item per stream whose changes have not reached the legacy system yet.

    Parameters
    ----------
    client : DynamoDBClient
    table : str
        Keyed by ``part`` and ``item``.
    entity : str
    """

    def __init__(self, client: DynamoDBClient, table: str, entity: str) -> None:
        self._requests = Requests(client, table)
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

    def all(self) -> Iterator[News]:
        """Every stream with changes to bring over, strongly consistent. Raises ``StoreUnavailable``."""
        for bucket in range(BUCKETS):
            yield from map(_entry, self._requests.items(self._part(bucket)))

    def complete(self, stream: StreamId, version: int) -> None:
        """The legacy system has the stream up to a version; newer changes stay noted."""
        self._requests.refusal(
            "delete_item",
            Key=self._key(stream),
            ConditionExpression="#version <= :version",
            ExpressionAttributeNames={"#version": "version"},
            ExpressionAttributeValues={":version": {"N": str(version)}},
        )

    def _key(self, stream: StreamId) -> dict[str, Any]:
        return item_key(self._part(bucket_of(stream, BUCKETS)), str(stream))

    def _part(self, bucket: int) -> str:
        return f"unfollowed#{self._entity}#{bucket}"


def _entry(item: Any) -> News:
    since = datetime.fromisoformat(item["since"]["S"])
    return News(StreamId.parse(item["item"]["S"]), int(item["version"]["N"]), since)
