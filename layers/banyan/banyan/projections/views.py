"""Rows of read models, and the ports to the tables that keep them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Generic, Protocol, TypeVar
from urllib.parse import unquote

from banyan.projections.base import RowWrite, Value
from banyan.projections.pages import EVERYTHING, NEWEST_FIRST, SortRange
from banyan.streams import StreamId

UNNOTED: Final = 1
"""Version of a projection that counts for rows which do not say theirs."""


Row = TypeVar("Row")

KEPT_AFTER_EXPIRY: Final = timedelta(days=7)
"""How long an expired row stays in the table, for events that were recorded while it still counted."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One build of a projection's rows; written ``projection@generation``."""

    projection: str
    number: int = 1
    name: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.projection}@{self.number}")

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class StateRow:
    """The row of one stream in a ``StreamProjection``; its version is the checkpoint.

    Parameters
    ----------
    version : int
        Version of the last event folded in.
    recorded_at, projected_at : datetime
        When that event was recorded, and when this row was written.
    state : str
        JSON of the projection's state.
    lookups : Mapping[int, tuple[str, str]]
        By index 1 … 3: partition and sort.
    made_by : int
        Version of the projection that wrote it.
    unfinished : int
        How many transactions wrote rows that it owns and that belong to a later version, as one did not hold them all;
        0 when its rows are those of its version.
    """

    stream: StreamId
    version: int
    recorded_at: datetime
    projected_at: datetime
    state: str
    lookups: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    made_by: int = UNNOTED
    unfinished: int = 0


@dataclass(frozen=True, slots=True)
class ViewKey:
    """A view row within one generation."""

    tenant: str
    partition: str
    sort: str


@dataclass(frozen=True, slots=True)
class ViewRow:
    """A row of a ``ViewProjection``.

    Parameters
    ----------
    fields : Mapping[str, str | int | Decimal]
        Numbers come back as Decimal.
    version : int
        Number of commits that wrote it.
    recorded_at, projected_at : datetime
        When the newest event in it was recorded (of the last batch), and when it was written.
    """

    partition: str
    sort: str
    fields: Mapping[str, Value]
    version: int
    recorded_at: datetime
    projected_at: datetime


@dataclass(frozen=True, slots=True)
class ViewUpdate:
    """One stream's step through a ``ViewProjection``: the cursor and the rows, together or not at all.

    Parameters
    ----------
    from_version, to_version : int
        Checkpoint before and after.
    recorded_at : datetime
        When the last of these events was recorded.
    writes : Sequence[Sequence[RowWrite]]
        One sequence for each commit between, in the order of its events.
    """

    stream: StreamId
    from_version: int
    to_version: int
    recorded_at: datetime
    writes: Sequence[Sequence[RowWrite]]


@dataclass(frozen=True, slots=True)
class OwnedRow:
    """A row of a ``RowsProjection``.

    Parameters
    ----------
    version : int
        Version of the last event that wrote it.
    recorded_at, projected_at : datetime
        When that event was recorded, and when the row was written.
    content : str
        JSON of the projection's row.
    lookups : Mapping[int, tuple[str, str]]
        By index 1 … 3: partition and sort.
    expires : datetime, optional
        From when on it counts as missing.
    """

    stream: StreamId
    sort: str
    version: int
    recorded_at: datetime
    projected_at: datetime
    content: str
    lookups: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    expires: datetime | None = None

    def expired(self, moment: datetime) -> bool:
        """Whether it counts as missing at a moment."""
        return self.expires is not None and self.expires <= moment

    def gone(self, moment: datetime) -> bool:
        """Whether it may have been deleted by a moment, since no event can need it."""
        return self.expires is not None and self.expires <= moment - KEPT_AFTER_EXPIRY


@dataclass(frozen=True, slots=True)
class OwnedUpdate:
    """One stream's step through a ``RowsProjection``: what it carries and its rows, together or not at all.

    Parameters
    ----------
    before : StateRow, optional
        What is carried now; ``None`` when the stream was not applied yet.
    after : StateRow
        What is carried then.
    rows : Mapping[str, OwnedRow | None]
        Rows to put by sort; ``None`` removes one.
    """

    before: StateRow | None
    after: StateRow
    rows: Mapping[str, OwnedRow | None]


@dataclass(frozen=True, slots=True)
class FailureRecord:
    """Why a stream does not move in a projection.

    Parameters
    ----------
    version : int
        First version that could not be projected.
    error : str
        Type and message, without event data.
    parked_at : datetime, optional
        Set when no further attempt is made until an operator retries it.
    """

    stream: StreamId
    version: int
    error: str
    attempts: int
    next_try: datetime
    parked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LookupPage(Generic[Row]):
    """A page of a lookup.

    Parameters
    ----------
    cursor_at : Callable[[int], str]
        By index of a row: the opaque place after it.
    more : bool
        Whether rows follow the last one.
    """

    rows: Sequence[Row]
    cursor_at: Callable[[int], str]
    more: bool = False

    @property
    def cursor(self) -> str | None:
        """Where the next page begins, if there is one."""
        return self.cursor_after(len(self.rows))

    def cursor_after(self, count: int) -> str | None:
        """Where a page begins that follows the first rows of this one, if there is one."""
        follows = count < len(self.rows) or self.more
        return self.cursor_at(count - 1) if count and follows else None


class WriteConflict(Exception):
    """Another process moved a checkpoint, or another write met a row; nothing of this write was made."""


