"""Read models in memory, for tests and for comparing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import TypeVar

from banyan.errors import StoreRejected
from banyan.projections.base import Value
from banyan.projections.items import LookupPlace, LookupQuery
from banyan.projections.pages import EVERYTHING, NEWEST_FIRST, SortRange
from banyan.projections.rows import RowChange, add, merge
from banyan.projections.views import (
    FailureRecord,
    Generation,
    LookupPage,
    OwnedRow,
    OwnedUpdate,
    StateRow,
    ViewKey,
    ViewRow,
    ViewUpdate,
    WriteConflict,
    row_name,
)
from banyan.streams import StreamId

K = TypeVar("K")
L = TypeVar("L", StateRow, OwnedRow)


class MemoryViews:
    """Keeps rows and cursors in dictionaries; safe to share between threads."""

    def __init__(self) -> None:
        self._states: dict[Generation, dict[StreamId, StateRow]] = {}
        self._rows: dict[Generation, dict[ViewKey, ViewRow]] = {}
        self._owned: dict[Generation, dict[StreamId, dict[str, OwnedRow]]] = {}
        self._checkpoints: dict[tuple[Generation, StreamId], int] = {}
        self._failures: dict[tuple[Generation, StreamId], FailureRecord] = {}
        self._lock = Lock()

    def states(self, generation: Generation, streams: Sequence[StreamId]) -> Mapping[StreamId, StateRow]:
        with self._lock:
            rows = self._states.get(generation, {})
            return {stream: rows[stream] for stream in streams if stream in rows}

    def put_state(self, generation: Generation, row: StateRow, from_version: int) -> None:
        with self._lock:
            rows = self._states.setdefault(generation, {})
            standing = rows.get(row.stream)
            if (standing.version if standing else 0) != from_version:
                raise WriteConflict
            rows[row.stream] = row

    def update_owned(self, generation: Generation, updates: Sequence[OwnedUpdate]) -> None:
        with self._lock:
            states, owned = self._states.setdefault(generation, {}), self._owned.setdefault(generation, {})
            if any(_carried(states.get(update.after.stream)) != _carried(update.before) for update in updates):
                raise WriteConflict
            for update in updates:
                rows = {**owned.get(update.after.stream, {}), **update.rows}
                owned[update.after.stream] = {sort: row for sort, row in rows.items() if row}
                states[update.after.stream] = update.after

    def move_carried(self, generation: Generation, updates: Sequence[OwnedUpdate]) -> Collection[StreamId]:
        return [update.after.stream for update in updates if not self._moved(generation, update)]

    def read_owned(self, generation: Generation, stream: StreamId, sorts: Sequence[str]) -> Sequence[OwnedRow]:
        with self._lock:
            rows = self._owned.get(generation, {}).get(stream, {})
        return [rows[sort] for sort in sorts if sort in rows]

    def list_owned(
        self,
        generation: Generation,
        stream: StreamId,
        wanted: SortRange = EVERYTHING,
        *,
        after: str | None = None,
        size: int | None = None,  # noqa: ARG002
    ) -> Iterator[OwnedRow]:
        with self._lock:
            rows = self._owned.get(generation, {}).get(stream, {})
        inside = (sort for sort in rows if sort in wanted and (after is None or wanted.follows(sort, after)))
        return iter([rows[sort] for sort in sorted(inside, reverse=wanted.descending)])

    def insert_states(self, generation: Generation, rows: Sequence[StateRow]) -> Collection[StreamId]:
        return [row.stream for row in rows if not self._inserted(generation, row)]

    def checkpoints(self, generation: Generation, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        with self._lock:
            found = {stream: self._checkpoints.get((generation, stream)) for stream in streams}
        return {stream: version for stream, version in found.items() if version is not None}

    def update(self, generation: Generation, updates: Sequence[ViewUpdate], projected_at: datetime) -> None:
        with self._lock:
            if any(self._checkpoints.get((generation, u.stream), 0) != u.from_version for u in updates):
                raise WriteConflict
            rows = self._rows.get(generation, {})
            changed = {key: changed_row(key, rows.get(key), c, projected_at) for key, c in merge(updates).items()}
            kept = {key: row for key, row in (rows | changed).items() if row is not None}
            self._rows[generation] = kept
            self._checkpoints |= {(generation, update.stream): update.to_version for update in updates}

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
        with self._lock:
            rows = list(self._rows.get(generation, {}).items())
        inside = [row for key, row in rows if (key.tenant, key.partition) == (tenant, partition) and key.sort in wanted]
        inside.sort(key=lambda row: row.sort, reverse=wanted.descending)
        return [row for row in inside if after is None or wanted.follows(row.sort, after)][:limit]

    def all_states(self, generation: Generation) -> Iterator[StateRow]:
        with self._lock:
            return iter(list(self._states.get(generation, {}).values()))

    def all_rows(self, generation: Generation) -> Mapping[ViewKey, ViewRow]:
        with self._lock:
            return dict(self._rows.get(generation, {}))

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
        with self._lock:
            rows = list(self._states.get(generation, {}).values())
        return _looked_up(LookupQuery(generation, tenant, index, partition, wanted), rows, limit, cursor)

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
        with self._lock:
            rows = [row for of_stream in self._owned.get(generation, {}).values() for row in of_stream.values()]
        return _looked_up(LookupQuery(generation, tenant, index, partition, wanted), rows, limit, cursor)

    def failure(self, generation: Generation, stream: StreamId) -> FailureRecord | None:
        with self._lock:
            return self._failures.get((generation, stream))

    def put_failure(self, generation: Generation, failure: FailureRecord) -> None:
        with self._lock:
            self._failures[generation, failure.stream] = failure

    def clear_failure(self, generation: Generation, stream: StreamId) -> None:
        with self._lock:
            self._failures.pop((generation, stream), None)

    def parked(self, generation: Generation, limit: int | None = None) -> Sequence[FailureRecord]:
        with self._lock:
            failures = [failure for (where, _), failure in self._failures.items() if where == generation]
        parked = [(f.parked_at, f.stream, f) for f in failures if f.parked_at is not None]
        return [failure for _, _, failure in sorted(parked, key=lambda entry: entry[:2])][:limit]

    def drop(self, generation: Generation) -> None:
        """Forget all rows, cursors and failures of a generation."""
        with self._lock:
            self._states.pop(generation, None)
            self._rows.pop(generation, None)
            self._owned.pop(generation, None)
            self._checkpoints = {key: version for key, version in self._checkpoints.items() if key[0] != generation}
            self._failures = {key: failure for key, failure in self._failures.items() if key[0] != generation}

    def list_states(self, generation: Generation, position: str, limit: int) -> tuple[list[StreamId], str | None]:
        with self._lock:
            streams = sorted(self._states.get(generation, {}), key=str)
        return _page(streams, str, position, limit)

    def list_rows(self, generation: Generation, position: str, limit: int) -> tuple[list[ViewKey], str | None]:
        with self._lock:
            keys = sorted(self._rows.get(generation, {}), key=row_name)
        return _page(keys, row_name, position, limit)

    def read_rows(self, generation: Generation, keys: Sequence[ViewKey]) -> Mapping[ViewKey, ViewRow]:
        rows = self.all_rows(generation)
        return {key: rows[key] for key in keys if key in rows}

    def remove_state(self, generation: Generation, row: StateRow) -> None:
        with self._lock:
            if self._states.get(generation, {}).get(row.stream) != row:
                raise WriteConflict
            del self._states[generation][row.stream]

    def replace_row(self, generation: Generation, key: ViewKey, old: ViewRow | None, new: ViewRow | None) -> None:
        with self._lock:
            rows = self._rows.setdefault(generation, {})
            if rows.get(key) != old:
                raise WriteConflict
            if new is None:
                rows.pop(key, None)
            else:
                rows[key] = new

    def _moved(self, generation: Generation, update: OwnedUpdate) -> bool:
        try:
            self.update_owned(generation, [update])
        except WriteConflict:
            return False
        return True

    def _inserted(self, generation: Generation, row: StateRow) -> bool:
        try:
            self.put_state(generation, row, 0)
        except (WriteConflict, StoreRejected):
            return False
        return True


def _looked_up(query: LookupQuery, rows: Sequence[L], limit: int, cursor: str | None) -> LookupPage[L]:
    end, wanted = query.place(cursor) if cursor else None, query.wanted
    listed = [row for row in rows if row.stream.tenant == query.tenant and _is_in(query, row)]
    placed = sorted(((LookupPlace.of(row, query.index), row) for row in listed), key=_parts, reverse=wanted.descending)
    later = [each for each in placed if end is None or wanted.follows(each[0].parts, end.parts)]
    page = [row for _, row in later[:limit]]
    return LookupPage(page, lambda at: query.cursor(later[at][0]), len(later) > limit)


def _is_in(query: LookupQuery, row: StateRow | OwnedRow) -> bool:
    partition, sort = row.lookups.get(query.index, (None, ""))
    return partition == query.partition and sort in query.wanted


def _parts(placed: tuple[LookupPlace, object]) -> tuple[str, str, str]:
    return placed[0].parts


def _page(found: list[K], name: Callable[[K], str], position: str, limit: int) -> tuple[list[K], str | None]:
    later = [key for key in found if name(key) > position]
    return later[:limit], name(later[limit - 1]) if len(later) > limit else None


def _carried(row: StateRow | None) -> tuple[int, int, int] | None:
    return (row.version, row.made_by, row.unfinished) if row else None


def changed_row(key: ViewKey, row: ViewRow | None, change: RowChange, projected_at: datetime) -> ViewRow | None:
    """What a change makes of a row; ``None`` when it leaves none."""
    if change.gone:
        return None
    base = None if change.removed else row
    fields: dict[str, Value] = {**(base.fields if base else {}), **change.fields}
    fields |= {name: add(fields.get(name, 0), amount) for name, amount in change.numbers.items()}
    version = (base.version if base else 0) + change.commits
    return ViewRow(key.partition, key.sort, fields, version, change.recorded_at, projected_at)
