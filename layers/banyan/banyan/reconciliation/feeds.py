"""Where the reconciliation learns what changed: the log of all streams, and marks."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import chain, islice, takewhile
from typing import Any, Final, NamedTuple
from uuid import uuid4

import orjson

from banyan.documents import Documents, Key, listed
from banyan.reconciliation.sides import Changes, Feed, Listing
from banyan.reconciliation.tree import path_of
from banyan.store.base import LogEntry, timestamp
from banyan.store.reader import StreamReader
from banyan.streams import BEGINNING_OF_TIME

PAGE: Final = 500
SHARDS: Final = "0123"
SHORT: Final = 1000
"""Entries that are remembered of a bucket within a run."""
OVERLAP: Final = timedelta(minutes=2)
"""The log is read again from this long before its position: clocks differ, and the index is eventually consistent."""
SETTLED: Final = timedelta(hours=1)
"""No index lags that long: the log is not read again before a position that was that old when a run came to it."""
COMPLETE: Final = "complete"

Clock = Callable[[], datetime]


class DirtySet:
    """Names of entities to look at; each stays until it was seen as it is now.

    Parameters
    ----------
    side : str
        Whose marks these are.
    """

    def __init__(self, documents: Documents, side: str) -> None:
        self._documents = documents
        self._side = side

    def add(self, ids: Sequence[str], at: datetime) -> None:
        """Mark entities."""
        text = f"{timestamp(at)}#{uuid4()}"
        self._documents.put_many({self._key(id): text for id in ids})

    def remove(self, id: str) -> None:
        """Take a mark away."""
        self._documents.put(self._key(id), None)

    def has(self, id: str) -> bool:
        """Whether an entity is marked."""
        return self._documents.get(self._key(id)) is not None

    def all(self) -> Iterator[str]:
        """Every marked entity."""
        return (key.sort for shard in SHARDS for key, _ in self._marked(shard, PAGE))

    def changed(self, before: datetime, limit: int) -> Changes:
        marked = chain.from_iterable(self._marked(shard, limit) for shard in SHARDS)
        due = dict(islice(((key, text) for key, text in marked if text <= timestamp(before) + "~"), limit))
        return Changes(tuple(key.sort for key in due), due)

    def seen(self, changes: Changes) -> None:
        """A mark that was made again meanwhile stays."""
        marks: Any = changes.receipt
        self._documents.delete_unchanged(marks)

    def rewind(self) -> None:
        """Nothing: marks know of changes only."""

    def _marked(self, shard: str, page: int) -> Iterator[tuple[Key, str]]:
        partition = self._partition(shard)
        return ((Key(partition, id), text) for id, text in listed(self._documents, partition, page=page))

    def _key(self, id: str) -> Key:
        return Key(self._partition(shard_of(id)), id)

    def _partition(self, shard: str) -> str:
        return f"marks#{self._side}#{shard}"


class SharedLog:
    """The log of all streams as the feeds of a run see it: what all of them look at is read once, unless it is long."""

    def __init__(self, store: StreamReader) -> None:
        self._store = store
        self._before: datetime | None = None
        self._buckets = range(0)
        self._short: dict[tuple[int, datetime | None], Sequence[LogEntry]] = {}

    def buckets(self, before: datetime | None = None) -> range:
        """All that the log has by now, or had at the first look of a run. Raises ``StoreUnavailable``."""
        if before is None:
            return self._store.log_buckets()
        self._begin(before)
        return self._buckets

    def upto(self, before: datetime, bucket: int, after: datetime | None) -> Iterator[LogEntry]:
        """Entries between two moments, as of the first look of the run that began at the later one."""
        self._begin(before)
        if (bucket, after) in self._short:
            return iter(self._short[bucket, after])
        entries = takewhile(lambda entry: entry.recorded_at <= before, self.now(bucket, after))
        first = list(islice(entries, SHORT))
        if len(first) < SHORT:
            self._short[bucket, after] = first
        return chain(first, entries)

    def now(self, bucket: int, after: datetime | None) -> Iterator[LogEntry]:
        """Entries since a moment, as of now."""
        return self._store.log(bucket, after)

    def _begin(self, before: datetime) -> None:
        if before != self._before:
            self._buckets = self._store.log_buckets()
            self._before, self._short = before, {}


class Place(NamedTuple):
    """How far a bucket of the log was read.

    Parameters
    ----------
    before : str
        When the run began that read it.
    reached : str
        The last entry.
    window : str
        Digest of the entries, of that one and ``OVERLAP`` before it, that the last pass to the end of the log saw.
    """

    before: str
    reached: str
    window: str = ""

    @property
    def moment(self) -> datetime:
        """When the last entry was recorded."""
        return datetime.fromisoformat(self.reached.partition("#")[0])

    @property
    def settled(self) -> bool:
        """Whether the window was seen when it was so old that nothing appears in it any more."""
        return bool(self.window) and datetime.fromisoformat(self.before) - self.moment >= SETTLED


Pass = Iterator[tuple[Place, LogEntry | None]]
"""Entries of a bucket, and the place to keep once each was seen; in the end perhaps a place alone."""


class LogFeed:
    """Streams of some entities that got commits, from the log of all streams.

    Each run reads again what lies ``OVERLAP`` before where the last one ended, and names those streams again only if
    there are other entries than the last run saw.

    Parameters
    ----------
    documents : Documents
        Keeps how far the log was read.
    name : str
        Who reads.
    entities : Collection[str], optional
        All streams unless given.
    """

    def __init__(
        self, log: SharedLog, documents: Documents, name: str, entities: Collection[str] | None = None
    ) -> None:
        self._log = log
        self._documents = documents
        self._positions, self._windows = Key("positions", name), Key("windows", name)
        self._entities = entities
        self._before: datetime | None = None
        self._places: dict[str, Place] = {}
        self._pass: Iterator[tuple[str, Place, LogEntry | None]] = iter(())

    def changed(self, before: datetime, limit: int) -> Changes:
        if self._before != before:
            self._before, self._places = before, self._kept()
            buckets, read = self._log.buckets(before), partial(self._log.upto, before)
            self._pass = self._through(buckets, self._places, timestamp(before), read)
        ids: dict[str, None] = {}
        reached: dict[str, Place] = {}
        for bucket, place, entry in self._pass:
            reached[bucket] = place
            if entry and self._own(entry):
                ids[str(entry.stream)] = None
            if len(ids) == limit:
                break
        if not ids:
            self._before = None
            self._keep(reached)
        return Changes(tuple(ids), reached)

    def seen(self, changes: Changes) -> None:
        reached: Any = changes.receipt
        self._keep(reached)

    def recent(self) -> Iterator[str]:
        """Streams with commits that may not have been seen yet."""
        entries = (entry for _, _, entry in self._through(self._log.buckets(), self._kept(), "", self._log.now))
        return (str(entry.stream) for entry in entries if entry and self._own(entry))

    def rewind(self) -> None:
        self._before = None
        self._documents.put_many({self._positions: None, self._windows: None})

    def _own(self, entry: LogEntry) -> bool:
        return self._entities is None or entry.stream.entity in self._entities

    def _kept(self) -> dict[str, Place]:
        found = self._documents.get_many([self._positions, self._windows])
        before, reached = orjson.loads(found.get(self._positions, '["", {}]'))
        windows = orjson.loads(found.get(self._windows, "{}"))
        places = {bucket: Place(*windows.get(bucket, (before, name))) for bucket, name in reached.items()}
        return {b: place if place.reached == reached[b] else Place(before, reached[b]) for b, place in places.items()}

    def _keep(self, reached: Mapping[str, Place]) -> None:
        if not reached:
            return
        self._places |= reached
        run = next(iter(reached.values())).before
        names = {bucket: place.reached for bucket, place in self._places.items()}
        whole = {bucket: list(place) for bucket, place in self._places.items() if place.window or place.before != run}
        windows = orjson.dumps(whole).decode() if whole else None
        self._documents.put_many({self._positions: orjson.dumps([run, names]).decode(), self._windows: windows})

    def _through(
        self,
        buckets: range,
        places: Mapping[str, Place],
        run: str,
        read: Callable[[int, datetime | None], Iterator[LogEntry]],
    ) -> Iterator[tuple[str, Place, LogEntry | None]]:
        """All that was not seen yet, by a run that begins now or continues."""
        for bucket in buckets:
            place = places.get(str(bucket))
            passed = self._unseen(place, run, partial(read, bucket)) if place else _following(run, read(bucket, None))
            yield from ((str(bucket), reached, entry) for reached, entry in passed)

    def _unseen(self, place: Place, run: str, read: Callable[[datetime], Iterator[LogEntry]]) -> Pass:
        """Entries after a place; and those of its window, if there are others than were seen there."""
        ends_there = place.before == run or place.settled
        known, new = _split(read(place.moment if ends_there else place.moment - OVERLAP), place.reached)
        if not ends_there and _digest(known) != place.window:
            yield from ((Place(run, _name(entry)), entry) for entry in known)
        yield from _following(run, new, () if ends_there else known)


def _following(run: str, new: Iterator[LogEntry], seen: Iterable[LogEntry] = ()) -> Pass:
    """New entries, and in the end the place of the last one, with the window that this pass saw."""
    recent = deque(seen)
    for entry in new:
        recent.append(entry)
        while recent[0].recorded_at < entry.recorded_at - OVERLAP:
            recent.popleft()
        yield Place(run, _name(entry)), entry
    if recent:
        yield Place(run, _name(recent[-1]), _digest(recent)), None


def _split(entries: Iterator[LogEntry], reached: str) -> tuple[list[LogEntry], Iterator[LogEntry]]:
    """The entries up to one, and those behind it."""
    known: list[LogEntry] = []
    for entry in entries:
        if _name(entry) > reached:
            return known, chain([entry], entries)
        known.append(entry)
    return known, entries


def _name(entry: LogEntry) -> str:
    return f"{timestamp(entry.recorded_at)}#{entry.stream}#{entry.position:010d}"


def _digest(entries: Iterable[LogEntry]) -> str:
    return hashlib.sha256("\n".join(map(_name, entries)).encode()).hexdigest()


class FullListing:
    """Names every entity of a side once, and again after a rewind.

    Parameters
    ----------
    documents : Documents
        Keeps how far the list was read.
    name : str
        Whose list this is.
    page : Callable[[str, int], Listing]
        About so many entities from a position on; the first position is the empty text.
    """

    def __init__(self, documents: Documents, name: str, page: Callable[[str, int], Listing]) -> None:
        self._documents = documents
        self._key = Key("listed", name)
        self._page = page

    def changed(self, before: datetime, limit: int) -> Changes:  # noqa: ARG002
        """Pages without entities are passed over."""
        position: str | None = self._documents.get(self._key) or ""
        while position != COMPLETE:
            listing = self._page(position or "", limit)
            position = listing.position or COMPLETE
            if listing.ids:
                return Changes(listing.ids, position)
            self._reached(position)
        return Changes(())

    def seen(self, changes: Changes) -> None:
        self._reached(str(changes.receipt))

    def rewind(self) -> None:
        self._documents.put(self._key, None)

    def _reached(self, position: str) -> None:
        self._documents.put(self._key, position)


class CompositeFeed:
    """Several feeds as one."""

    def __init__(self, *feeds: Feed) -> None:
        self._feeds = feeds

    def changed(self, before: datetime, limit: int) -> Changes:
        for feed in self._feeds:
            changes = feed.changed(before, limit)
            if changes.ids:
                return Changes(changes.ids, (feed, changes))
        return Changes(())

    def seen(self, changes: Changes) -> None:
        found: Any = changes.receipt
        feed, own = found
        feed.seen(own)

    def rewind(self) -> None:
        for feed in self._feeds:
            feed.rewind()


class ForwardingFeed:
    """A feed whose changes another side is to look at too.

    Parameters
    ----------
    marks : DirtySet
        Of whom.
    """

    def __init__(self, feed: Feed, marks: DirtySet) -> None:
        self._feed = feed
        self._marks = marks
        self.changed = feed.changed
        self.rewind = feed.rewind

    def seen(self, changes: Changes) -> None:
        self._marks.add(changes.ids, BEGINNING_OF_TIME)
        self._feed.seen(changes)


class RestartingFeed:
    """A feed that restarts on each occasion, and then names all that is or was.

    Parameters
    ----------
    documents : Documents
        Keeps the last occasion.
    name : str
        Whose feed this is.
    occasion : Callable[[datetime], str]
        Of a run, by the moment it looks back from; a new one for each run where nothing reports changes.
    """

    def __init__(
        self, documents: Documents, name: str, feed: Feed, occasion: Callable[[datetime], str] = timestamp
    ) -> None:
        self._documents = documents
        self._key = Key("begun", name)
        self._feed = feed
        self._occasion = occasion
        self.seen = feed.seen
        self.rewind = feed.rewind

    def changed(self, before: datetime, limit: int) -> Changes:
        occasion = self._occasion(before)
        if self._documents.get(self._key) != occasion:
            self._feed.rewind()
            self._documents.put(self._key, occasion)
        return self._feed.changed(before, limit)


def shard_of(id: str) -> str:
    """In which of the ``SHARDS`` an entity lies."""
    return SHARDS[int(path_of(id)[0], 16) % len(SHARDS)]
