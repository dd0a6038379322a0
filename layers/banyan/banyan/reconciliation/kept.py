"""What a projection keeps for each stream, read, folded, compared and put right: one row, or the rows it owns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import orjson

from banyan.projections.base import AnyRowsProjection, AnyStreamProjection, RowsProjection
from banyan.projections.check import fold_commits
from banyan.projections.owned import StreamRows, corrections, fold_owned, removals, stored_rows
from banyan.projections.views import Generation, RowRepair, StateRow, Views
from banyan.reconciliation.sides import Content
from banyan.store import Commit
from banyan.store.eventstore import Clock
from banyan.store.reader import StreamReader
from banyan.streams import StreamId


class KeptByStream(Protocol):
    """What a projection keeps for each stream; all of it has one version."""

    def read(self, streams: Sequence[StreamId]) -> Mapping[StreamId, Any]:
        """What there is of streams, strongly consistent. Raises ``KeyError``, ``ValueError`` or ``zlib.error``."""

    def fold(self, store: StreamReader, commits: Sequence[Commit]) -> Any:
        """What there should be of a stream, by all of its commits."""

    def content(self, kept: Any) -> Content:
        """What is compared of it. Raises ``ValueError`` when it does not fit its model."""

    def replace(self, old: Any, new: Any) -> None:
        """Write what should be there in the place of what was read, if anything was. Raises ``WriteConflict``."""

    def remove(self, old: Any) -> None:
        """Remove what was read. Raises ``WriteConflict``."""


@dataclass(frozen=True, slots=True)
class KeptRow:
    """The row of a stream in a ``StreamProjection``."""

    projection: AnyStreamProjection
    generation: Generation
    views: Views
    row_repair: RowRepair
    clock: Clock

    def read(self, streams: Sequence[StreamId]) -> Mapping[StreamId, StateRow]:
        """One batch read for 100 rows."""
        return self.views.states(self.generation, streams)

    def fold(self, store: StreamReader, commits: Sequence[Commit]) -> StateRow | None:
        return fold_commits(self.projection, store, commits)

    def content(self, kept: StateRow) -> Content:
        """Its state, its version and its places in the lookups."""
        return {**_numbers(kept), **self.projection.state.model_validate_json(kept.state).model_dump()}

    def replace(self, old: StateRow | None, new: StateRow) -> None:
        row = replace(new, projected_at=self.clock())
        self.views.put_state(self.generation, row, old.version if old else 0)

    def remove(self, old: StateRow) -> None:
        self.row_repair.remove_state(self.generation, old)


@dataclass(frozen=True, slots=True)
class KeptRows:
    """The rows of a stream in a ``RowsProjection``, and what it carries."""

    projection: AnyRowsProjection
    generation: Generation
    views: Views
    row_repair: RowRepair
    clock: Clock

    def read(self, streams: Sequence[StreamId]) -> Mapping[StreamId, StreamRows]:
        """A query for each stream."""
        found, now = self.views.states(self.generation, streams), self.clock()
        return {stream: stored_rows(self.views, self.generation, row, now) for stream, row in found.items()}

    def fold(self, store: StreamReader, commits: Sequence[Commit]) -> StreamRows | None:
        return fold_owned(self.projection, store, commits, self.clock())

    def content(self, kept: StreamRows) -> Content:
        """What it carries, and all rows by their sort."""
        unfinished = {"(unfinished)": kept.carried.unfinished} if kept.carried.unfinished else {}
        carried = self.projection.state.model_validate_json(kept.carried.state).model_dump()
        rows = {
            sort: {"(version)": row.version, **_lookups(row.lookups), **orjson.loads(row.content)}
            for sort, row in kept.rows.items()
        }
        return {**_numbers(kept.carried), **unfinished, **carried, "(rows)": rows}

    def replace(self, old: StreamRows | None, new: StreamRows) -> None:
        """Only rows that differ are written; one transaction for up to 99."""
        for update in corrections(old, new, self.clock()):
            self.views.update_owned(self.generation, [update])

    def remove(self, old: StreamRows) -> None:
        standing = old.carried
        for update in removals(standing, self.views.list_owned(self.generation, standing.stream)):
            self.views.update_owned(self.generation, [update])
            standing = update.after
        self.row_repair.remove_state(self.generation, standing)


def kept_by_stream(
    projection: AnyStreamProjection | AnyRowsProjection,
    generation: Generation,
    views: Views,
    row_repair: RowRepair,
    clock: Clock,
) -> KeptByStream:
    """What a projection keeps for each stream."""
    if isinstance(projection, RowsProjection):
        return KeptRows(projection, generation, views, row_repair, clock)
    return KeptRow(projection, generation, views, row_repair, clock)


def _numbers(row: StateRow) -> Content:
    return {"(version)": row.version, "(recordedAt)": row.recorded_at, **_lookups(row.lookups)}


def _lookups(places: Mapping[int, tuple[str, str]]) -> Content:
    return {f"(lookup {index})": list(place) for index, place in places.items()}
