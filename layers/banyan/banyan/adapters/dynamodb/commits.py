"""The commit table on DynamoDB."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from banyan.adapters.dynamodb.gateway import ConditionFailed, Gateway
from banyan.store.base import Collision, Commit, CompanionWriteRejected, LogEntry, Snapshot, timestamp
from banyan.store.items import Item, ItemReader, commit_item, read_commit, read_log_entry, snapshot_items
from banyan.streams import StreamHead, StreamId

TransactItem = dict[str, Any]

NOTHING_STANDS: Final = {
    "ConditionExpression": "attribute_not_exists(#position)",
    "ExpressionAttributeNames": {"#position": "position"},
}
LOG_PAGE: Final = 1000
"""Entries of the first page of the log; whoever looks only at its beginning reads no more."""

FEWEST_BUCKETS: Final = 8
"""Every reader lists at least so many, so who writes to no more of them announces nothing."""
ANNOUNCED: Final = "log-buckets"
"""Where the event table keeps to how many buckets its log has grown; the name of a stream has colons."""

_logger = logging.getLogger(__name__)


class LogBuckets:
    """How many buckets a table's log has: the most that any process ever announced.

    A process announces its own number before it writes anything to a bucket that others may not list. Each number that
    was announced is an item of its own in the event table, the number being its sort key, so the number never falls.

    Parameters
    ----------
    table : str
        The event table.
    own : int
        Into how many this process writes.
    """

    def __init__(self, gateway: Gateway, table: str, own: int) -> None:
        self.own = own
        self.announced = own <= FEWEST_BUCKETS
        self._gateway = gateway
        self._table = table
        self._warned = False

    def all(self) -> range:
        """The buckets to list, in one strongly consistent read. Raises ``StoreUnavailable``."""
        most = self._most()
        if most > self.own and not self._warned:
            self._warned = True
            _logger.warning(
                "LogBuckets is %d here, and %d elsewhere or before: all are read, but the writes of this process "
                "crowd the first ones. It may only be raised",
                self.own,
                most,
            )
        return range(max(most, self.own, FEWEST_BUCKETS))

    def announce(self) -> None:
        """Make sure, once for each process, that every reader lists the buckets it writes to.

        Raises
        ------
        StoreUnavailable
            Nothing may be written yet.
        """
        if self._most() < self.own:
            number = {"N": str(self.own)}
            request = {"TableName": self._table, "Item": {"stream": {"S": ANNOUNCED}, "position": number}}
            with suppress(ConditionFailed):
                self._gateway.write("put_item", {**request, **NOTHING_STANDS})
        self.announced = True

    def _most(self) -> int:
        request = {
            "TableName": self._table,
            "KeyConditionExpression": "#stream = :announced",
            "ExpressionAttributeNames": {"#stream": "stream"},
            "ExpressionAttributeValues": {":announced": {"S": ANNOUNCED}},
            "ConsistentRead": True,
            "ScanIndexForward": False,
            "Limit": 1,
        }
        items, _ = self._gateway.page("query", request)
        return int(items[0]["position"]["N"]) if items else 0


class DynamoDBTable:
    """Keeps commits in a DynamoDB table keyed by ``stream`` and ``position``, with an index ``log``.

    Parameters
    ----------
    buckets : int
        Into how many buckets of the log this process writes; it may be raised at any time.
    """

    def __init__(self, gateway: Gateway, name: str, buckets: int = FEWEST_BUCKETS) -> None:
        self._gateway = gateway
        self._name = name
        self._log_buckets = LogBuckets(gateway, name, buckets)
        self.buckets = buckets

    def insert(
        self, commits: Sequence[Commit], beside: Sequence[TransactItem] = (), *, unmoved: Sequence[StreamHead] = ()
    ) -> None:
        """One ``PutItem``, or one ``TransactWriteItems`` for several, or when heads are checked.

        Before the first of a process that writes into more than ``FEWEST_BUCKETS``, one ``Query`` more.

        Parameters
        ----------
        beside : Sequence[dict]
            Writes and checks of other items that hold together with the commits or not at all.

        Raises
        ------
        CompanionWriteRejected
            Nothing was written, only because of what stands beside.
        """
        if not self._log_buckets.announced:
            self._log_buckets.announce()
        puts = [self._put(commit_item(commit, self.buckets)) for commit in commits]
        operation, request = "put_item", puts[0]
        checks = [{"ConditionCheck": self._nothing_behind(head)} for head in unmoved]
        if len(puts) > 1 or checks or beside:
            items = [*({"Put": put} for put in puts), *checks, *beside]
            operation = "transact_write_items"
            request = {"TransactItems": items, "ClientRequestToken": _token(commits, [*checks, *beside])}
        try:
            self._gateway.write(operation, request)
        except ConditionFailed as failed:
            raise _conflict(failed.standing, len(commits), len(checks)) from failed

    def forward(self, stream: StreamId, after: int) -> Iterator[Commit | Snapshot]:
        return self._query(stream, "AND #position >= :bound", {":bound": {"N": str(after + 1)}}, None, True)

    def backward(
        self, stream: StreamId, upto: int | None = None, page: int | None = None
    ) -> Iterator[Commit | Snapshot]:
        if upto is None:
            return self._query(stream, "", {}, page, False)
        return self._query(stream, "AND #position <= :bound", {":bound": {"N": str(upto)}}, page, False)

    def moved(self, heads: Sequence[StreamHead]) -> frozenset[StreamId]:
        """One ``BatchGetItem`` for up to 100 heads, of the keys right behind them."""
        return self._standing([_behind(head) for head in heads])

    def existing(self, streams: Sequence[StreamId]) -> frozenset[StreamId]:
        """One ``BatchGetItem`` for up to 100 first commits."""
        return self._standing([_behind(StreamHead.empty(stream)) for stream in streams])

    def _standing(self, keys: Sequence[Item]) -> frozenset[StreamId]:
        """The streams that hold something at some keys, of which each has a stream of its own."""
        found = self._gateway.get_many(
            self._name, keys, ProjectionExpression="#stream", ExpressionAttributeNames={"#stream": "stream"}
        )
        return frozenset(StreamId.parse(item["stream"]["S"]) for item in found)

    def put_snapshot(self, snapshot: Snapshot) -> None:
        for item in snapshot_items(snapshot):
            self._gateway.write("put_item", {"TableName": self._name, "Item": item})

    def log_buckets(self) -> range:
        """One ``Query``."""
        return self._log_buckets.all()

    def log(self, bucket: int, after: datetime | None = None) -> Iterator[LogEntry]:
        return self._log(bucket, ">=", timestamp(after) if after else "0", LOG_PAGE)

    def log_behind(self, bucket: int, place: str, page: int, *, newest_first: bool = False) -> Iterator[LogEntry]:
        return self._log(bucket, "<" if newest_first else ">", place, page)

    def _log(self, bucket: int, side: str, place: str, page: int) -> Iterator[LogEntry]:
        request = {
            "TableName": self._name,
            "IndexName": "log",
            "KeyConditionExpression": f"log_bucket = :bucket AND log_key {side} :place",
            "ExpressionAttributeValues": {":bucket": {"N": str(bucket)}, ":place": {"S": place}},
            "ScanIndexForward": side != "<",
        }
        return map(read_log_entry, self._gateway.items("query", request, page))

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
        return filter(None, map(ItemReader(), self._gateway.items("query", request, page)))

    def _put(self, item: Item) -> dict[str, Any]:
        return {
            "TableName": self._name,
            "Item": item,
            **NOTHING_STANDS,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _nothing_behind(self, head: StreamHead) -> dict[str, Any]:
        return {"TableName": self._name, "Key": _behind(head), **NOTHING_STANDS}


def _behind(head: StreamHead) -> Item:
    """The key of the commit that comes next."""
    return {"stream": {"S": head.stream.name}, "position": {"N": str(head.version + 1)}}


def _token(commits: Sequence[Commit], beside: Sequence[TransactItem]) -> str:
    """The same for a request sent again by the SDK, which makes a lost answer harmless."""
    content = "".join(commit.digest for commit in commits) + (repr(beside) if beside else "")
    return hashlib.sha256(content.encode()).hexdigest()[:36]


def _conflict(standing: Mapping[int, Item], commits: int, checks: int) -> Exception:
    """What stands where a commit was to go, and which heads moved; or else which writes beside were refused."""
    taken = {index: read_commit(item) for index, item in standing.items() if index < commits}
    beside = commits + checks
    moved = frozenset(index - commits for index in standing if commits <= index < beside)
    if taken or moved:
        return Collision(taken, moved)
    return CompanionWriteRejected(frozenset(index - beside for index in standing))
