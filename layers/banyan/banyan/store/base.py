"""What the event store keeps, the chain that ties it, and the port to the table that keeps it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Protocol

import orjson

from banyan.errors import StreamCorrupted
from banyan.events import DomainEvent
from banyan.streams import StreamHead, StreamId
from banyan.text import counted

if TYPE_CHECKING:
    from banyan.store.items import RecordedEvents


class Expected(Enum):
    """Expected versions that are not a number."""

    NO_STREAM = "no stream"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Commit:
    """The events one command produced, as stored; above 400 KB split into several parts.

    Parameters
    ----------
    position : int
        Version of the first event.
    count : int
        Number of events, at least 1.
    commit_id : str
        The writer's idempotency id.
    recorded_at : datetime
        UTC, never earlier than the commit before.
    types : tuple[str, ...]
        Types of the events, in order.
    events : str
        Canonical JSON array of ``{id, type, timestamp, data, metadata}``.
    digest : str
        sha256 over the previous commit's digest and this commit, 64 hexadecimal digits.
    part, parts : int
        Place of this item in a split commit, from 1, and how many there are.
    """

    stream: StreamId
    position: int
    count: int
    commit_id: str
    recorded_at: datetime
    types: tuple[str, ...]
    events: str
    digest: str
    part: int = 1
    parts: int = 1

    @property
    def last(self) -> int:
        """Version of the last event."""
        return self.position + self.count - 1

    @property
    def head(self) -> StreamHead:
        """The stream's head when this was its last commit."""
        return StreamHead(self.stream, self.last, self.digest, self.recorded_at)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state that stands for all events up to a version.

    Parameters
    ----------
    version : int
        Version of the last event it covers, a commit boundary.
    digest : str
        Digest of the commit that ends there.
    state_version : int
        Schema version of ``state``.
    state : str
        JSON.
    fingerprint : str
        Of the model of ``state``; empty in snapshots that were taken before there were fingerprints.
    """

    stream: StreamId
    version: int
    digest: str
    state_version: int
    state: str
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One commit in the log of all streams, without its events."""

    recorded_at: datetime
    stream: StreamId
    position: int


@dataclass(frozen=True, slots=True)
class Write:
    """Events for one stream, for ``append_many``.

    Parameters
    ----------
    events : Sequence[DomainEvent]
        At least one.
    """

    stream: StreamId
    expected: StreamHead | int | Expected
    events: Sequence[DomainEvent]


@dataclass(frozen=True, slots=True)
class Appended:
    """Result of an append.

    Parameters
    ----------
    head : StreamHead
        Where the commit ended; the next append may build on it.
    events : RecordedEvents
        The events as recorded.
    repeated : bool
        True when this commit id had been appended before; the rest is then the first result.
    """

    head: StreamHead
    events: RecordedEvents
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Loaded:
    """A stream as of its head: a snapshot, if one fits, and what came after it."""

    head: StreamHead
    snapshot: Snapshot | None
    commits: tuple[Commit, ...]
    events: RecordedEvents


class Collision(Exception):
    """An insert met commits that stand there already, or a head that has moved; nothing was written.

    Parameters
    ----------
    found : Mapping[int, Commit]
        By index in the insert: what stands there.
    moved : frozenset[int]
        Indexes of the heads that were to be where they were read, and are not.
    """

    def __init__(self, found: Mapping[int, Commit], moved: frozenset[int] = frozenset()) -> None:
        super().__init__(f"{counted(len(found), 'position')} taken, {counted(len(moved), 'head')} moved")
        self.found = found
        self.moved = moved


class CompanionWriteRejected(Exception):
    """A write that was to hold together with an insert was refused, and so nothing was written.

    Parameters
    ----------
    indexes : frozenset[int]
        Places among the writes beside.
    """

    def __init__(self, indexes: frozenset[int]) -> None:
        super().__init__(f"{counted(len(indexes), 'write')} beside the commit refused")
        self.indexes = indexes


