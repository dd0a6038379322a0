"""More streams than could be appended one by one in a test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from tests.support.engines import DynamoDBEngine
from tests.support.ledger import account, deposits

from banyan.adapters.dynamodb.gateway import MAX_BATCH_WRITE
from banyan.events import Metadata
from banyan.store import Commit
from banyan.store.items import commit_item, record
from banyan.streams import StreamHead, StreamId

AT_ONCE = 100 * MAX_BATCH_WRITE


def accounts(first: int, last: int) -> Iterator[StreamId]:
    """Names of accounts by number."""
    return (account(f"a{number}") for number in range(first, last))


def write_streams(engine: DynamoDBEngine, streams: Sequence[StreamId], since: datetime) -> None:
    """Give each stream its first commit of one event, a microsecond after the one before, in batch writes.

    They are the items that an append would write; nothing is checked, so the streams must be new.
    """
    buckets = engine.table().buckets
    for start in range(0, len(streams), AT_ONCE):
        some = streams[start : start + AT_ONCE]
        commits = (_first(stream, since, start + number) for number, stream in enumerate(some))
        puts = [{"PutRequest": {"Item": commit_item(commit, buckets)}} for commit in commits]
        engine.gateway.write_many(engine.events, puts)


def _first(stream: StreamId, since: datetime, number: int) -> Commit:
    moment = since + timedelta(microseconds=number)
    (commit,) = record(StreamHead.empty(stream), deposits(1), f"c{number}", Metadata(), moment).parts
    return commit
