"""Applying streams to read models: which commits a stream still lacks, and a projector for each kind of projection."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from typing import Any, Final, Generic, NamedTuple, TypeVar

from banyan.errors import StoreUnavailable
from banyan.events import Event
from banyan.projections.base import AnyStreamProjection, RowWrite, ViewProjection
from banyan.projections.rows import current_state, row_keys, state_row
from banyan.projections.views import (
    FailureRecord,
    Generation,
    StateRow,
    ViewKey,
    Views,
    ViewUpdate,
    WriteConflict,
)
from banyan.spread import Spread, in_turn
from banyan.store import Commit
from banyan.store.eventstore import Clock
from banyan.store.reader import StreamReader, whole
from banyan.streams import BEGINNING_OF_TIME, StreamId
from banyan.telemetry import span

ATTEMPTS: Final = 7
MAX_TRANSACTION_ITEMS: Final = 100
MAX_ROWS: Final = MAX_TRANSACTION_ITEMS - 1

Start = TypeVar("Start")
"""What a stream continues from: its row, or its checkpoint."""

Decoded = tuple[Commit, tuple[Event, ...]]
"""A whole commit, of a split one the last part, with all of its events."""


@dataclass(frozen=True, slots=True)
class StreamBatch:
    """What a batch brought of one stream.

    Parameters
    ----------
    commits : tuple[Commit, ...]
        Oldest first, each once.
    from_table : bool
        Only the event table says what the stream holds, as a record of it could not be read or none came.
    more : Callable[[], bool]
        Whether to read another commit from the event table; asked after each.
    """

    stream: StreamId
    commits: tuple[Commit, ...] = ()
    from_table: bool = False
    more: Callable[[], bool] = field(default=lambda: True, repr=False, compare=False)
    _decoded: dict[int, tuple[Event, ...]] = field(default_factory=dict, repr=False, compare=False)

    def after(self, checkpoint: int) -> Sequence[Sequence[Commit]] | None:
        """The parts of each commit after a checkpoint, or ``None`` when a commit or a part is missing."""
        if self.from_table:
            return None
        complete, parts, reached = list[Sequence[Commit]](), list[Commit](), checkpoint
        for commit in self.commits:
            last = commit.last
            if last <= checkpoint:
                continue
            if commit.position != reached + 1:
                return None
            parts.append(commit)
            reached = last
            if commit.part == commit.parts:
                complete.append(parts)
                parts = []
        return None if parts else complete

    def events(self, parts: Sequence[Commit], store: StreamReader) -> tuple[Event, ...]:
        """The events of a commit that came with the batch, decoded once for all projections."""
        position = parts[-1].position
        if position not in self._decoded:
            self._decoded[position] = _decode(parts, store)
        return self._decoded[position]


@dataclass(frozen=True, slots=True)
class StreamProgress:
    """How far a stream came.

    Parameters
    ----------
    version : int
        Its checkpoint now.
    recorded_at : datetime, optional
        When the last event that was applied was recorded; ``None`` when none was.
    error : Exception, optional
        Why it did not come further.
    """

    stream: StreamId
    version: int
    recorded_at: datetime | None = None
    error: Exception | None = None


class WaitingStreams(NamedTuple):
    """Streams that wait for a retry, and whether these are all."""

    failures: tuple[FailureRecord, ...]
    complete: bool


class CommitSource:
    """Reads what a stream holds after a checkpoint.

    Parameters
    ----------
    is_parked : Callable[[Generation, StreamId, int], bool], optional
        Whether a stream is to be left alone at a checkpoint; unless given, none is.
    """

    def __init__(
        self, store: StreamReader, is_parked: Callable[[Generation, StreamId, int], bool] | None = None
    ) -> None:
        self._store = store
        self._is_parked = is_parked

    def after(self, generation: Generation, batch: StreamBatch, checkpoint: int) -> Iterator[Decoded]:
        """Whole commits after a checkpoint: from the batch when it has them all, else from the event table.

        A parked stream has none. What there is no time for is left out, but never the first one.
        """
        delivered = batch.after(checkpoint)
        if delivered is not None:
            for parts in delivered:
                yield parts[-1], batch.events(parts, self._store)
        elif not (self._is_parked and self._is_parked(generation, batch.stream, checkpoint)):
            for parts in whole(self._store.commits(batch.stream, checkpoint)):
                yield parts[-1], _decode(parts, self._store)
                if not batch.more():
                    return

    def up_to(self, stream: StreamId, version: int) -> Iterator[tuple[Event, ...]]:
        """The events of each commit up to a version, from the event table."""
        for parts in whole(self._store.commits(stream)):
            if parts[-1].last > version:
                return
            yield _decode(parts, self._store)


class Projector(ABC, Generic[Start]):
    """Applies streams to one generation, by one rule: what follows the checkpoint is applied, the rest is skipped.

    Parameters
    ----------
    spread : Spread
        Whether the streams of a batch are worked on in turn, or several at a time.
    """

    lag_metric = "ProjectionLag"
    """Under which the time from a commit's recording to its being applied is reported, ms."""

    def __init__(
        self, generation: Generation, views: Views, source: CommitSource, clock: Clock, spread: Spread = in_turn
    ) -> None:
        self.generation = generation
        self._attributes = {"banyan.projection": str(generation)}
        self._views = views
        self._source = source
        self._clock = clock
        self._spread = spread

    @property
    def since(self) -> datetime:
        """What was recorded before is not looked for."""
        return BEGINNING_OF_TIME

    def checkpoints(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        """Versions up to which it applied streams; one batch read for up to 100."""
        return self._views.checkpoints(self.generation, streams)

    def project(self, batch: Sequence[StreamBatch]) -> list[StreamProgress]:
        """Apply a batch, stream by stream: one batch read, and one write for each stream that moves."""
        starts = self._starts([each.stream for each in batch])
        return self._spread(lambda each: self._advance(each, starts), batch)

    def waiting(self, limit: int | None = None) -> WaitingStreams:
        """Streams that wait for a retry, oldest first, without those that went on since they were parked.

        Parameters
        ----------
        limit : int, optional
            Parked streams to look at; up to 100 are one query and one batch read. If all of them went on, all are
            looked at.
        """
        parked = self._views.parked(self.generation, limit)
        reached = self.checkpoints([failure.stream for failure in parked]) if parked else {}
        failures = tuple(failure for failure in parked if failure.version > reached.get(failure.stream, 0))
        complete = len(parked) != limit
        return WaitingStreams(failures, complete) if failures or complete else self.waiting()

    @abstractmethod
    def _starts(self, streams: Sequence[StreamId]) -> Mapping[StreamId, Start]:
        """Where streams continue from; those that were never applied are left out."""

    @abstractmethod
    def _apply(self, batch: StreamBatch, start: Start | None) -> StreamProgress:
        """Apply one stream. Raises ``WriteConflict`` when it does not stand at its start any more."""

    def _advance(self, batch: StreamBatch, starts: Mapping[StreamId, Start]) -> StreamProgress:
        """Apply one stream; from where it stands then, as often as others move it meanwhile."""
        for _ in range(ATTEMPTS):
            try:
                return self._apply(batch, starts.get(batch.stream))
            except WriteConflict:
                starts = self._starts([batch.stream])
        raise StoreUnavailable("other writers keep moving a checkpoint: deliver the batch again")

    def _traced(self, batch: StreamBatch, events: Sequence[Event]) -> AbstractContextManager[str]:
        """The span of applying a commit, in the trace of its last event.

        What comes from the event table instead of a batch leaves none: a rebuild would repeat all history's.
        """
        if batch.from_table:
            return nullcontext("")
        return span("projection", events[-1].metadata.traceparent, self._attributes)


AnyProjector = Projector[Any]


@dataclass(slots=True)
class _Folded:
    """What becomes of one stream's row; ``None`` when there is nothing to write."""

    batch: StreamBatch
    checkpoint: int
    row: StateRow | None = None
    error: Exception | None = None

    def progress(self) -> StreamProgress:
        """How far the stream is once its row is written."""
        if self.row is None:
            return StreamProgress(self.batch.stream, self.checkpoint, error=self.error)
        return StreamProgress(self.batch.stream, self.row.version, self.row.recorded_at, self.error)


class StreamProjector(Projector[StateRow]):
    """Folds streams into the rows of a ``StreamProjection``."""

    def __init__(
        self,
        projection: AnyStreamProjection,
        generation: Generation,
        views: Views,
        source: CommitSource,
        clock: Clock,
        spread: Spread = in_turn,
    ) -> None:
        super().__init__(generation, views, source, clock, spread)
        self._projection = projection

    def project(self, batch: Sequence[StreamBatch]) -> list[StreamProgress]:
        """Apply a batch: one batch read, rows of new streams written together, and each other row by itself."""
        starts = self._starts([each.stream for each in batch])
        new = [each for each in batch if each.stream not in starts]
        together = new if len(new) > 1 else []
        others = [each for each in batch if each.stream in starts] if together else batch
        return self._insert(together) + self._spread(lambda each: self._advance(each, starts), others)

    def checkpoints(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        """Versions of rows; a row that cannot be gone on with counts as missing."""
        rows = self._starts(streams)
        return {stream: row.version for stream, row in rows.items() if current_state(self._projection, row) is not None}

    def _starts(self, streams: Sequence[StreamId]) -> Mapping[StreamId, StateRow]:
        return self._views.states(self.generation, streams)

    def _apply(self, batch: StreamBatch, start: StateRow | None) -> StreamProgress:
        folded = self._fold(batch, start)
        if folded.row is None:
            return folded.progress()
        try:
            self._views.put_state(self.generation, folded.row, start.version if start else 0)
        except Exception as unwritten:
            return StreamProgress(batch.stream, folded.checkpoint, error=own_error(unwritten))
        return folded.progress()

    def _insert(self, batch: Sequence[StreamBatch]) -> list[StreamProgress]:
        """Apply streams without a row; one that was refused starts again by itself."""
        folded = self._spread(lambda each: self._fold(each, None), batch)
        refused = self._refused([each.row for each in folded if each.row])
        starts = self._starts(list(refused)) if refused else {}
        return [
            self._advance(each.batch, starts) if each.batch.stream in refused else each.progress() for each in folded
        ]

    def _refused(self, rows: Sequence[StateRow]) -> Collection[StreamId]:
        """Write new rows together, and return the streams of those that are to be written by themselves."""
        try:
            return set(self._views.insert_states(self.generation, rows)) if rows else ()
        except StoreUnavailable:
            raise
        except Exception:
            return {row.stream for row in rows}

    def _fold(self, batch: StreamBatch, start: StateRow | None) -> _Folded:
        """The row after the last commit that could be folded in, and why the next one could not."""
        kept = current_state(self._projection, start) if start else None
        state = self._projection.initial() if kept is None else kept
        folded = _Folded(batch, start.version if start and kept is not None else 0)
        reached: Commit | None = None
        try:
            for commit, events in self._source.after(self.generation, batch, folded.checkpoint):
                with self._traced(batch, events):
                    state = reduce(self._projection.evolve, events, state)
                reached = commit
        except Exception as error:
            folded.error = own_error(error)
        if reached:
            self._make_row(folded, reached, state)
        return folded

    def _make_row(self, folded: _Folded, reached: Commit, state: Any) -> None:
        try:
            folded.row = state_row(self._projection, reached, state, self._clock())
        except Exception as error:
            folded.error = own_error(error)


@dataclass(slots=True)
class _Plan:
    """What one stream asks of a view: slices of commits whose rows fit into one transaction."""

    batch: StreamBatch
    checkpoint: int
    slices: list[list[tuple[Commit, Sequence[RowWrite]]]] = field(default_factory=list)
    keys: set[ViewKey] = field(default_factory=set)
    """Rows of the last slice."""
    error: Exception | None = None

    def add(self, commit: Commit, writes: Sequence[RowWrite]) -> None:
        keys = row_keys(commit.stream.tenant, writes)
        if len(keys) > MAX_ROWS:
            raise ValueError(f"a commit writes {len(keys)} rows of a view, one transaction holds {MAX_ROWS}")
        if self.slices and len(self.keys | keys) <= MAX_ROWS:
            self.slices[-1].append((commit, writes))
            self.keys |= keys
        else:
            self.slices.append([(commit, writes)])
            self.keys = keys

    def updates(self) -> Iterator[ViewUpdate]:
        version = self.checkpoint
        for piece in self.slices:
            commit, _ = piece[-1]
            reached = commit.last
            writes = [of_commit for _, of_commit in piece]
            yield ViewUpdate(self.batch.stream, version, reached, commit.recorded_at, writes)
            version = reached

    def progress(self) -> StreamProgress:
        """How far the stream is once everything is written."""
        if not self.slices:
            return StreamProgress(self.batch.stream, self.checkpoint, error=self.error)
        commit, _ = self.slices[-1][-1]
        return StreamProgress(self.batch.stream, commit.last, commit.recorded_at, self.error)


class ViewProjector(Projector[int]):
    """Moves streams through a ``ViewProjection``."""

    def __init__(
        self,
        projection: ViewProjection,
        generation: Generation,
        views: Views,
        source: CommitSource,
        clock: Clock,
        spread: Spread = in_turn,
    ) -> None:
        super().__init__(generation, views, source, clock, spread)
        self._projection = projection

    def project(self, batch: Sequence[StreamBatch]) -> list[StreamProgress]:
        """Apply a batch: one batch read, and as few transactions as its rows fit into."""
        reached = self._starts([each.stream for each in batch])
        plans = self._spread(lambda each: self._plan(each, reached.get(each.stream, 0)), batch)
        short = [plan for plan in plans if len(plan.slices) <= 1]
        done = [progress for pack in _packs(short) for progress in self._write(pack)]
        return done + [self._advance(plan.batch, reached) for plan in plans if len(plan.slices) > 1]

    def _starts(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        return self._views.checkpoints(self.generation, streams)

    def _plan(self, batch: StreamBatch, checkpoint: int) -> _Plan:
        plan = _Plan(batch, checkpoint)
        try:
            for commit, events in self._source.after(self.generation, batch, checkpoint):
                with self._traced(batch, events):
                    plan.add(commit, [write for event in events for write in self._projection.apply(event)])
        except Exception as error:
            plan.error = own_error(error)
        return plan

    def _write(self, pack: Sequence[_Plan]) -> list[StreamProgress]:
        """One transaction for the whole pack, or stream by stream when it is refused."""
        updates = [update for plan in pack for update in plan.updates()]
        try:
            if updates:
                self._views.update(self.generation, updates, self._clock())
        except StoreUnavailable:
            raise
        except Exception:
            starts = self._starts([plan.batch.stream for plan in pack])
            return [self._advance(plan.batch, starts) for plan in pack]
        return [plan.progress() for plan in pack]

    def _apply(self, batch: StreamBatch, start: int | None) -> StreamProgress:
        plan = self._plan(batch, start or 0)
        done = StreamProgress(batch.stream, plan.checkpoint)
        for update in plan.updates():
            try:
                self._views.update(self.generation, [update], self._clock())
            except Exception as error:
                return replace(done, error=own_error(error))
            done = StreamProgress(batch.stream, update.to_version, update.recorded_at)
        return replace(done, error=plan.error)


def _packs(plans: Iterable[_Plan]) -> Iterator[list[_Plan]]:
    """Plans of at most one slice, together within what one transaction holds."""
    pack: list[_Plan] = []
    keys: set[ViewKey] = set()
    for plan in plans:
        if pack and len(pack) + 1 + len(keys | plan.keys) > MAX_TRANSACTION_ITEMS:
            yield pack
            pack, keys = [], set()
        pack.append(plan)
        keys = keys | plan.keys
    if pack:
        yield pack


def group_by_stream(commits: Iterable[Commit], from_table: Collection[StreamId] = ()) -> list[StreamBatch]:
    """Group a batch by stream, in whatever order and however often its commits came."""
    by_stream: dict[StreamId, dict[int, Commit]] = defaultdict(dict)
    for commit in commits:
        by_stream[commit.stream][commit.position] = commit
    for stream in from_table:
        by_stream.setdefault(stream, {})
    return [
        StreamBatch(stream, tuple(found[position] for position in sorted(found)), stream in from_table)
        for stream, found in by_stream.items()
    ]


def own_error(error: Exception) -> Exception:
    """The same error, if it is the stream's own; any other is raised: no stream is to blame for it.

    Of what the database refuses, only an item it cannot hold is the stream's own.
    """
    if isinstance(error, StoreUnavailable | WriteConflict):
        raise error
    return error


def _decode(parts: Iterable[Commit], store: StreamReader) -> tuple[Event, ...]:
    return tuple(event for part in parts for event in store.decode(part))
