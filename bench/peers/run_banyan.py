"""Banyan as a contestant, and the bare SDK under it: requests for the same items through the same SDK."""

from __future__ import annotations

import gc
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import boto3
import orjson
from tests.support.ledger import ACCOUNTS, REGISTRY, Deposited, account

from banyan.adapters.clients import CONFIG, dynamodb_client
from banyan.adapters.dynamodb.commits import DynamoDBTable
from banyan.adapters.dynamodb.gateway import Gateway
from banyan.commands.handler import CommandHandler
from banyan.errors import ConcurrencyError
from banyan.events import Metadata
from banyan.store import EventStore
from banyan.store.eventstore import write_snapshot
from banyan.store.items import Item, commit_item, record
from banyan.streams import StreamHead
from bench.peers.protocol import Act, note, serve

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BUCKETS: Final = 8
TABLE: Final = os.environ["BENCH_TABLE"]
BATCH: Final = 25


@cache
def store() -> EventStore:
    """The store, as functions have it."""
    return EventStore(DynamoDBTable(Gateway(dynamodb_client()), TABLE, BUCKETS), REGISTRY)


@cache
def bare(default: bool = False) -> DynamoDBClient:
    """A client that nothing of the engine touches: with its settings, or with the SDK's own."""
    return boto3.client("dynamodb", config=None if default else CONFIG)


def events(first: int, count: int) -> list[Deposited]:
    """The events of a commit."""
    return [Deposited(amount=number, note=note(number)) for number in range(first, first + count)]


def fill(stream: str, count: int, size: int, after: int = 0) -> Act:
    """Write commits without the store, many at once, behind a head that the store hands out."""

    def act() -> int:
        head = store().head(account(stream)) if after else StreamHead.empty(account(stream))
        assert head.version == after
        puts: list[Any] = [{"PutRequest": {"Item": item}} for item in items(head, count, size)]
        for start in range(0, len(puts), BATCH):
            bare().batch_write_item(RequestItems={TABLE: puts[start : start + BATCH]})
        return count

    return act


def items(head: StreamHead, count: int, size: int) -> Iterator[Item]:
    """Items of commits that follow a head."""
    now = datetime.now(UTC)
    for first in range(head.version + 1, head.version + 1 + count, size):
        (commit,) = record(head, events(first, size), str(uuid4()), Metadata(), now).parts
        head = commit.head
        yield commit_item(commit, BUCKETS)


def append(stream: str, size: int, times: int) -> Act:
    """Append commits to a new stream."""
    batches = [events(1 + number * size, size) for number in range(times)]

    def act() -> int:
        head = StreamHead.empty(account(stream))
        for batch in batches:
            head = store().append(account(stream), head, batch).head
        return head.version

    return act


def put(stream: str, size: int, times: int, default: bool = False) -> Act:
    """Put the same items, made before, with nothing around."""
    made = list(items(StreamHead.empty(account(stream)), size * times, size))

    def act() -> int:
        client = bare(default)
        for item in made:
            client.put_item(TableName=TABLE, Item=item)
        return size * times

    return act


def threads(act: str, stream: str, count: int, times: int) -> Act:
    """Append or put commits of one event, from several threads at once."""
    kind: Callable[..., Act] = {"append": append, "put": put}[act]
    acts = [kind(f"{stream}-{number}", 1, times) for number in range(count)]
    pool = ThreadPoolExecutor(count)

    def all_at_once() -> int:
        with pool:
            return sum(pool.map(lambda each: each(), acts))

    return all_at_once


def load(stream: str) -> Act:
    """Load an aggregate as the first command of a process does; a snapshot is used where there is one."""
    handler = CommandHandler(store(), ACCOUNTS)
    return lambda: handler.load(account(stream)).state.movements


def query(stream: str) -> Act:
    """Read the same items and their JSON with nothing around."""
    return lambda: sum(len(orjson.loads(text)) for text in texts(account(stream).name))


def texts(name: str) -> Iterator[bytes]:
    """The events of each commit, as they were before they were compressed."""
    request: dict[str, Any] = {
        "TableName": TABLE,
        "KeyConditionExpression": "#stream = :stream",
        "ExpressionAttributeNames": {"#stream": "stream"},
        "ExpressionAttributeValues": {":stream": {"S": name}},
        "ConsistentRead": True,
    }
    while True:
        answer = bare().query(**request)
        for item in answer["Items"]:
            packed: Any = item["events"]
            yield zlib.decompress(packed["B"]) if "B" in packed else packed["S"].encode()
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def snapshot(stream: str) -> Act:
    """Take a snapshot of a stream as it is."""
    return lambda: write_snapshot(store(), ACCOUNTS, account(stream)) is not None


def race(stream: str) -> Act:
    """Let two writers append who read the same head: how many are accepted."""
    head = store().head(account(stream))

    def accepted(batch: Sequence[Deposited]) -> bool:
        try:
            store().append(account(stream), head, batch)
        except ConcurrencyError:
            return False
        return True

    return lambda: sum(accepted(events(head.version + 1, 1)) for _ in range(2))


def warm(stream: str) -> Act:
    """Make each client's connection."""

    def act() -> int:
        for default in (False, True):
            put(stream, 1, 1, default)()
        return store().head(account(stream)).version

    return act


ACTIONS = {act.__name__: act for act in (fill, append, put, threads, load, query, snapshot, race, warm)}

if __name__ == "__main__":
    gc.freeze()  # as a function does once it is initialised
    serve(ACTIONS)
