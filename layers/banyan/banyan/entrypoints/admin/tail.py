"""The route that follows the events of all streams."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from banyan.entrypoints.admin.contents import MOST_BYTES, StoredEvent, log_look, shortened, weight
from banyan.entrypoints.admin.streams import Cursor, Part, log_place, named
from banyan.entrypoints.http.call import Call, CurrentCall, requires
from banyan.entrypoints.http.identity import EVENTS
from banyan.entrypoints.http.paging import PageOrder
from banyan.errors import CommandRejected, StreamCorrupted
from banyan.events import CamelModel
from banyan.projections.pages import SortOrder, another_list, make_cursor
from banyan.store import LogEntry
from banyan.store.base import timestamp
from banyan.store.items import log_key
from banyan.store.log import LAST, MARK_BYTES, MOST_ENTRIES, FollowedTo, LogFollower, Wanted, last_commits, walk
from banyan.store.raw import RawEvent, raw_events, unreadable
from banyan.store.reader import StreamReader
from banyan.streams import StreamId
from banyan.text import Moment

router = Router()  # type: ignore[no-untyped-call]

MOST_READ: Final = 200
"""Commits that one page reads in search of types."""


class LoggedEvent(StoredEvent):
    """An event of some stream."""

    stream: StreamId


class EventsAnswer(CamelModel):
    """Events of whole commits in the order of recording; ``next`` is the ``after`` with which to continue, at any time.

    ``atEnd`` when there was nothing more: what is recorded from now on follows behind ``next``. In descending order the
    newest event comes first and ``next`` leads to older ones.
    """

    events: list[LoggedEvent]
    next: str
    at_end: bool


@router.get(
    "/admin/events",
    operation_id="followEvents",
    summary="What happened in all streams, in the order of recording",
    security=requires(EVENTS),
)
def follow(
    call: CurrentCall,
    after: Cursor = None,
    types: Annotated[str | None, Query(max_length=1000)] = None,
    tenant: Part = None,
    entity: Part = None,
    since: Annotated[Moment | None, Query()] = None,
    until: Annotated[Moment | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    order: PageOrder = "ascending",
) -> EventsAnswer:
    """Show up to ``limit`` commits behind a cursor or since a moment; with neither, the newest ones.

    Each commit is shown once, however pages are cut and while writers are at work. One that shows up late, by a slow
    clock or a lagging index, stands later than its time says, up to two minutes behind. ``types`` are separated by
    commas. A page that looked at much and found little ends early. In descending order pages show what the log has when
    they are made: what shows up late among the newer commits is on none of the older pages.
    """
    begin, name = (until, "until") if order == "descending" else (since, "since")
    if after and begin:
        raise CommandRejected("ambiguous_time", f"after and {name} exclude one another", name)
    query, wanted, store = ["events", types, tenant, entity], named(tenant, entity), call.application.store
    page = _Page(store, frozenset(filter(None, (types or "").split(","))), limit, order)
    if order == "descending":
        following, at_end = _backwards(page, [*query, order], wanted, after, since, until)
    else:
        follower = LogFollower(store.table, wanted, _place(call, query, after, since, wanted, limit), call.now())
        at_end = page.fill(follower, until)
        following = _cursor(query, follower.place)
    if page.events:
        log_look(call, "log", streams=page.streams)
    return EventsAnswer(events=page.events, next=following, at_end=at_end)


def _backwards(
    page: _Page,
    query: Sequence[str | None],
    wanted: Wanted,
    after: str | None,
    since: datetime | None,
    until: datetime | None,
) -> tuple[str, bool]:
    """Fill a page with what was recorded before a place; the cursor of the next one, and whether nothing is left."""
    begin = timestamp(until) + LAST if until else LAST
    place, at_end = page.fill_backwards(log_place(after, query)[0] if after else begin, wanted, since)
    return make_cursor(query, place, ""), at_end


class _Page:
    """Events of whole commits, as many as fit."""

    def __init__(self, store: StreamReader, types: frozenset[str], limit: int, order: SortOrder) -> None:
        self.events: list[LoggedEvent] = []
        self.commits = 0
        self._store = store
        self._types = types
        self._limit = limit
        self._order = order
        self._bytes = 0

    @property
    def streams(self) -> dict[str, list[int]]:
        """First and last version that is shown of each stream."""
        versions: dict[str, list[int]] = {}
        for event in self.events:
            versions.setdefault(str(event.stream), []).append(event.version)
        return {stream: [min(shown), max(shown)] for stream, shown in versions.items()}

    def fill(self, follower: LogFollower, until: datetime | None) -> bool:
        """Add what follows; whether that was all there is by now, or until a moment."""
        for read, entry in enumerate(follower.entries(self._limit)):
            if until and entry.recorded_at > until:
                return True
            if self.commits == self._limit or read == MOST_READ or not self._add(entry):
                return False
            follower.pass_by(entry)
        return follower.at_end

    def fill_backwards(self, place: str, wanted: Wanted, since: datetime | None) -> tuple[str, bool]:
        """Add what was recorded before a place; where that ended, and whether there is nothing more since a moment."""
        read = 0
        for count, entry in enumerate(walk(self._store.table, place, 2 * self._limit, newest_first=True)):
            if since and entry.recorded_at < since:
                return place, True
            if count == MOST_ENTRIES or self.commits == self._limit or read == MOST_READ:
                return place, False
            if wanted(entry.stream):
                read += 1
                if not self._add(entry):
                    return place, False
            place = log_key(entry)
        return place, True

    def _add(self, entry: LogEntry) -> bool:
        """Add the chosen events of a commit, unless they do not fit any more."""
        events = [LoggedEvent.model_validate(each) for each in self._read(entry)]
        if self._order == "descending":
            events.reverse()
        size = sum(map(weight, events))
        if events and self.events and self._bytes + size > MOST_BYTES:
            return False
        self.events += shortened(events)
        self._bytes += size
        self.commits += bool(events)
        return True

    def _read(self, entry: LogEntry) -> Sequence[RawEvent]:
        try:
            commit = self._store.newest(entry.stream, entry.position)
        except StreamCorrupted as damage:
            return [unreadable(entry.stream, entry.position, str(damage), timestamp(entry.recorded_at))]
        if commit is None or commit.position != entry.position:
            error = "the log names a commit that is not there"
            return [unreadable(entry.stream, entry.position, error, timestamp(entry.recorded_at))]
        return [event for event in raw_events(commit, self._store.registry) if self._chosen(event)]

    def _chosen(self, event: RawEvent) -> bool:
        return not self._types or event.event_type in self._types


def _place(
    call: Call, query: Sequence[str | None], after: str | None, since: datetime | None, wanted: Wanted, limit: int
) -> FollowedTo:
    if since:
        return FollowedTo(timestamp(since))
    if after is None:
        return last_commits(call.application.store.table, wanted, limit)
    settled, marks = log_place(after, query)
    try:
        ahead = urlsafe_b64decode(marks.encode())
    except ValueError as error:
        raise another_list() from error
    return FollowedTo(settled, frozenset(ahead[at : at + MARK_BYTES] for at in range(0, len(ahead), MARK_BYTES)))


def _cursor(query: Sequence[str | None], place: FollowedTo) -> str:
    return make_cursor(query, place.settled, urlsafe_b64encode(b"".join(sorted(place.ahead))).decode())
