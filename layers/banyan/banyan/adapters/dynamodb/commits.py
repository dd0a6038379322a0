"""The commit table on DynamoDB."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from banyan.adapters.dynamodb.gateway import ConditionFailed, Gateway
from banyan.store.base import Collision, Commit, CompanionWriteRejected, LogEntry, Snapshot, timestamp
from banyan.store.items import Item, commit_item, from_item, read_commit, read_log_entry, snapshot_item
from banyan.streams import StreamId

TransactItem = dict[str, Any]

ABSENT: Final = "attribute_not_exists(#position)"


class DynamoDBTable:
    """Keeps commits in a DynamoDB table keyed by ``stream`` and ``position``, with an index ``log``.

    Parameters
    ----------
    buckets : int
        Number of buckets of the log; fixed for the life of a table.
    """

    def __init__(self, gateway: Gateway, name: str, buckets: int = 8) -> None:
        self._gateway = gateway
        self._name = name
        self.buckets = buckets

    def insert(self, commits: Sequence[Commit], beside: Sequence[TransactItem] = ()) -> None:
        """One ``PutItem``, or one ``TransactWriteItems`` for several.

        Parameters
        ----------
        beside : Sequence[dict]
            Writes and checks of other items that hold together with the commits or not at all.

        Raises
        ------
        CompanionWriteRejected
            Nothing was written, only because of what stands beside.
        """
        puts = [self._put(commit_item(commit, self.buckets)) for commit in commits]
        operation, request = "put_item", puts[0]
        if len(puts) > 1 or beside:
            items = [*({"Put": put} for put in puts), *beside]
            operation = "transact_write_items"
            request = {"TransactItems": items, "ClientRequestToken": _token(commits, beside)}
        try:
            self._gateway.write(operation, request)
        except ConditionFailed as failed:
            raise _conflict(failed.standing, len(commits)) from failed

    def forward(self, stream: StreamId, after: int) -> Iterator[Commit | Snapshot]:
        return self._query(stream, "AND #position >= :bound", {":bound": {"N": str(after + 1)}}, None, True)

    def backward(
        self, stream: StreamId, upto: int | None = None, page: int | None = None
    ) -> Iterator[Commit | Snapshot]:
        if upto is None:
            return self._query(stream, "", {}, page, False)
        return self._query(stream, "AND #position <= :bound", {":bound": {"N": str(upto)}}, page, False)

    def existing(self, streams: Sequence[StreamId]) -> frozenset[StreamId]:
        """One ``BatchGetItem`` for up to 100 first commits."""
        keys = [{"stream": {"S": stream.name}, "position": {"N": "1"}} for stream in streams]
        found = self._gateway.get_many(
            self._name, keys, ProjectionExpression="#stream", ExpressionAttributeNames={"#stream": "stream"}
        )
        return frozenset(StreamId.parse(item["stream"]["S"]) for item in found)

    def put_snapshot(self, snapshot: Snapshot) -> None:
        self._gateway.write("put_item", {"TableName": self._name, "Item": snapshot_item(snapshot)})

    def log(self, bucket: int, after: datetime | None = None) -> Iterator[LogEntry]:
        request = {
            "TableName": self._name,
            "IndexName": "log",
            "KeyConditionExpression": "log_bucket = :bucket AND log_key >= :after",
            "ExpressionAttributeValues": {
                ":bucket": {"N": str(bucket)},
                ":after": {"S": timestamp(after) if after else "0"},
            },
        }
        return map(read_log_entry, self._gateway.items("query", request))

    def _query(
        self, stream: StreamId, condition: str, values: Item, page: int | None, ascending: bool
    ) -> Iterator[Commit | Snapshot]:
        request: dict[str, Any] = {
            "TableName": self._name,
            "KeyConditionExpression": f"#stream = :stream {condition}".strip(),
            "ExpressionAttributeNames": {"#stream": "stream"} | ({"#position": "position"} if condition else {}),
            "ExpressionAttributeValues": {":stream": {"S": stream.name}, **values},
            "ConsistentRead": True,
            "ScanIndexForward": ascending,
        }
        return map(from_item, self._gateway.items("query", request, page))

    def _put(self, item: Item) -> dict[str, Any]:
        return {
            "TableName": self._name,
            "Item": item,
            "ConditionExpression": ABSENT,
            "ExpressionAttributeNames": {"#position": "position"},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }


def _token(commits: Sequence[Commit], beside: Sequence[TransactItem]) -> str:
    """The same for a request sent again by the SDK, which makes a lost answer harmless."""
    content = "".join(commit.digest for commit in commits) + (repr(beside) if beside else "")
    return hashlib.sha256(content.encode()).hexdigest()[:36]


def _conflict(standing: Mapping[int, Item], commits: int) -> Exception:
    """What stands where one of the commits was to go, or else which conditions beside them failed."""
    taken = {index: read_commit(item) for index, item in standing.items() if index < commits}
    return Collision(taken) if taken else CompanionWriteRejected(frozenset(index - commits for index in standing))
