"""The commit table on DynamoDB."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from banyan.adapters.dynamodb.commit_items import (
    Item,
    commit_item,
    from_item,
    read_commit,
    read_log_entry,
    snapshot_item,
)
from banyan.errors import StoreUnavailable
from banyan.store.base import Collision, Commit, CompanionWriteRejected, LogEntry, Snapshot
from banyan.store.chain import timestamp
from banyan.streams import StreamId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TransactItem = dict[str, Any]

WRITE_ATTEMPTS: Final = 5
MAX_BATCH_READ: Final = 100
WRITE_BACKOFF_SECONDS: Final = 0.05
ABSENT: Final = "attribute_not_exists(#position)"
TAKEN: Final = frozenset({"ConditionalCheckFailed", "ConditionalCheckFailedException"})
BUSY: Final = frozenset(
    {"TransactionConflict", "TransactionConflictException", "ThrottlingError", "ProvisionedThroughputExceeded"}
)
REJECTIONS: Final = frozenset(
    {"ValidationError", "ValidationException", "AccessDeniedException", "ResourceNotFoundException"}
)


class DynamoDBTable:
    """Keeps commits in a DynamoDB table keyed by ``stream`` and ``position``, with an index ``log``.

    Parameters
    ----------
    client : DynamoDBClient
    name : str
        Name of the table.
    buckets : int
        Number of buckets of the log; fixed for the life of a table.
    sleep : Callable[[float], None]
        Waits before a write that met a transaction is tried again, seconds.
    """

    def __init__(
        self, client: DynamoDBClient, name: str, buckets: int = 8, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._name = name
        self.buckets = buckets
        self._sleep = sleep

    def insert(self, commits: Sequence[Commit], beside: Sequence[TransactItem] = ()) -> None:
        """As in ``CommitTable``: one ``PutItem``, or one ``TransactWriteItems`` for several.

        Parameters
        ----------
        commits : Sequence[Commit]
        beside : Sequence[dict]
            Writes and checks of other items that hold together with the commits or not at all.

        Raises
        ------
        CompanionWriteRejected
            Nothing was written, only because of what stands beside.
        """
        puts = [self._put(commit_item(commit, self.buckets)) for commit in commits]
        if len(puts) == 1 and not beside:
            self._write(self._client.put_item, puts[0])
        else:
            items = [*({"Put": put} for put in puts), *beside]
            token = _token(commits, beside)
            self._write(
                self._client.transact_write_items, {"TransactItems": items, "ClientRequestToken": token}, len(commits)
            )

    def forward(self, stream: StreamId, after: int) -> Iterator[Commit | Snapshot]:
        """As in ``CommitTable``."""
        return self._query(stream, "AND #position >= :bound", {":bound": {"N": str(after + 1)}}, None, True)

    def backward(
        self, stream: StreamId, upto: int | None = None, page: int | None = None
    ) -> Iterator[Commit | Snapshot]:
        """As in ``CommitTable``."""
        if upto is None:
            return self._query(stream, "", {}, page, False)
        return self._query(stream, "AND #position <= :bound", {":bound": {"N": str(upto)}}, page, False)

    def existing(self, streams: Sequence[StreamId]) -> frozenset[StreamId]:
        """As in ``CommitTable``: one ``BatchGetItem`` for up to 100 first commits."""
        keys = [{"stream": {"S": str(stream)}, "position": {"N": "1"}} for stream in streams]
        chunks = (keys[start : start + MAX_BATCH_READ] for start in range(0, len(keys), MAX_BATCH_READ))
        return frozenset(StreamId.parse(item["stream"]["S"]) for chunk in chunks for item in self._keys_of(chunk))

    def put_snapshot(self, snapshot: Snapshot) -> None:
        """As in ``CommitTable``."""
        self._write(self._client.put_item, {"TableName": self._name, "Item": snapshot_item(snapshot)})

    def log(self, bucket: int, after: datetime | None = None) -> Iterator[LogEntry]:
        """As in ``CommitTable``."""
        request = {
            "TableName": self._name,
            "IndexName": "log",
            "KeyConditionExpression": "log_bucket = :bucket AND log_key >= :after",
            "ExpressionAttributeValues": {
                ":bucket": {"N": str(bucket)},
                ":after": {"S": timestamp(after) if after else "0"},
            },
        }
        return (read_log_entry(item) for item in self._pages(request))

    def _query(
        self, stream: StreamId, condition: str, values: Item, page: int | None, ascending: bool
    ) -> Iterator[Commit | Snapshot]:
        request: dict[str, Any] = {
            "TableName": self._name,
            "KeyConditionExpression": f"#stream = :stream {condition}".strip(),
            "ExpressionAttributeNames": {"#stream": "stream"} | ({"#position": "position"} if condition else {}),
            "ExpressionAttributeValues": {":stream": {"S": str(stream)}, **values},
            "ConsistentRead": True,
            "ScanIndexForward": ascending,
        }
        return (from_item(item) for item in self._pages(request, page))

    def _pages(self, request: dict[str, Any], limit: int | None = None) -> Iterator[Item]:
        """Items of a query to the last page; ``limit`` bounds the first page and doubles with each."""
        paging: dict[str, Any] = {}
        while True:
            if limit:
                paging["Limit"], limit = limit, limit * 2
            try:
                answer = self._client.query(**request, **paging)
            except (ClientError, BotoCoreError) as error:
                raise _translated(error) from error
            yield from answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                return
            paging = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _keys_of(self, keys: Sequence[Item]) -> Iterator[Item]:
        """Keys of the items there are, asking again for those that were left out."""
        asked = {"Keys": keys, "ConsistentRead": True, "ProjectionExpression": "#stream"}
        wanted: Any = {self._name: {**asked, "ExpressionAttributeNames": {"#stream": "stream"}}}
        for attempt in range(1, WRITE_ATTEMPTS + 1):
            try:
                answer = self._client.batch_get_item(RequestItems=wanted)
            except (ClientError, BotoCoreError) as error:
                raise _translated(error) from error
            yield from answer["Responses"].get(self._name, [])
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                return
            self._sleep(random.uniform(0, WRITE_BACKOFF_SECONDS * 2**attempt))
        raise StoreUnavailable("the event table leaves keys unread: it is throttled, try again")

    def _put(self, item: Item) -> dict[str, Any]:
        return {
            "TableName": self._name,
            "Item": item,
            "ConditionExpression": ABSENT,
            "ExpressionAttributeNames": {"#position": "position"},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _write(self, operation: Callable[..., Any], request: dict[str, Any], commits: int = 1) -> None:
        """Send a write, again while a transaction holds an item of it; ``commits`` come first in it."""
        for attempt in range(1, WRITE_ATTEMPTS + 1):
            try:
                operation(**request)
                return
            except (ClientError, BotoCoreError) as error:
                if attempt == WRITE_ATTEMPTS or not _busy(error):
                    raise _translated(error, commits) from error
            self._sleep(random.uniform(0, WRITE_BACKOFF_SECONDS * 2**attempt))


def _token(commits: Sequence[Commit], beside: Sequence[TransactItem]) -> str:
    """The same for a request sent again by the SDK, which makes a lost answer harmless."""
    content = "".join(commit.digest for commit in commits) + (repr(beside) if beside else "")
    return hashlib.sha256(content.encode()).hexdigest()[:36]


def _reasons(error: ClientError) -> list[Any]:
    return list(error.response.get("CancellationReasons", []))


def _codes(error: ClientError) -> set[str]:
    return {reason.get("Code") for reason in _reasons(error)} | {error.response["Error"]["Code"]}


def _busy(error: ClientError | BotoCoreError) -> bool:
    return isinstance(error, ClientError) and not _codes(error) & TAKEN and bool(_codes(error) & BUSY)


def _translated(error: ClientError | BotoCoreError, commits: int = 1) -> Exception:
    """The engine's error for a failed request; a request that can never succeed stays what it is."""
    if isinstance(error, BotoCoreError):
        return StoreUnavailable(f"no answer from the event table: {error}")
    code = error.response["Error"]["Code"]
    if code == "ConditionalCheckFailedException":
        return Collision({0: _found(error.response)})
    failed = {i: r for i, r in enumerate(_reasons(error)) if r.get("Code") == "ConditionalCheckFailed"}
    taken = {i: _found(r) for i, r in failed.items() if i < commits}
    if taken:
        return Collision(taken)
    if failed:
        return CompanionWriteRejected(frozenset(i - commits for i in failed))
    return error if _codes(error) & REJECTIONS else StoreUnavailable(f"the event table refused for now: {code}")


def _found(answer: Any) -> Commit:
    return read_commit(answer["Item"])
