"""Commit tables that write something else in the same transaction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import datetime

from banyan.adapters.dynamodb.commits import DynamoDBTable
from banyan.store import Commit, LogEntry, Snapshot
from banyan.streams import StreamId


class TransactionalTable(ABC):
    """A commit table whose inserts carry more; what, a subclass says.

    Parameters
    ----------
    table : DynamoDBTable
    """

    def __init__(self, table: DynamoDBTable) -> None:
        self.table = table
        self.buckets = table.buckets

    @abstractmethod
    def insert(self, commits: Sequence[Commit]) -> None:
        """As in ``CommitTable``."""

    def forward(self, stream: StreamId, after: int) -> Iterator[Commit | Snapshot]:
        """As in ``CommitTable``."""
        return self.table.forward(stream, after)

    def backward(
        self, stream: StreamId, upto: int | None = None, page: int | None = None
    ) -> Iterator[Commit | Snapshot]:
        """As in ``CommitTable``."""
        return self.table.backward(stream, upto, page)

    def existing(self, streams: Sequence[StreamId]) -> frozenset[StreamId]:
        """As in ``CommitTable``."""
        return self.table.existing(streams)

    def put_snapshot(self, snapshot: Snapshot) -> None:
        """As in ``CommitTable``."""
        self.table.put_snapshot(snapshot)

    def log(self, bucket: int, after: datetime | None = None) -> Iterator[LogEntry]:
        """As in ``CommitTable``."""
        return self.table.log(bucket, after)
