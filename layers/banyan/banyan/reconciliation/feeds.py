"""Where the reconciliation learns what changed: the log of all streams, and marks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
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
OVERLAP: Final = timedelta(minutes=1)
"""The log is read again from this long before its position: clocks differ, and the index is eventually consistent."""
END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)
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


class Place(NamedTuple):
    """How far the log was read: by the run that began at ``before``, up to an entry of each bucket."""

    before: str
    reached: Mapping[str, str]


class LogFeed:
    """Streams of an entity that got commits, from the log of all streams.

    Parameters
    ----------
    documents : Documents
        Keeps how far the log was read.
    name : str
        Who reads.
    entity : str, optional
        All streams unless given.
    """

    def __init__(self, store: StreamReader, documents: Documents, name: str, entity: str | None = None) -> None:
        self._store = store
        self._documents = documents
        self._key = Key("positions", name)
        self._entity = entity
        self._before: datetime | None = None
        self._entries: Iterator[tuple[int, LogEntry]] = iter(())

    def changed(self, before: datetime, limit: int) -> Changes:
        if self._before != before:
            self._before, self._entries = before, self._since(self._place(), before)
        ids: dict[str, None] = {}
        reached: dict[str, str] = {}
        for bucket, entry in self._entries:
            reached[str(bucket)] = _name(entry)
            if self._own(entry):
                ids[str(entry.stream)] = None
            if len(ids) == limit:
                break
        receipt = Place(timestamp(before), reached)
        if not ids:
            self._before = None
            self._reached(receipt)
        return Changes(tuple(ids), receipt)

    def seen(self, changes: Changes) -> None:
        receipt: Any = changes.receipt
        self._reached(receipt)

    def recent(self) -> Iterator[str]:
        """Streams with commits that may not have been seen yet."""
        return (str(entry.stream) for _, entry in self._since(self._place(), END_OF_TIME) if self._own(entry))

    def rewind(self) -> None:
        self._before = None
        self._documents.put(self._key, None)

    def _own(self, entry: LogEntry) -> bool:
        return self._entity in (None, entry.stream.entity)

    def _place(self) -> Place:
        text = self._documents.get(self._key)
        return Place(*orjson.loads(text)) if text else Place("", {})

    def _reached(self, place: Place) -> None:
        reached = {**self._place().reached, **place.reached}
        self._documents.put(self._key, orjson.dumps([place.before, reached]).decode())

    def _since(self, place: Place, before: datetime) -> Iterator[tuple[int, LogEntry]]:
        """Entries after a place that this run has come to, or somewhat before one of an earlier run."""
        same_run = place.before == timestamp(before)
        for bucket in range(self._store.table.buckets):
            reached = place.reached.get(str(bucket))
            moment = datetime.fromisoformat(reached.partition("#")[0]) if reached else None
            after = moment - OVERLAP if moment and not same_run else moment
            for entry in self._store.log(bucket, after):
                if entry.recorded_at <= before and not (same_run and reached and _name(entry) <= reached):
                    yield bucket, entry


def _name(entry: LogEntry) -> str:
    return f"{timestamp(entry.recorded_at)}#{entry.stream}#{entry.position:010d}"


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
