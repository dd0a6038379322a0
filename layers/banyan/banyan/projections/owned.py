"""Folding a stream into the rows that it owns, and cutting what was folded into transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Generic, NamedTuple, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from banyan.events import Event
from banyan.projections.base import AnyRowsProjection, RowsProjection, places_in
from banyan.projections.projector import StreamBatch, StreamProgress
from banyan.projections.rows import current_state
from banyan.projections.views import Generation, OwnedRow, OwnedUpdate, StateRow, Views
from banyan.store import Commit
from banyan.store.base import timestamp
from banyan.store.reader import StreamReader, whole
from banyan.streams import BEGINNING_OF_TIME

MAX_OWNED_ROWS: Final = 99
"""Rows in one transaction, beside what the stream carries."""
MAX_BYTES: Final = 3_000_000
"""Of the JSON of these rows; a transaction holds 4 MB."""

R = TypeVar("R", bound=BaseModel)

ReadRows = Callable[[Sequence[str]], Sequence[OwnedRow]]


class UnusableRow(Exception):
    """Stored rows cannot be used: one does not fit its model any more, or they are being made again."""


class Written(NamedTuple, Generic[R]):
    """A row as an event left it, ``None`` when it removed it, and that event's version."""

    row: R | None
    version: int


class RowFold:
    """Folds the events of one stream, from wherever it stands.

    Parameters
    ----------
    state : State
        What the stream carries.
    read : Callable[[Sequence[str]], Sequence[OwnedRow]], optional
        Reads its rows; unless given there are none but those that the fold makes itself.
    """

    def __init__(self, projection: AnyRowsProjection, state: BaseModel, read: ReadRows | None = None) -> None:
        self.state = state
        self._projection = projection
        self._read = read
        self._rows: dict[str, Any] = {}

    def apply(self, events: Iterable[Event]) -> dict[str, Written[Any]]:
        """Fold some events in, and return the rows that they wrote, by sort. Raises ``UnusableRow``."""
        written: dict[str, Written[Any]] = {}
        for event in events:
            self.state, rows = self._projection.apply(self.state, self._seen(event), event)
            written |= {sort: Written(row, event.version) for sort, row in rows.items()}
            if self._projection.keys:
                self._rows |= rows
        return written

    def copy(self) -> RowFold:
        """A fold that continues from here by itself."""
        fold = RowFold(self._projection, self.state, self._read)
        fold._rows = dict(self._rows)
        return fold

    def _seen(self, event: Event) -> Mapping[str, Any]:
        """The rows an event has to see; one that expired before it was recorded is not there."""
        if self._projection.keys is None:
            return {}
        sorts = list(dict.fromkeys(self._projection.keys(self.state, event)))
        self._fetch([sort for sort in sorts if sort not in self._rows])
        rows = {sort: row for sort in sorts if (row := self._rows[sort]) is not None}
        return {sort: row for sort, row in rows.items() if not _expired(self._projection, row, event.timestamp)}

    def _fetch(self, sorts: Sequence[str]) -> None:
        self._rows |= dict.fromkeys(sorts)
        if self._read and sorts:
            self._rows |= {found.sort: read_row(self._projection, found) for found in self._read(sorts)}


def read_row(projection: RowsProjection[Any, R], row: OwnedRow) -> R:
    """What a stored row holds. Raises ``UnusableRow``."""
    try:
        return projection.row.model_validate_json(row.content)
    except ValidationError as error:
        raise UnusableRow(f"row {row.sort!r} of {row.stream} does not fit {projection.name!r} any more") from error


def expiry(projection: AnyRowsProjection, row: BaseModel | None) -> datetime | None:
    """From when on a row counts as missing."""
    return projection.expires(row) if projection.expires and row is not None else None


def _expired(projection: AnyRowsProjection, row: BaseModel, moment: datetime) -> bool:
    expires = expiry(projection, row)
    return expires is not None and expires <= moment


def carried(projection: AnyRowsProjection, row: StateRow | None) -> BaseModel | None:
    """What a stream carries; ``None`` when it has to be folded from the beginning.

    Of a first commit that was written in part the stored state is already the one behind it, and the version is 0.
    """
    return current_state(projection, row) if row and row.version else None


