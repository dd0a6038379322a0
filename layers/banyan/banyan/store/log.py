"""The log of all streams as one: walked from its end, or followed so that no commit is lost or given twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from heapq import merge
from itertools import islice
from typing import Final

from banyan.errors import StreamCorrupted
from banyan.store.base import Commit, CommitTable, LogEntry, timestamp
from banyan.store.items import log_key
from banyan.streams import StreamId

MARGIN: Final = timedelta(minutes=2)
"""Longer than writers' clocks differ, a write is tried again and the index of the log lags, all together."""

FIRST: Final = "0"
"""A place before every commit."""
LAST: Final = "~"
"""A place behind every commit."""

MOST_ENTRIES: Final = 2000
"""Of the log, that one page looks at."""
MOST_LOOKS: Final = 200
"""Streams that one page of a list looks into."""
MOST_AHEAD: Final = 300
MARK_BYTES: Final = 6

Wanted = Callable[[StreamId], bool]


def walk(table: CommitTable, place: str, page: int, *, newest_first: bool = False) -> Iterator[LogEntry]:
    """Commits behind a place, of all buckets in one order: by time, then stream, then position."""
    buckets = table.log_buckets()
    size = max(page // len(buckets), 10)
    walks = [table.log_behind(bucket, place, size, newest_first=newest_first) for bucket in buckets]
    return merge(*walks, key=log_key, reverse=newest_first)


class LogBeginning:
    """When the first commit was recorded; once there is one, that is asked for no more."""

    def __init__(self, table: CommitTable) -> None:
        self._table = table
        self._at: datetime | None = None

    def at(self) -> datetime | None:
        """Nothing while nothing was recorded. Raises ``StoreUnavailable``."""
        if self._at is None:
            first = next(walk(self._table, FIRST, 1), None)
            self._at = first.recorded_at if first else None
        return self._at


@dataclass(frozen=True, slots=True)
class ListedStream:
    """A stream, and the commit that it ends with as far as a list goes.

    Parameters
    ----------
    version : int
        Of the last event; where that commit cannot be read, of its first one.
    error : str, optional
        Why it cannot be read.
    """

    stream: StreamId
    version: int
    recorded_at: datetime
    types: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ListPlace:
    """Where a page of a list ended; the list shows what the log had when its first page was made.

    Parameters
    ----------
    newest : str
        The log key that the list began with.
    reached : str
        The log key that was looked at last.
    """

    newest: str = LAST
    reached: str = LAST


@dataclass(frozen=True, slots=True)
class StreamsPage:
    """Some streams; ``early`` when the page ended because it had looked at enough, not because it was full."""

    streams: Sequence[ListedStream]
    place: ListPlace | None = None
    early: bool = False


def newest_streams(table: CommitTable, wanted: Wanted, limit: int, place: ListPlace) -> StreamsPage:
    """Streams by their last commit, the newest first, each once; ``place`` is where the page before ended.

    Raises
    ------
    StoreUnavailable
    """
    newest, reached = place.newest, place.reached
    found, seen = list[ListedStream](), set[StreamId]()
    for count, entry in enumerate(walk(table, reached, 2 * limit, newest_first=True)):
        newest = log_key(entry) if newest == LAST else newest
        full = len(found) == limit
        if full or count == MOST_ENTRIES or len(seen) == MOST_LOOKS:
            return StreamsPage(found, ListPlace(newest, reached), early=not full)
        reached = log_key(entry)
        if wanted(entry.stream) and entry.stream not in seen:
            seen.add(entry.stream)
            found += _ending_with(table, entry, newest)
    return StreamsPage(found)


def _ending_with(table: CommitTable, entry: LogEntry, newest: str) -> Sequence[ListedStream]:
    """The stream of an entry, if that was its last commit when the list began."""
    try:
        commits = (each for each in table.backward(entry.stream, page=2) if isinstance(each, Commit))
        last = next((commit for commit in commits if log_key(commit) <= newest), None)
    except StreamCorrupted as damage:
        return [ListedStream(entry.stream, entry.position, entry.recorded_at, error=str(damage))]
    if last is None or log_key(last) != log_key(entry):
        return ()
    return [ListedStream(last.stream, last.last, last.recorded_at, last.types)]


@dataclass(frozen=True, slots=True)
class FollowedTo:
    """How far a follower has come; all that it needs to continue.

    Parameters
    ----------
    settled : str
        A log key: all up to it was passed, and nothing can appear there any more.
    ahead : frozenset[bytes]
        Marks of what was passed behind it.
    """

    settled: str = FIRST
    ahead: frozenset[bytes] = frozenset()


class LogFollower:
    """Gives each commit of the log once, in the order of recording as far as there is one, over any number of pages.

    A writer whose clock is slow, or an index that lags, shows a commit among those that were given before. Up to
    ``MARGIN`` after its date it is still found and given, later than its place. So a follower remembers what it passed
    within that time; when that is more than ``MOST_AHEAD`` commits, it waits until they are as old.

    Parameters
    ----------
    wanted : Callable[[StreamId], bool]
        Of which streams; the same on every page.
    now : datetime
        By the clock of this process.

    Attributes
    ----------
    place : FollowedTo
        Where to continue, after what was passed so far.
    at_end : bool
        Whether the walk came to the end of the log.
    """

    def __init__(self, table: CommitTable, wanted: Wanted, place: FollowedTo, now: datetime) -> None:
        self.at_end = False
        self._table = table
        self._wanted = wanted
        self._settled, self._ahead = place.settled, set(place.ahead)
        self._settles = timestamp(now - MARGIN)

    @property
    def place(self) -> FollowedTo:
        return FollowedTo(self._settled, frozenset(self._ahead))

    def entries(self, page: int) -> Iterator[LogEntry]:
        """What was not given before; each is to be passed before the next one is asked for."""
        entries = walk(self._table, self._settled, page)
        for entry in islice(entries, MOST_ENTRIES):
            if not self._wanted(entry.stream):
                self._settle(entry)
            elif _mark(entry) in self._ahead:
                self.pass_by(entry)
            elif log_key(entry) >= self._settles and len(self._ahead) >= MOST_AHEAD:
                return
            else:
                yield entry
        self.at_end = next(entries, None) is None

    def pass_by(self, entry: LogEntry) -> None:
        """Never give an entry again."""
        self._ahead.add(_mark(entry))
        self._settle(entry)

    def _settle(self, entry: LogEntry) -> None:
        if log_key(entry) < self._settles:
            self._settled = log_key(entry)
            self._ahead.discard(_mark(entry))


def last_commits(table: CommitTable, wanted: Wanted, count: int) -> FollowedTo:
    """The place right before the last commits of some streams, so many of them, or of what one page looks at."""
    place = FIRST
    for entry in islice(walk(table, LAST, 2 * count, newest_first=True), MOST_ENTRIES):
        place = timestamp(entry.recorded_at)
        count -= wanted(entry.stream)
        if not count:
            break
    return FollowedTo(place)


def _mark(entry: LogEntry) -> bytes:
    return sha256(log_key(entry).encode()).digest()[:MARK_BYTES]
