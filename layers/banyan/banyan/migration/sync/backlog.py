"""Streams whose news the legacy system does not have yet, kept with the commits that brought the news."""

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
    """The legacy system is to follow a stream up to a version, which it reached at a moment."""

    stream: StreamId
    version: int
    since: datetime


class Unfollowed:
    """One item for each stream that the legacy system is behind of.

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
        """Every stream with news, strongly consistent. Raises ``StoreUnavailable``."""
        for bucket in range(BUCKETS):
            yield from map(_news, self._requests.items(self._part(bucket)))

    def followed(self, stream: StreamId, version: int) -> None:
        """The legacy system has the stream up to a version; newer news stay."""
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


def _news(item: Any) -> News:
    since = datetime.fromisoformat(item["since"]["S"])
    return News(StreamId.parse(item["item"]["S"]), int(item["version"]["N"]), since)