@dataclass(slots=True)
class Piece:
    """Some commits in a row, whose rows fit into one transaction unless a single commit wrote more.

    Parameters
    ----------
    reached : Commit
        The last of them.
    state : State
        What the stream carries behind it.
    rows : dict[str, OwnedRow | None]
        By sort.
    """

    reached: Commit
    state: BaseModel
    rows: dict[str, OwnedRow | None]
    size: int

    @property
    def fits(self) -> bool:
        """Whether one transaction holds its rows."""
        return len(self.rows) <= MAX_OWNED_ROWS and self.size <= MAX_BYTES

    def joined(self, other: Piece) -> bool:
        """Add the commits that follow, if their rows fit in."""
        if len(self.rows.keys() | other.rows.keys()) > MAX_OWNED_ROWS or self.size + other.size > MAX_BYTES:
            return False
        self.reached, self.state = other.reached, other.state
        self.rows |= other.rows
        self.size += other.size
        return True

    def updates(
        self, projection: AnyRowsProjection, before: StateRow | None, projected_at: datetime
    ) -> Iterator[OwnedUpdate]:
        """The transactions that write it, in turn."""
        return _updates(before, carrying(projection, self.reached, self.state, projected_at), self.rows)


def piece_of(
    projection: AnyRowsProjection,
    commit: Commit,
    state: BaseModel,
    written: Mapping[str, Written[Any]],
    projected_at: datetime,
) -> Piece:
    """What one commit wrote."""
    rows = {sort: owned_row(projection, commit, sort, each, projected_at) for sort, each in written.items()}
    return Piece(commit, state, rows, sum(_size(sort, row) for sort, row in rows.items()))


def owned_row(
    projection: AnyRowsProjection, commit: Commit, sort: str, written: Written[Any], projected_at: datetime
) -> OwnedRow | None:
    """A row as it is stored; ``None`` when it was removed, or expired so long ago that no event needs it."""
    row = written.row
    if row is None:
        return None
    found = OwnedRow(
        commit.stream,
        sort,
        written.version,
        commit.recorded_at,
        projected_at,
        row.model_dump_json(),
        places_in(projection.lookups, row),
        expiry(projection, row),
    )
    return None if found.gone(projected_at) else found


@dataclass(slots=True)
class OwnedPlan:
    """What a batch does to one stream, if a single transaction holds it.

    Parameters
    ----------
    update : OwnedUpdate, optional
        ``None`` when there is nothing to write.
    """

    batch: StreamBatch
    progress: StreamProgress
    update: OwnedUpdate | None = None
    size: int = 0

    @property
    def rows(self) -> int:
        """How many rows are written."""
        return len(self.update.rows) if self.update else 0


def packs(plans: Sequence[OwnedPlan]) -> Iterator[list[OwnedPlan]]:
    """Those without rows, which need no transaction, and the others as one transaction holds them together."""
    yield [plan for plan in plans if not plan.rows]
    pack, items, size = list[OwnedPlan](), 0, 0
    for plan in (plan for plan in plans if plan.rows):
        if pack and (items + 1 + plan.rows > MAX_OWNED_ROWS + 1 or size + plan.size > MAX_BYTES):
            yield pack
            pack, items, size = [], 0, 0
        pack.append(plan)
        items, size = items + 1 + plan.rows, size + plan.size
    yield pack


def carrying(projection: AnyRowsProjection, reached: Commit, state: BaseModel, projected_at: datetime) -> StateRow:
    """What a stream carries behind a commit, as it is stored."""
    return StateRow(
        reached.stream,
        reached.last,
        reached.recorded_at,
        projected_at,
        state.model_dump_json(),
        made_by=projection.version,
    )


def unfinished(
    before: StateRow | None, after: StateRow, rows: Mapping[str, OwnedRow | None]
) -> tuple[StateRow, OwnedUpdate]:
    """A transaction that writes rows but leaves its stream where it was; what the stream carries says so.

    Whoever continues there folds the stream from its beginning, as the rows are neither those before nor those after.
    """
    standing = before or replace(after, version=0)
    marked = replace(standing, unfinished=standing.unfinished + 1)
    return marked, OwnedUpdate(before, marked, rows)