class OwnedRows(Protocol):
    """Rows that streams own. What a stream carries is its row among the ``states``."""

    def update_owned(self, generation: Generation, updates: Sequence[OwnedUpdate]) -> None:
        """Move what streams carry, and write their rows, in one transaction.

        Raises
        ------
        WriteConflict
            A stream does not carry what it did: its version, who made it, or how much of it is unfinished.
        """

    def move_carried(self, generation: Generation, updates: Sequence[OwnedUpdate]) -> Collection[StreamId]:
        """Move what streams carry that write no rows, each for itself, and return the streams that were not moved.

        Why they were not is left to ``update_owned`` to say.
        """

    def read_owned(self, generation: Generation, stream: StreamId, sorts: Sequence[str]) -> Sequence[OwnedRow]:
        """Rows of a stream by their sorts, strongly consistent, expired ones included; one batch read for up to 100."""

    def list_owned(
        self,
        generation: Generation,
        stream: StreamId,
        wanted: SortRange = EVERYTHING,
        *,
        after: str | None = None,
        size: int | None = None,
    ) -> Iterator[OwnedRow]:
        """Rows of a stream in a range, in its order, strongly consistent, expired ones included.

        Parameters
        ----------
        after : str, optional
            Only rows after this sort, which lies in the range.
        size : int, optional
            Rows to read at first; later ever more at once.
        """

    def lookup_owned(
        self,
        generation: Generation,
        tenant: str,
        index: int,
        partition: str,
        limit: int,
        cursor: str | None = None,
        wanted: SortRange = NEWEST_FIRST,
    ) -> LookupPage[OwnedRow]:
        """One page of rows in a range of a lookup, eventually consistent, expired ones included.

        Raises
        ------
        InvalidCursor
        """


class Views(OwnedRows, Protocol):
    """Rows and cursors of all projections. Every key begins with generation and tenant."""

    def states(self, generation: Generation, streams: Sequence[StreamId]) -> Mapping[StreamId, StateRow]:
        """Rows of streams, strongly consistent; one batch read for up to 100."""

    def put_state(self, generation: Generation, row: StateRow, from_version: int) -> None:
        """Write a row if its version still is ``from_version`` (0: no row). Raises ``WriteConflict``."""

    def insert_states(self, generation: Generation, rows: Sequence[StateRow]) -> Collection[StreamId]:
        """Write rows of streams that have none yet, each for itself, and return the streams whose row was not written.

        Why it was not is left to ``put_state`` to say.
        """

    def checkpoints(self, generation: Generation, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        """Versions up to which a ``ViewProjection`` took streams in; one batch read for up to 100."""

    def update(self, generation: Generation, updates: Sequence[ViewUpdate], projected_at: datetime) -> None:
        """Move cursors and write rows in one transaction. Raises ``WriteConflict``."""

    def rows(
        self,
        generation: Generation,
        tenant: str,
        partition: str,
        wanted: SortRange = EVERYTHING,
        *,
        after: str | None = None,
        limit: int | None = None,
    ) -> Sequence[ViewRow]:
        """Rows of one partition in a range, in its order: all, or up to a limit of those after a sort in it."""

    def lookup(
        self,
        generation: Generation,
        tenant: str,
        index: int,
        partition: str,
        limit: int,
        cursor: str | None = None,
        wanted: SortRange = NEWEST_FIRST,
    ) -> LookupPage[StateRow]:
        """One page of rows in a range of a lookup, eventually consistent. Raises ``InvalidCursor``."""

    def failure(self, generation: Generation, stream: StreamId) -> FailureRecord | None:
        """Why a stream stands still, if it does."""

    def put_failure(self, generation: Generation, failure: FailureRecord) -> None:
        """Remember a failed attempt."""

    def clear_failure(self, generation: Generation, stream: StreamId) -> None:
        """Forget the failure of a stream that updates again."""

    def parked(self, generation: Generation, limit: int | None = None) -> Sequence[FailureRecord]:
        """Parked streams of a generation, or the first of them, oldest first, eventually consistent."""

    def all_states(self, generation: Generation) -> Iterator[StateRow]:
        """What every stream's row holds, of all tenants; for reconciliation, never for a caller."""

    def all_rows(self, generation: Generation) -> Mapping[ViewKey, ViewRow]:
        """Every row of a ``ViewProjection``, of all tenants; for reconciliation, never for a caller."""


class RowRepair(Protocol):
    """Lists, replaces and removes rows one by one, of all tenants; positions are opaque, the first is empty."""

    def list_states(self, generation: Generation, position: str, limit: int) -> tuple[list[StreamId], str | None]:
        """Streams that have a row, and where the next list begins; strongly consistent."""

    def list_rows(self, generation: Generation, position: str, limit: int) -> tuple[list[ViewKey], str | None]:
        """Rows of a ``ViewProjection``, and where the next list begins; strongly consistent."""

    def read_rows(self, generation: Generation, keys: Sequence[ViewKey]) -> Mapping[ViewKey, ViewRow]:
        """Rows of a ``ViewProjection`` by key; strongly consistent."""

    def remove_state(self, generation: Generation, row: StateRow) -> None:
        """Remove a stream's row if its version still is that. Raises ``WriteConflict``."""

    def replace_row(self, generation: Generation, key: ViewKey, old: ViewRow | None, new: ViewRow | None) -> None:
        """Put a row in the place of one that was not written to since it was read. Raises ``WriteConflict``."""


def row_name(key: ViewKey) -> str:
    """A row as text: tenant, partition and sort."""
    return "#".join(part.replace("%", "%25").replace("#", "%23") for part in (key.tenant, key.partition, key.sort))


def named_row(name: str) -> ViewKey:
    """Undo ``row_name``."""
    tenant, partition, sort = map(unquote, name.split("#"))
    return ViewKey(tenant, partition, sort)
