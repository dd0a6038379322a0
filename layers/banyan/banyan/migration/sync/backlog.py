"""Streams whose changes have not reached the legacy system yet, noted with the commits that made them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from banyan.adapters.dynamodb.commits import TransactItem
from banyan.adapters.dynamodb.gateway import ConditionFailed, Gateway
from banyan.decider import AnyDecider
from banyan.errors import RowParked
from banyan.events import Event
from banyan.migration.stores.adapter import AnyAdapter
from banyan.migration.stores.legacy import AnyRepository, LegacyRow, OutboxEntry, SyncPoint, Unit
from banyan.migration.sync.contents import fold_row, to_text
from banyan.migration.writes.parked import HalfDone, Owner, Parked
from banyan.migration.writes.primary import Primary
from banyan.store import Commit, EventStore
from banyan.store.base import timestamp
from banyan.store.items import Item, bucket_of
from banyan.streams import StreamId

BUCKETS: Final = 4


@dataclass(frozen=True, slots=True)
class BacklogEntry:
    """A stream that the legacy system is to follow up to a version, which it reached at a moment."""

    stream: StreamId
    version: int
    since: datetime


@dataclass(eq=False)
class SyncBacklog:
    """One item per stream whose changes have not reached the legacy system yet.

    Parameters
    ----------
    table : str
        Keyed by ``part`` and ``item``.
    """

    gateway: Gateway
    table: str
    entity: str

    def put(self, commit: Commit) -> TransactItem:
        """What the transaction of a stream's last commit holds."""
        item = {
            **self._key(commit.stream),
            "version": {"N": str(commit.last)},
            "since": {"S": timestamp(commit.recorded_at)},
        }
        return {"Put": {"TableName": self.table, "Item": item}}

    def all(self) -> Iterator[BacklogEntry]:
        """Every stream with changes to bring over, strongly consistent. Raises ``StoreUnavailable``."""
        for bucket in range(BUCKETS):
            yield from map(_backlog_entry, self.gateway.items("query", self._bucket(bucket)))

    def complete(self, stream: StreamId, version: int) -> None:
        """The legacy system has the stream up to a version; newer changes stay noted."""
        request = {
            "TableName": self.table,
            "Key": self._key(stream),
            "ConditionExpression": "#version <= :version",
            "ExpressionAttributeNames": {"#version": "version"},
            "ExpressionAttributeValues": {":version": {"N": str(version)}},
        }
        with suppress(ConditionFailed):
            self.gateway.write("delete_item", request)

    def _bucket(self, bucket: int) -> Item:
        return {
            "TableName": self.table,
            "KeyConditionExpression": "part = :part",
            "ExpressionAttributeValues": {":part": {"S": self._part(bucket)}},
            "ConsistentRead": True,
        }

    def _key(self, stream: StreamId) -> Item:
        return {"part": {"S": self._part(bucket_of(stream, BUCKETS))}, "item": {"S": str(stream)}}

    def _part(self, bucket: int) -> str:
        return f"unfollowed#{self.entity}#{bucket}"


@dataclass(eq=False)
class LegacySync:
    """Brings legacy rows up to date with their streams, each commit once."""

    repository: AnyRepository
    store: EventStore
    adapter: AnyAdapter
    decider: AnyDecider
    backlog: SyncBacklog
    parked: Parked

    def sync(self, stream: StreamId, primary: Primary = Primary.EVENTS) -> None:
        """Follow one stream to its end.

        Parameters
        ----------
        primary : Primary
            The legacy system once it is primary again: only what was parked is left to follow then.

        Raises
        ------
        PrimaryChanged, RowRaced, StoreUnavailable
            The changes stay noted.
        RowRefused, RowParked
            They cannot be followed until the row, or its table, is put right.
        """
        with self.repository.unit(stream, primary) as unit:
            if primary is Primary.LEGACY and unit.row and not unit.row.in_sync:
                raise RowParked(stream, "and another program wrote it since: a repair imports what it says")
            version = self._catch_up(unit, stream)
        self.backlog.complete(stream, version)

    def attempt(self, stream: StreamId, primary: Primary = Primary.EVENTS) -> bool:
        """Follow one stream to its end, or park it; whether nothing is left."""
        with self.parked.failing(Owner.LEGACY_SYNC, stream):
            self.sync(stream, primary)
            return True
        return False

    def accept(self, stream: StreamId, version: int) -> None:
        """Leave a row as it is, whatever its stream says up to a version. Raises ``StoreUnavailable``."""
        self.backlog.complete(stream, version)
        self.parked.remove(stream)

    def all(self, more: Callable[[], bool] = lambda: True) -> int:
        """Follow every stream with changes, then try what is parked again; one that fails does not stop the others.

        Parameters
        ----------
        more : Callable[[], bool]
            Whether there is time for another stream, asked behind each.

        Returns
        -------
        int
            Streams that still have changes, parked ones among them.
        """
        parked = self.parked.of(Owner.LEGACY_SYNC)
        streams = list(dict.fromkeys([*(entry.stream for entry in self.backlog.all()), *parked]))
        if not streams:
            return 0
        primary = Primary.LEGACY if self.repository.primary() is Primary.LEGACY else Primary.EVENTS
        complete = 0
        for stream in sorted(streams, key=parked.__contains__):
            if self.attempt(stream, primary):
                complete += 1
                if stream in parked:
                    self.parked.remove(stream)
            if not more():
                break
        return len(streams) - complete

    def oldest(self) -> datetime | None:
        """When the oldest change was made that the legacy system is about to get."""
        parked = self.parked.of(Owner.LEGACY_SYNC)
        return min((entry.since for entry in self.backlog.all() if entry.stream not in parked), default=None)

    def half_done(self, limit: int) -> Iterator[HalfDone]:
        """Commits that the legacy system does not have yet, of each stream the last."""
        for entry in islice(self.backlog.all(), limit):
            yield HalfDone(entry.stream, entry.version, entry.since, Owner.LEGACY_SYNC)

    def _catch_up(self, unit: Unit[Any], stream: StreamId) -> int:
        row, sync_point = unit.row, unit.sync_point
        known = sync_point.version if sync_point else 0
        commits = list(self.store.commits(stream, known))
        if not commits:
            return known
        entries = []
        if isinstance(row, LegacyRow) and row.in_sync:
            data = row.data
        else:
            data = fold_row(self.adapter, self.store.read(stream, to_version=known)) if sync_point else None
        row_version = row.version if row else sync_point.row_version if sync_point else 0
        for commit in commits:
            events = self.store.decode(commit)
            data = fold_row(self.adapter, events, data)
            row_version += 1
            entries.append(self._entry(commit, events, row_version, data))
        last = commits[-1].last
        unit.write(LegacyRow(stream, row_version, data, SyncPoint(row_version, last)), entries)
        return last

    def _entry(self, commit: Commit, events: Sequence[Event], row_version: int, data: Any) -> OutboxEntry:
        return OutboxEntry(
            commit.stream,
            commit.position,
            commit.count,
            row_version,
            commit.commit_id if commit.part == commit.parts else f"{commit.commit_id}/{commit.part}",
            to_text([event.payload for event in events]),
            events[0].metadata,
            self.adapter.state(data).model_dump_json(),
            commit.recorded_at,
            relay=False,
        )


def _backlog_entry(item: Item) -> BacklogEntry:
    since = datetime.fromisoformat(item["since"]["S"])
    return BacklogEntry(StreamId.parse(item["item"]["S"]), int(item["version"]["N"]), since)