def removals(before: StateRow, rows: Iterable[OwnedRow]) -> Iterator[OwnedUpdate]:
    """The transactions that remove all rows of a stream, before they are made from the beginning."""
    for chunk in _chunks({row.sort: None for row in rows}):
        before, update = unfinished(before, before, chunk)
        yield update


@dataclass(frozen=True, slots=True)
class StreamRows:
    """What a stream carries, and its rows by sort.

    Parameters
    ----------
    carried : StateRow
        Its version is that of the rows.
    rows : Mapping[str, OwnedRow]
        Without those that had expired when they were read.
    """

    carried: StateRow
    rows: Mapping[str, OwnedRow]

    @property
    def version(self) -> int:
        """Of the last event in the rows."""
        return self.carried.version

    @property
    def digests(self) -> Mapping[str, str]:
        """A digest of each row, whenever it was written."""
        return {sort: _digest(row) for sort, row in self.rows.items()}


def stored_rows(views: Views, generation: Generation, carried: StateRow, moment: datetime) -> StreamRows:
    """What the table holds of a stream, without what has expired by a moment."""
    rows = {row.sort: row for row in views.list_owned(generation, carried.stream) if not row.expired(moment)}
    return StreamRows(carried, rows)


def fold_owned(
    projection: AnyRowsProjection, store: StreamReader, commits: Sequence[Commit], moment: datetime
) -> StreamRows | None:
    """What a stream should have at a moment that holds these commits, from its first one on.

    Raises
    ------
    StreamCorrupted, EventError
    """
    fold, made = RowFold(projection, projection.initial()), dict[str, OwnedRow | None]()
    for parts in whole(commits):
        written = fold.apply(event for part in parts for event in store.decode(part))
        made |= piece_of(projection, parts[-1], fold.state, written, BEGINNING_OF_TIME).rows
    if not commits:
        return None
    rows = {sort: row for sort, row in made.items() if row and not row.expired(moment)}
    return StreamRows(carrying(projection, commits[-1], fold.state, BEGINNING_OF_TIME), rows)


def corrections(old: StreamRows | None, new: StreamRows, projected_at: datetime) -> Iterator[OwnedUpdate]:
    """The transactions that put the rows of a stream right: only those that differ are written."""
    before, after = old.carried if old else None, replace(new.carried, projected_at=projected_at)
    has, should = old.digests if old else {}, new.digests
    rows = {sort: replace(row, projected_at=projected_at) for sort, row in new.rows.items()}
    wrong = {sort: rows.get(sort) for sort in has.keys() | should.keys() if has.get(sort) != should.get(sort)}
    return _updates(before, after, wrong)


def _updates(before: StateRow | None, after: StateRow, rows: Mapping[str, OwnedRow | None]) -> Iterator[OwnedUpdate]:
    *more, last = list(_chunks(rows)) or [{}]
    for chunk in more:
        before, update = unfinished(before, after, chunk)
        yield update
    yield OwnedUpdate(before, after, last)


def _digest(row: OwnedRow) -> str:
    expires = timestamp(row.expires) if row.expires else ""
    content = [row.version, timestamp(row.recorded_at), row.content, sorted(row.lookups.items()), expires]
    return sha256(orjson.dumps(content)).hexdigest()[:16]


def _chunks(rows: Mapping[str, OwnedRow | None]) -> Iterator[dict[str, OwnedRow | None]]:
    chunk: dict[str, OwnedRow | None] = {}
    size = 0
    for sort, row in rows.items():
        size += _size(sort, row)
        if chunk and (len(chunk) == MAX_OWNED_ROWS or size > MAX_BYTES):
            yield chunk
            chunk, size = {}, _size(sort, row)
        chunk[sort] = row
    if chunk:
        yield chunk


def _size(sort: str, row: OwnedRow | None) -> int:
    """Bytes of a row and its keys, roughly: as the transaction holds them, without the copies in lookups."""
    return 500 + len(sort) + (len(row.content.encode()) if row else 0)
