"""The legacy system as Banyan sees it: rows with versions, and one transaction for a row and its outbox."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel

from banyan.documents import Documents
from banyan.events import Metadata
from banyan.migration.writes.primary import Primary
from banyan.reconciliation.sides import Feed
from banyan.streams import StreamId

R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class SyncPoint:
    """Which version of a stream says the same as which version of a row."""

    row_version: int
    version: int


class NamedRow(Protocol):
    """Whatever names a row."""

    @property
    def tenant(self) -> str:
        """Its tenant."""

    @property
    def id(self) -> str:
        """Its id."""


class Versioned:
    """A row with a version, and maybe a sync point with its stream."""

    __slots__ = ()

    version: int
    sync_point: SyncPoint | None

    @property
    def in_sync(self) -> bool:
        """Whether the stream has, or is about to get, all that the row says."""
        return self.sync_point is not None and self.sync_point.row_version == self.version

    @property
    def stream_version(self) -> int:
        """Version of the stream that says the same: of a row that is not in sync, the one of its import."""
        if self.sync_point is None:
            return 1
        return self.sync_point.version if self.in_sync else self.sync_point.version + 1


@dataclass(frozen=True, slots=True)
class LegacyRow(Versioned, Generic[R]):
    """One entity as the legacy system holds it.

    Parameters
    ----------
    stream : StreamId
        Stream that is, or will be, its history.
    version : int
        Grows with every write to the row, by any program, from 1.
    data : Row
        Frozen pydantic model of the domain's adapter.
    sync_point : SyncPoint, optional
        Where row and stream last said the same; ``None`` as long as the row was not imported.
    """

    stream: StreamId
    version: int
    data: R
    sync_point: SyncPoint | None = None


@dataclass(frozen=True, slots=True)
class BadRow(Versioned):
    """A row that cannot be read, or that no stream can be named after.

    Parameters
    ----------
    tenant, entity, id : str
        As they stand there.
    why : str
        What is to be put right, without any content of the row.
    field : str, optional
        The first field concerned.
    """

    tenant: str
    entity: str
    id: str
    why: str
    field: str | None = None
    version: int = 0
    sync_point: SyncPoint | None = None

    @property
    def stream(self) -> StreamId:
        """Stream that is, or would be, its history. Raises ``InvalidStreamId``."""
        return StreamId(self.tenant, self.entity, self.id)

    def __str__(self) -> str:
        name = f"{self.tenant}:{self.entity}:{self.id}"
        return name if name.isprintable() else name.encode("unicode_escape").decode()


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A commit that the legacy system holds, and that the event table has or is to get.

    Parameters
    ----------
    version : int
        Version of its first event.
    count : int
        Number of its events.
    row_version : int
        Version of the row that it leads to.
    content : str
        JSON array of ``{type, schemaVersion, data}``; of an import the row as JSON.
    state : str
        The decider's state after it, as JSON; empty for an import.
    written_at : datetime
        UTC.
    imported : bool
        Whether the row's own content is to become an event.
    relay : bool
        Whether the event table is still to get it.
    """

    stream: StreamId
    version: int
    count: int
    row_version: int
    commit_id: str
    content: str
    metadata: Metadata
    state: str
    written_at: datetime
    imported: bool = False
    relay: bool = True

    @property
    def last(self) -> int:
        """Version of its last event."""
        return self.version + self.count - 1


class Unit(Protocol[R]):
    """One transaction of the legacy system on one row, which no other transaction writes meanwhile.

    Attributes
    ----------
    row : LegacyRow, optional
    sync_point : SyncPoint, optional
        The row's, or that of a row that was deleted, where the legacy system still has it.
    """

    row: LegacyRow[R] | BadRow | None
    sync_point: SyncPoint | None

    def answered(self, commit_id: str) -> OutboxEntry | None:
        """The entry of a command that was handled before."""

    def write(self, row: LegacyRow[R], entries: Sequence[OutboxEntry]) -> None:
        """Write the row, its sync point and its entries; all of it holds when the unit ends without an error."""


class LegacyRepository(Protocol[R]):
    """Rows of one entity. All reads are strongly consistent."""

    def load(self, stream: StreamId) -> LegacyRow[R] | None:
        """The row of a stream. Raises ``UnreadableRow``, ``StoreUnavailable``."""

    def rows(self, streams: Sequence[StreamId]) -> Mapping[StreamId, LegacyRow[R] | BadRow]:
        """The rows of streams, those that exist."""

    def scan(self, after: NamedRow | None, limit: int) -> Sequence[LegacyRow[R] | BadRow]:
        """Up to ``limit`` rows after a name, in the order of their names; one that is bad is there, and says why."""

    def count(self) -> int:
        """About how many rows there are."""

    def out_of_sync(self, limit: int) -> Sequence[StreamId]:
        """Streams that lack their row as it is: not imported, or written behind the facade's back.

        Rows that no stream can be named after are left out.
        """

    def unit(self, stream: StreamId, primary: Primary) -> AbstractContextManager[Unit[R]]:
        """Begin a transaction on a row.

        Raises
        ------
        PrimaryChanged
            Another side is primary than the caller believes; ``LegacyWritesOff`` when for good.
        RowRaced
            The row was written meanwhile.
        StoreUnavailable
        """

    def primary(self) -> Primary:
        """The primary, as the legacy system knows it."""

    def transfer(self, primary: Primary, token: int) -> bool:
        """Change the primary; when it returns, no transaction that believed in another can end any more.

        Parameters
        ----------
        token : int
            Of ``banyan.migration.writes.primary.fencing_token``.

        Returns
        -------
        bool
            False when this cutover has been made already; then nothing was changed.

        Raises
        ------
        Overtaken
            A later cutover has been here; nothing was changed.
        StoreUnavailable
        """


class Outbox(Protocol):
    """Entries of a legacy system with an outbox of its own."""

    def pending(
        self, stream: StreamId | None = None, limit: int = 100, without: Collection[StreamId] = ()
    ) -> Sequence[OutboxEntry]:
        """Entries that the event table is to get, oldest first, of each stream in the order of versions.

        Parameters
        ----------
        stream : StreamId, optional
            Only of this one.
        without : Collection[StreamId]
            Streams that are passed over.
        """

    def relayed(self, entry: OutboxEntry) -> None:
        """The event table has it."""


@dataclass(frozen=True, slots=True)
class ChangeFeed:
    """The rows that changed, as far as the legacy system knows.

    Parameters
    ----------
    origin : str
        Changes before another origin was the one are not known.
    """

    origin: str
    feed: Feed


@runtime_checkable
class TracksChanges(Protocol):
    """A legacy system that may know which of its rows changed, by any program."""

    def changes(self, documents: Documents) -> ChangeFeed | None:
        """The rows that changed; ``None`` where nothing records them."""


def side_name(entity: str) -> str:
    """Name of the side that holds the rows of an entity."""
    return f"legacy:{entity}"


AnyRow = LegacyRow[Any]
FoundRow = LegacyRow[Any] | BadRow
AnyRepository = LegacyRepository[Any]
