"""What all projectors have in common: which commits a stream still lacks, and starting over after a conflict."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from banyan import tracing
from banyan.errors import StoreUnavailable
from banyan.events import Event
from banyan.projections.views import FailureRecord, Generation, Views, WriteConflict
from banyan.store import Commit
from banyan.store.eventstore import Clock
from banyan.store.reader import StreamReader, whole
from banyan.streams import BEGINNING_OF_TIME, StreamId

ATTEMPTS: Final = 7

Start = TypeVar("Start")
"""What a stream goes on from: its row, or its checkpoint."""

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
    """

    stream: StreamId
    commits: tuple[Commit, ...] = ()
    from_table: bool = False
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

        A parked stream has none.
        """
        delivered = batch.after(checkpoint)
        if delivered is not None:
            for parts in delivered:
                yield parts[-1], batch.events(parts, self._store)
        elif not (self._is_parked and self._is_parked(generation, batch.stream, checkpoint)):
            for parts in whole(self._store.commits(batch.stream, checkpoint)):
                yield parts[-1], _decode(parts, self._store)


class Projector(ABC, Generic[Start]):
    """Applies streams to one generation, by one rule: what follows the checkpoint is applied, the rest is skipped."""

    lag_metric = "ProjectionLag"
    """Under which the time from a commit's recording to its being applied is reported, ms."""

    def __init__(self, generation: Generation, views: Views, source: CommitSource, clock: Clock) -> None:
        self.generation = generation
        self._attributes = {"banyan.projection": str(generation)}
        self._views = views
        self._source = source
        self._clock = clock

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
        return [self._advance(each, starts) for each in batch]

    def waiting(self) -> list[FailureRecord]:
        """Streams that wait for a retry, oldest first, without those that went on since they were parked."""
        parked = self._views.parked(self.generation)
        reached = self.checkpoints([failure.stream for failure in parked]) if parked else {}
        return [failure for failure in parked if failure.version > reached.get(failure.stream, 0)]

    @abstractmethod
    def _starts(self, streams: Sequence[StreamId]) -> Mapping[StreamId, Start]:
        """Where streams go on from; those that were never applied are left out."""

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
        return tracing.span("projection", events[-1].metadata.traceparent, self._attributes)


AnyProjector = Projector[Any]


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
