"""Commands while events lead: the legacy system follows, so that there is a way back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from banyan.adapters.dynamodb.commits import DynamoDBTable
from banyan.commands.handler import CommandHandler, Outcome
from banyan.decider import AnyDecider
from banyan.errors import LeaderMoved, RowParked
from banyan.events import Event, Metadata
from banyan.migration.stores.adapter import AnyAdapter
from banyan.migration.stores.legacy import AnyRepository, Entry, LegacyRow, Link, Unit
from banyan.migration.sync.backlog import Unfollowed
from banyan.migration.sync.contents import occurring, to_text
from banyan.migration.sync.relay import told
from banyan.migration.writes.half_done import HalfDone, Owner
from banyan.migration.writes.parked import Parked
from banyan.migration.writes.primary import Leader
from banyan.migration.writes.primary_dynamodb import DynamoDBLead
from banyan.migration.writes.transactional_table import TableBeside
from banyan.store import BesideRefused, Commit, EventStore
from banyan.store.eventstore import Clock
from banyan.streams import StreamId


class LedTable(TableBeside):
    """Inserts commits only while events lead, and notes that the legacy system is to follow.

    Parameters
    ----------
    table : DynamoDBTable
    lead : DynamoDBLead
    unfollowed : Unfollowed
    """

    def __init__(self, table: DynamoDBTable, lead: DynamoDBLead, unfollowed: Unfollowed) -> None:
        super().__init__(table)
        self._lead = lead
        self._unfollowed = unfollowed

    def insert(self, commits: Sequence[Commit]) -> None:
        """As in ``CommitTable``. Raises ``LeaderMoved``."""
        beside = [self._lead.check(commits[0].stream, Leader.EVENTS), self._unfollowed.put(commits[-1])]
        try:
            self.table.insert(commits, beside)
        except BesideRefused as refused:
            raise LeaderMoved("events do not lead any more, or not yet") from refused


class Follower:
    """Brings legacy rows up to date with their streams, each commit once.

    Parameters
    ----------
    repository : LegacyRepository
    store : EventStore
    adapter : LegacyAdapter
    decider : Decider
    unfollowed : Unfollowed
    parked : Parked
    """

    def __init__(
        self,
        repository: AnyRepository,
        store: EventStore,
        adapter: AnyAdapter,
        decider: AnyDecider,
        unfollowed: Unfollowed,
        parked: Parked,
    ) -> None:
        self._repository = repository
        self._store = store
        self._adapter = adapter
        self._decider = decider
        self._unfollowed = unfollowed
        self._parked = parked

    def follow(self, stream: StreamId, leader: Leader = Leader.EVENTS) -> None:
        """Follow one stream to its end.

        Parameters
        ----------
        stream : StreamId
        leader : Leader
            The legacy system once it leads again: only what was parked is left to follow then.

        Raises
        ------
        LeaderMoved, RowRaced, StoreUnavailable
            The news stay noted.
        RowRefused, RowParked
            They cannot be followed until the row, or its table, is put right.
        """
        with self._repository.unit(stream, leader) as unit:
            if leader is Leader.LEGACY and unit.row and not unit.row.aligned:
                raise RowParked(stream, "and another program wrote it since: a repair tells the stream what it says")
            version = self._catch_up(unit, stream)
        self._unfollowed.followed(stream, version)

    def attempt(self, stream: StreamId, leader: Leader = Leader.EVENTS) -> bool:
        """Follow one stream to its end, or park it; whether it has no news any more."""
        with self._parked.failing(Owner.FOLLOWER, stream):
            self.follow(stream, leader)
            return True
        return False

    def accept(self, stream: StreamId, version: int) -> None:
        """Leave a row as it is, whatever its stream told until a version. Raises ``StoreUnavailable``."""
        self._unfollowed.followed(stream, version)
        self._parked.remove(stream)

    def all(self) -> int:
        """Follow every stream with news, and try what is parked again; one that fails does not stop the others.

        Returns
        -------
        int
            Streams that still have news, parked ones among them.
        """
        parked = self._parked.of(Owner.FOLLOWER)
        streams = list(dict.fromkeys([*(news.stream for news in self._unfollowed.all()), *parked]))
        if not streams:
            return 0
        leader = Leader.LEGACY if self._repository.lead() is Leader.LEGACY else Leader.EVENTS
        followed = [stream for stream in streams if self.attempt(stream, leader)]
        for stream in parked.keys() & set(followed):
            self._parked.remove(stream)
        return len(streams) - len(followed)

    def oldest(self) -> datetime | None:
        """When the oldest news were made that the legacy system is about to get."""
        parked = self._parked.of(Owner.FOLLOWER)
        return min((news.since for news in self._unfollowed.all() if news.stream not in parked), default=None)

    def half_done(self, limit: int) -> Iterator[HalfDone]:
        """Commits that the legacy system does not have yet, of each stream the last."""
        for news in islice(self._unfollowed.all(), limit):
            yield HalfDone(news.stream, news.version, news.since, Owner.FOLLOWER)

    def _catch_up(self, unit: Unit[Any], stream: StreamId) -> int:
        row, link = unit.row, unit.link
        known = link.version if link else 0
        commits = list(self._store.commits(stream, known))
        if not commits:
            return known
        entries = []
        if isinstance(row, LegacyRow) and row.aligned:
            data = row.data
        else:
            data = told(self._adapter, self._store, stream, known) if link else None
        row_version = row.version if row else link.row_version if link else 0
        for commit in commits:
            events = self._store.decode(commit)
            for event in events:
                data = self._adapter.evolve(data, event.payload, event.occurred_at)
            row_version += 1
            entries.append(self._entry(commit, events, row_version, data))
        last = commits[-1].last
        unit.write(LegacyRow(stream, row_version, data, Link(row_version, last)), entries)
        return last

    def _entry(self, commit: Commit, events: Sequence[Event], row_version: int, data: Any) -> Entry:
        return Entry(
            commit.stream,
            commit.position,
            commit.count,
            row_version,
            commit.commit_id if commit.part == commit.parts else f"{commit.commit_id}/{commit.part}",
            to_text([event.payload for event in events]),
            events[0].metadata,
            self._adapter.state(data).model_dump_json(),
            commit.recorded_at,
            relay=False,
        )


class EventLed:
    """Handles commands in the event store, and has the legacy system follow at once if it can.

    Parameters
    ----------
    handler : CommandHandler
        On a store over a ``LedTable``.
    follower : Follower
    clock : Callable[[], datetime]
    """

    def __init__(self, handler: CommandHandler[Any, Any], follower: Follower, clock: Clock) -> None:
        self._handler = handler
        self._follower = follower
        self._clock = clock

    def handle(
        self, stream: StreamId, command: Any, *, metadata: Metadata | None = None, **options: Any
    ) -> Outcome[Any]:
        """As ``CommandHandler.handle``. Raises ``LeaderMoved`` too."""
        outcome = self._handler.handle(stream, command, metadata=occurring(metadata, self._clock()), **options)
        if outcome.events:
            self._follower.attempt(stream)
        return outcome
