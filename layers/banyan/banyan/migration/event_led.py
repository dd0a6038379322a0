"""Commands while events lead: the legacy system follows, so that there is a way back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Any

from banyan.commands import CommandHandler, Outcome
from banyan.decider import AnyDecider
from banyan.errors import BanyanError, LeaderMoved
from banyan.events import Event, Metadata
from banyan.migration.adapter import AnyAdapter
from banyan.migration.beside import TableBeside
from banyan.migration.contents import occurring, to_text
from banyan.migration.half_done import HalfDone, Owner
from banyan.migration.lead import Leader
from banyan.migration.lead_dynamodb import DynamoDBLead
from banyan.migration.legacy import AnyRepository, Entry, LegacyRow, Link, Unit
from banyan.migration.relay import told
from banyan.migration.unfollowed import Unfollowed
from banyan.store import BesideRefused, Commit, EventStore
from banyan.store.dynamodb import DynamoDBTable
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
    """

    def __init__(
        self,
        repository: AnyRepository,
        store: EventStore,
        adapter: AnyAdapter,
        decider: AnyDecider,
        unfollowed: Unfollowed,
    ) -> None:
        self._repository = repository
        self._store = store
        self._adapter = adapter
        self._decider = decider
        self._unfollowed = unfollowed

    def follow(self, stream: StreamId) -> None:
        """Follow one stream to its end.

        Raises
        ------
        LeaderMoved, RowRaced, StoreUnavailable
            The news stay noted.
        """
        with self._repository.unit(stream, Leader.EVENTS) as unit:
            version = self._catch_up(unit, stream)
        self._unfollowed.followed(stream, version)

    def all(self) -> int:
        """Follow every stream with news; one that fails does not stop the others.

        Returns
        -------
        int
            Streams that still have news.
        """
        return sum(not self._followed(news.stream) for news in self._unfollowed.all())

    def oldest(self) -> datetime | None:
        """When the oldest news were made that the legacy system does not have yet."""
        return min((news.since for news in self._unfollowed.all()), default=None)

    def half_done(self, limit: int) -> Iterator[HalfDone]:
        """Commits that the legacy system does not have yet, of each stream the last."""
        for news in islice(self._unfollowed.all(), limit):
            yield HalfDone(news.stream, news.version, news.since, Owner.FOLLOWER)

    def _followed(self, stream: StreamId) -> bool:
        try:
            self.follow(stream)
        except BanyanError:
            return False
        return True

    def _catch_up(self, unit: Unit[Any], stream: StreamId) -> int:
        row, link = unit.row, unit.link
        known = link.version if link else 0
        commits = list(self._store.commits(stream, known))
        if not commits:
            return known
        entries = []
        data = row.data if row and row.aligned else told(self._adapter, self._store, stream, known) if link else None
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
            with suppress(BanyanError):
                self._follower.follow(stream)
        return outcome
