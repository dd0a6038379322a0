"""Deadlines on DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any, Final

from banyan.adapters.dynamodb.commits import LogBuckets
from banyan.adapters.dynamodb.gateway import ConditionFailed, Gateway
from banyan.deadlines.base import Deadline, Waiting, unfailed, waiting
from banyan.events import Metadata
from banyan.store.base import timestamp
from banyan.store.items import Item, bucket_of
from banyan.streams import StreamId

PARKED: Final = -1
"""Bucket of what was put aside; nothing in it is ever due."""

FIRST_PAGE: Final = 250
"""Of a bucket; whoever looks only at what is due next reads no more."""

BEHIND_ITS_MOMENT: Final = "$"
"""Sorts behind the ``#`` that follows the due time in a key."""


class DynamoDBDeadlines:
    """Keeps deadlines in a table keyed by ``bucket`` and ``due``.

    Parameters
    ----------
    buckets : LogBuckets
        Among which the streams are spread, as they are in the log. A deadline stays in the bucket where it was put.
    """

    def __init__(self, gateway: Gateway, table: str, buckets: LogBuckets) -> None:
        self._gateway = gateway
        self._table = table
        self._buckets = buckets

    def schedule(self, deadline: Deadline) -> None:
        """One ``PutItem``, and as before a commit, once in a process, one ``Query`` more."""
        if not self._buckets.announced:
            self._buckets.announce()
        self._put(waiting(deadline), "attribute_not_exists(#due)")

    def due(self, now: datetime, most: int | None = None) -> Iterator[Waiting]:
        """One ``Query`` for the number of buckets, and one for each bucket and page."""
        until, buckets = timestamp(now) + BEHIND_ITS_MOMENT, self._buckets.all()
        page = FIRST_PAGE if most is None else max(2 * most // len(buckets), 10)
        found = merge(*(self._query(bucket, until, page) for bucket in buckets), key=lambda kept: kept.key)
        return islice(found, most)

    def remove(self, waiting: Waiting) -> None:
        """One ``DeleteItem``."""
        self._gateway.write("delete_item", {"TableName": self._table, "Key": self._key(waiting)})

    def put_back(self, waiting: Waiting) -> None:
        """One ``PutItem``."""
        self._put(waiting, "attribute_exists(#due)")

    def park(self, waiting: Waiting) -> None:
        """One transaction."""
        self._move(self._key(waiting), self._item(waiting, PARKED))

    def parked(self, most: int | None = None) -> Iterator[Waiting]:
        return islice(self._query(PARKED, "~", most or FIRST_PAGE), most)

    def unpark(self, waiting: Waiting) -> None:
        """One transaction."""
        self._move(self._key(waiting, PARKED), self._item(unfailed(waiting), self._bucket(waiting)))

    def _query(self, bucket: int, until: str, page: int) -> Iterator[Waiting]:
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "#bucket = :bucket AND #due < :until",
            "ExpressionAttributeNames": {"#bucket": "bucket", "#due": "due"},
            "ExpressionAttributeValues": {":bucket": {"N": str(bucket)}, ":until": {"S": until}},
            "ConsistentRead": True,
        }
        return map(_read, self._gateway.items("query", request, page))

    def _put(self, kept: Waiting, condition: str) -> None:
        request = {
            "TableName": self._table,
            "Item": self._item(kept, self._bucket(kept)),
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#due": "due"},
        }
        with suppress(ConditionFailed):
            self._gateway.write("put_item", request)

    def _move(self, key: Item, item: Item) -> None:
        delete = {"Delete": {"TableName": self._table, "Key": key}}
        put = {"Put": {"TableName": self._table, "Item": item}}
        self._gateway.write("transact_write_items", {"TransactItems": [delete, put]})

    def _bucket(self, kept: Waiting) -> int:
        return bucket_of(kept.stream, self._buckets.own) if kept.bucket is None else kept.bucket

    def _key(self, kept: Waiting, bucket: int | None = None) -> Item:
        chosen = self._bucket(kept) if bucket is None else bucket
        return {"bucket": {"N": str(chosen)}, "due": {"S": kept.key}}

    def _item(self, kept: Waiting, bucket: int) -> Item:
        return {
            **self._key(kept, bucket),
            "due_at": {"S": timestamp(kept.due)},
            "stream": {"S": str(kept.stream)},
            "name": {"S": kept.name},
            "command_type": {"S": kept.command_type},
            "command": {"S": kept.command},
            "commit_id": {"S": kept.commit_id},
            "metadata": {"S": kept.metadata.model_dump_json(by_alias=True)},
            "attempts": {"N": str(kept.attempts)},
            "error": {"S": kept.error},
        }


def _read(item: Mapping[str, Any]) -> Waiting:
    bucket = int(item["bucket"]["N"])
    return Waiting(
        bucket=None if bucket == PARKED else bucket,
        stream=StreamId.parse(item["stream"]["S"]),
        name=item["name"]["S"],
        due=datetime.fromisoformat(item["due_at"]["S"]),
        command_type=item["command_type"]["S"],
        command=item["command"]["S"],
        commit_id=item["commit_id"]["S"],
        metadata=Metadata.model_validate_json(item["metadata"]["S"]),
        attempts=int(item["attempts"]["N"]),
        error=item["error"]["S"],
    )
