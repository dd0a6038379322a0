"""Reading the rows that a stream owns: those in the table, and over them what did not arrive there yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel

from banyan.projections.base import RowsProjection
from banyan.projections.owned import UnusableRow, carried, carrying, expiry, read_row
from banyan.projections.pages import SortRange
from banyan.projections.projector import CommitSource, StreamBatch
from banyan.projections.rows_projector import RowsProjector
from banyan.projections.views import Generation, OwnedRow, StateRow, Views
from banyan.store.eventstore import Clock
from banyan.store.reader import StreamReader
from banyan.streams import StreamId

R = TypeVar("R", bound=BaseModel)

Found = list[tuple[str, R]]
"""Rows with their sorts."""

OwnedPlace = tuple[SortRange, str | None, int | None]
"""What to read: a range, the sort after which to begin, and how many rows."""

LOOKS: Final = 3


@dataclass(frozen=True, slots=True)
class Unstored:
    """What a stream did to its rows that the table does not hold yet.

    Parameters
    ----------
    version : int
        Of the last event in it, or of what is stored when there is none.
    rows : dict[str, OwnedRow | None]
        By sort; ``None`` for those that it removed.
    alone : bool
        Nothing that is stored counts.
    """

    version: int
    rows: dict[str, OwnedRow | None] = field(default_factory=dict)
    alone: bool = False

    def placed(self, wanted: SortRange, after: str | None) -> list[tuple[str, int, OwnedRow | None]]:
        """Sort, version and row of what lies in a range after a place, in its order."""
        inside = (sort for sort in self.rows if sort in wanted and (after is None or wanted.follows(sort, after)))
        return [
            (sort, row.version if (row := self.rows[sort]) else self.version, row)
            for sort in sorted(inside, reverse=wanted.descending)
        ]


class OwnedReads(Generic[R]):
    """Reads the rows of streams in one generation of a ``RowsProjection``."""

    def __init__(
        self,
        projection: RowsProjection[Any, R],
        generation: Generation,
        store: StreamReader,
        views: Views,
        clock: Clock,
    ) -> None:
        self._projection = projection
        self._generation = generation
        self._views = views
        self._clock = clock
        self._projector = RowsProjector(projection, generation, views, CommitSource(store), clock)

    def stored(
        self, start: StateRow, wanted: SortRange, after: str | None, limit: int | None
    ) -> tuple[Found[R], StateRow]:
        """Rows in a range after a place, as the table holds them, and what their stream carries.

        A transaction that is written while they are read may show in part; they are then read again, unless all that
        shows of it is that rows are missing.

        Raises
        ------
        UnusableRow
        """
        read_with = start
        for _ in range(LOOKS):
            read_with = start
            rows = self._rows(start.stream, self._open(start), wanted, after, limit)
            if all(row.version <= start.version for row in rows):
                break
            moved = self._views.states(self._generation, [start.stream]).get(start.stream)
            if moved is None or moved.unfinished or carried(self._projection, moved) is None:
                raise UnusableRow(f"the rows of {start.stream} are made again")
            start = moved
        return self._models(rows), read_with

    def folded(
        self, stream: StreamId, start: StateRow | None, wanted: SortRange, after: str | None, limit: int | None
    ) -> tuple[Found[R], int]:
        """The same by all events of the stream, and its version.

        Where a transaction was written meanwhile, the rows may be others than those that were to be built upon; all
        are then folded from the beginning.

        Parameters
        ----------
        start : StateRow, optional
            What the stream carries, if its rows can be used.
        """
        try:
            unstored = self._unstored(stream, start)
            rows = self._models(self._rows(stream, unstored, wanted, after, limit))
            if start is None or start == self._views.states(self._generation, [stream]).get(stream):
                return rows, unstored.version
        except UnusableRow:
            pass
        return self.folded(stream, None, wanted, after, limit)

    def row(self, row: OwnedRow) -> R | None:
        """What a stored row holds; one that does not fit its model any more is folded from its stream."""
        try:
            return read_row(self._projection, row)
        except UnusableRow:
            rows, _ = self.folded(row.stream, None, SortRange(row.sort, row.sort), None, 1)
            return rows[0][1] if rows else None

    def _unstored(self, stream: StreamId, start: StateRow | None) -> Unstored:
        rows, reached = dict[str, OwnedRow | None](), start
        for piece in self._projector.pieces(StreamBatch(stream, from_table=True), start):
            rows |= piece.rows
            reached = carrying(self._projection, piece.reached, piece.state, self._clock())
        if reached is None:
            return Unstored(0, alone=True)
        unstored = self._open(reached)
        return Unstored(reached.version, rows | unstored.rows, alone=start is None)

    def _open(self, start: StateRow) -> Unstored:
        """The rows that the state of a stream holds."""
        state = carried(self._projection, start) if self._projection.open_rows else None
        if state is None or self._projection.open_rows is None:
            return Unstored(start.version)
        rows = self._projection.open_rows(state)
        return Unstored(start.version, {sort: self._held(start, sort, row) for sort, row in rows.items()})

    def _held(self, start: StateRow, sort: str, row: R) -> OwnedRow:
        moments = start.recorded_at, start.projected_at
        expires = expiry(self._projection, row)
        return OwnedRow(start.stream, sort, start.version, *moments, row.model_dump_json(), expires=expires)

    def _rows(
        self, stream: StreamId, unstored: Unstored, wanted: SortRange, after: str | None, limit: int | None
    ) -> Sequence[OwnedRow]:
        now = self._clock()
        rows = (row for row in self._merged(stream, unstored, wanted, after, limit) if not row.expired(now))
        return list(islice(rows, limit))

    def _models(self, rows: Sequence[OwnedRow]) -> Found[R]:
        return [(row.sort, read_row(self._projection, row)) for row in rows]

    def _merged(
        self, stream: StreamId, unstored: Unstored, wanted: SortRange, after: str | None, limit: int | None
    ) -> Iterator[OwnedRow]:
        """Stored rows with the others among them; of two with the same sort the later one."""
        size = limit and limit + len(unstored.rows)
        stored: Iterable[OwnedRow] = (
            () if unstored.alone else self._views.list_owned(self._generation, stream, wanted, after=after, size=size)
        )
        both = merge(
            ((row.sort, row.version, row) for row in stored),
            unstored.placed(wanted, after),
            key=itemgetter(0),
            reverse=wanted.descending,
        )
        for _, same in groupby(both, key=itemgetter(0)):
            _, _, row = max(same, key=itemgetter(1))
            if row:
                yield row
