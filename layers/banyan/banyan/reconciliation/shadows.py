"""The rows a ``ViewProjection`` should have: a fold that is kept and carried on, not made anew each time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from banyan.errors import StoreUnavailable
from banyan.projections.base import Value, ViewProjection
from banyan.projections.memory import changed_row
from banyan.projections.rows import merge
from banyan.projections.upkeep import named_row, row_name
from banyan.projections.views import Generation, Move, RowKey, ViewRow
from banyan.reconciliation.cells import Cells, Key
from banyan.reconciliation.feeds import SHARDS, LogFeed, Marks, shard_of
from banyan.reconciliation.histories import Histories
from banyan.reconciliation.sides import Content, Feed, NotRepairable
from banyan.store import Commit, EventStore
from banyan.store.chain import timestamp
from banyan.store.reader import whole
from banyan.streams import BEGINNING_OF_TIME, StreamId


class Unfoldable(NotRepairable):
    """A stream whose events add up to nothing, so that the rows it touches cannot be verified."""


class ShadowSide:
    """Rows by the events alone. Only the reconciliation writes them, in one process at a time.

    A chunk of streams is written down as a whole before it is carried out, so that one that was interrupted is
    carried out again, not added again.

    Parameters
    ----------
    projection : ViewProjection
    generation : Generation
    store : EventStore
    histories : Histories
    cells : Cells
    """

    def __init__(
        self,
        projection: ViewProjection,
        generation: Generation,
        store: EventStore,
        histories: Histories,
        cells: Cells,
    ) -> None:
        self.name = f"fold:{generation}"
        self.streams = LogFeed(store, cells, self.name, projection.entity)
        self.marks = Marks(cells, self.name)
        self.feed: Feed = self.marks
        self._projection = projection
        self._store = store
        self._histories = histories
        self._cells = cells
        self._intent = Key("intents", self.name)

    def take(self, ids: Sequence[str], *, fresh: bool = False) -> None:
        """Carry the rows on to the heads of streams, as they are now or as this run has read them already."""
        self._finish()
        streams = list(map(StreamId.parse, ids))
        taken = self.taken(streams)
        moves = [move for stream in streams if (move := self._readable(stream, taken.get(stream, 0), fresh=fresh))]
        changes = merge(moves)
        rows = self.rows(list(changes))
        cells: dict[Key, str | None] = {}
        for key, change in changes.items():
            row = changed_row(key, rows.get(key), change, BEGINNING_OF_TIME)
            cells[self._row_key(key)] = _encode(row) if row else None
        cells |= {self._taken_key(move.stream): str(move.to_version) for move in moves}
        if moves:
            self._cells.write({self._intent: orjson.dumps([[*key, text] for key, text in cells.items()]).decode()})
            self._finish()

    def move(self, stream: StreamId, after: int, upto: int | None = None) -> Move | None:
        """What a stream does to the rows behind a version; ``None`` when that is nothing.

        Raises
        ------
        Unfoldable
            The stream is damaged, or its events cannot be applied.
        """
        return self._moved(stream, after, lambda: self._store.commits(stream, after), upto)

    def _readable(self, stream: StreamId, after: int, *, fresh: bool) -> Move | None:
        with suppress(Unfoldable):
            if fresh:
                return self.move(stream, after)
            return self._moved(stream, after, lambda: self._histories.recent(stream))
        return None

    def _moved(
        self, stream: StreamId, after: int, read: Callable[[], Iterable[Commit]], upto: int | None = None
    ) -> Move | None:
        try:
            commits = [c for c in read() if c.position > after and (upto is None or c.last <= upto)]
            writes = [self._writes(parts) for parts in whole(commits)]
        except StoreUnavailable:
            raise
        except Exception as error:
            raise Unfoldable(f"{stream} cannot be folded: {type(error).__name__}") from error
        return Move(stream, after, commits[-1].last, commits[-1].recorded_at, writes) if commits else None

    def taken(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        """How far the rows hold each stream."""
        keys = {self._taken_key(stream): stream for stream in streams}
        return {keys[key]: int(version) for key, version in self._cells.read(list(keys)).items()}

    def rows(self, keys: Sequence[RowKey]) -> Mapping[RowKey, ViewRow]:
        """Rows by key."""
        places = {self._row_key(key): key for key in keys}
        return {places[key]: _decode(places[key], text) for key, text in self._cells.read(list(places)).items()}

    def read(self, ids: Sequence[str]) -> Mapping[str, Content]:
        """As in ``Side``."""
        found = self.rows(list(map(named_row, ids)))
        return {row_name(key): view_content(row) for key, row in found.items()}

    def forget(self, limit: int) -> bool:
        """Remove up to ``limit`` of what is kept, to begin anew; tells whether there is more."""
        self._cells.write({self._intent: None})
        self.streams.rewind()
        rows = self._first("shadow", limit)
        self.marks.add([key.sort for key in rows], BEGINNING_OF_TIME)
        self._cells.write(dict.fromkeys(rows or self._first("taken", limit)))
        return bool(rows or self._first("taken", 1))

    def _finish(self) -> None:
        """Carry out what was written down."""
        text = self._cells.read([self._intent]).get(self._intent)
        if text:
            cells = {Key(partition, sort): content for partition, sort, content in orjson.loads(text)}
            rows = [key.sort for key in cells if key.partition.startswith("shadow#")]
            self.marks.add(rows, BEGINNING_OF_TIME)
            self._cells.write(cells)
            self._cells.write({self._intent: None})

    def _writes(self, parts: Sequence[Commit]) -> list[Any]:
        return [w for part in parts for event in self._store.decode(part) for w in self._projection.apply(event)]

    def _first(self, kind: str, limit: int) -> list[Key]:
        found: list[Key] = []
        for shard in SHARDS:
            partition = self._partition(kind, shard)
            found += [Key(partition, sort) for sort, _ in self._cells.page(partition, limit - len(found))]
            if len(found) == limit:
                break
        return found

    def _row_key(self, key: RowKey) -> Key:
        name = row_name(key)
        return Key(self._partition("shadow", shard_of(name)), name)

    def _taken_key(self, stream: StreamId) -> Key:
        return Key(self._partition("taken", shard_of(str(stream))), str(stream))

    def _partition(self, kind: str, shard: str) -> str:
        return f"{kind}#{self.name}#{shard}"


def view_content(row: ViewRow) -> Content:
    """What is compared of a view row."""
    return {"(commits)": row.version, **row.fields}


def _encode(row: ViewRow) -> str:
    fields = {name: [isinstance(value, str), str(value)] for name, value in row.fields.items()}
    return orjson.dumps([row.version, timestamp(row.recorded_at), fields]).decode()


def _decode(key: RowKey, text: str) -> ViewRow:
    version, recorded_at, fields = orjson.loads(text)
    values: Iterator[tuple[str, Value]] = (
        (name, value if is_text else Decimal(value)) for name, (is_text, value) in fields.items()
    )
    moment = datetime.fromisoformat(recorded_at)
    return ViewRow(key.partition, key.sort, dict(values), version, moment, BEGINNING_OF_TIME)