class CommitTable(Protocol):
    """Where commits and snapshots are kept. All reads are strongly consistent, except ``log``.

    Parameters
    ----------
    buckets : int
        Among how many buckets of the log this process spreads the streams; another one may use another number.
    """

    buckets: int

    def insert(self, commits: Sequence[Commit], *, unmoved: Sequence[StreamHead] = ()) -> None:
        """Insert all or nothing, each only where no commit stands, and only if nothing stands behind some heads.

        Raises
        ------
        Collision, StoreUnavailable
        """

    def moved(self, heads: Sequence[StreamHead]) -> frozenset[StreamId]:
        """The streams of those heads behind which a commit stands; one batch read for up to 100."""

    def forward(self, stream: StreamId, after: int) -> Iterator[Commit | Snapshot]:
        """Items behind version ``after``, oldest first, to the end."""

    def backward(
        self, stream: StreamId, upto: int | None = None, page: int | None = None
    ) -> Iterator[Commit | Snapshot]:
        """Items at positions ``<= upto``, newest first, fetched as they are consumed, ``page`` items at first."""

    def existing(self, streams: Sequence[StreamId]) -> frozenset[StreamId]:
        """Those of some different streams that hold a commit; one batch read for up to 100."""

    def put_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot, replacing one of the same version; readers find all of it or nothing."""

    def log_buckets(self) -> range:
        """Every bucket that holds a commit by now, whoever wrote it. Raises ``StoreUnavailable``."""

    def log(self, bucket: int, after: datetime | None = None) -> Iterator[LogEntry]:
        """Commits of one bucket recorded at or after a moment, in order; eventually consistent."""

    def log_behind(self, bucket: int, place: str, page: int, *, newest_first: bool = False) -> Iterator[LogEntry]:
        """Commits of one bucket behind a place in either order, fetched as they are consumed; eventually consistent.

        Parameters
        ----------
        place : str
            The log key of a commit, which is left out, or the beginning of one.
        page : int
            So many are fetched at first.
        """


def timestamp(moment: datetime) -> str:
    """UTC, ISO 8601, microseconds, ``Z``: sorts as text the way it sorts in time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def digest_of(previous: str, commit: Commit) -> str:
    """sha256 over the previous digest and every other attribute of ``commit``, in a fixed order."""
    content = [
        previous,
        commit.stream.name,
        commit.position,
        commit.count,
        commit.commit_id,
        timestamp(commit.recorded_at),
        commit.types,
        commit.part,
        commit.parts,
        commit.events,
    ]
    return hashlib.sha256(orjson.dumps(content)).hexdigest()


def seal(head: StreamHead, commits: Iterable[Commit]) -> tuple[Commit, ...]:
    """Give each commit the digest that ties it to the one before."""
    digest, sealed = head.digest, []
    for commit in commits:
        digest = digest_of(digest, commit)
        sealed.append(replace(commit, digest=digest))
    return tuple(sealed)


def follow(head: StreamHead | int, commits: Iterable[Commit]) -> Iterator[Commit]:
    """Yield ``commits`` while each follows the one before.

    Behind a bare version, the first commit's digest is taken on trust.

    Raises
    ------
    StreamCorrupted
        At a gap, a broken digest, or a time that runs backwards.
    """
    link: StreamHead | Commit | None = None if isinstance(head, int) else head
    version = head if isinstance(head, int) else head.version
    for commit in commits:
        if commit.position != version + 1:
            raise StreamCorrupted(commit.stream, version + 1, f"the next commit is at {commit.position}")
        if link:
            _check_link(link, commit)
        version, link = commit.last, commit
        yield commit


def _check_link(link: StreamHead | Commit, commit: Commit) -> None:
    if commit.recorded_at < link.recorded_at:
        raise StreamCorrupted(commit.stream, commit.position, "recorded before the commit it follows")
    if commit.digest != digest_of(link.digest, commit):
        raise StreamCorrupted(commit.stream, commit.position, "the digest does not match")
