"""What every kind of projector has in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from banyan import tracing
from banyan.errors import StoreUnavailable
from banyan.events import Event
from banyan.projections.views import FailureRecord, Generation, Views, WriteConflict
from banyan.store import Commit
from banyan.store.reader import StreamReader, whole
from banyan.streams import StreamId

REDO_ATTEMPTS: Final = 6


INVALID: Final = "ValidationException"


@dataclass(frozen=True, slots=True)
class StreamProgress:
    """How far a stream came.

    Parameters
    ----------
    stream : StreamId
    version : int
        Its checkpoint now.
    recorded_at : datetime, optional
        When the last event taken in was recorded; ``None`` when nothing was.
    error : Exception, optional
        Why it did not come further.
    """

    stream: StreamId
    version: int
    recorded_at: datetime | None = None
    error: Exception | None = None


class Parking(Protocol):
    """Knows the streams that wait for somebody to retry them."""

    def parked(self, generation: Generation, stream: StreamId, checkpoint: int) -> bool:
        """Whether a stream is not to be read behind its checkpoint."""


class Everything:
    """Leaves no stream alone."""

    def parked(self, generation: Generation, stream: StreamId, checkpoint: int) -> bool:  # noqa: ARG002
        """As in ``Parking``."""
        return False


class CommitSource:
    """Reads what a stream holds behind a checkpoint.

    Parameters
    ----------
    store : StreamReader
    failures : Parking
    """

    def __init__(self, store: StreamReader, failures: Parking) -> None:
        self._store = store
        self._failures = failures

    def behind(
        self, generation: Generation, delivery: StreamBatch, checkpoint: int
    ) -> Iterator[tuple[Commit, tuple[Event, ...]]]:
        """Whole commits behind a checkpoint, each with its events; a split commit as its last part.

        They come from the delivery when it has them all, else from the event table; a parked stream has none.
        """
        for parts in whole(self._pending(generation, delivery, checkpoint)):
            yield parts[-1], tuple(event for part in parts for event in self._store.decode(part))

    def _pending(self, generation: Generation, delivery: StreamBatch, checkpoint: int) -> Iterable[Commit]:
        delivered = delivery.behind(checkpoint)
        if delivered is not None:
            return delivered
        if self._failures.parked(generation, delivery.stream, checkpoint):
            return ()
        return self._store.commits(delivery.stream, checkpoint)


def caught(action: Callable[[], None]) -> Exception | None:
    """The error of an action, if it is the stream's own; others are raised.

    Of what the database refuses, only an item it cannot hold is the stream's own.
    """
    try:
        action()
    except (StoreUnavailable, WriteConflict):
        raise
    except Exception as error:
        response = getattr(error, "response", None)
        if response and response["Error"]["Code"] != INVALID:
            raise
        return error
    return None


def traced(generation: Generation, delivery: StreamBatch, events: Sequence[Event]) -> AbstractContextManager[str]:
    """The span of taking a commit in, in the trace of its last event.

    What comes from the event table instead of a delivery leaves none: a rebuild would repeat all history's.
    """
    if delivery.from_table:
        return nullcontext("")
    return tracing.span("projection", events[-1].metadata.traceparent, {"banyan.projection": str(generation)})


def until_settled(attempt: Callable[[], StreamProgress]) -> StreamProgress:
    """Repeat an attempt that reads the checkpoint anew, as long as somebody else moves it meanwhile.

    Raises
    ------
    StoreUnavailable
        When it never settles.
    """
    for _ in range(REDO_ATTEMPTS):
        try:
            return attempt()
        except WriteConflict:
            continue
    raise StoreUnavailable("other writers keep moving a checkpoint: deliver the batch again")


@dataclass(frozen=True, slots=True)
class StreamBatch:
    """What a batch brought of one stream.

    Parameters
    ----------
    stream : StreamId
    commits : tuple[Commit, ...]
        Oldest first, each once.
    from_table : bool
        A record of this stream could not be read: only the event table knows what it said.
    """

    stream: StreamId
    commits: tuple[Commit, ...]
    from_table: bool = False

    def behind(self, checkpoint: int) -> tuple[Commit, ...] | None:
        """Commits behind a checkpoint, without a gap and none by half, or ``None`` when some are missing."""
        pending = tuple(commit for commit in self.commits if commit.last > checkpoint)
        whole = not pending or pending[-1].part == pending[-1].parts
        return pending if whole and not self.from_table and _follow_on(checkpoint, pending) else None


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


def _follow_on(checkpoint: int, commits: Iterable[Commit]) -> bool:
    for commit in commits:
        if commit.position != checkpoint + 1:
            return False
        checkpoint = commit.last
    return True


class AnyProjector(Protocol):
    """Takes streams in by the checkpoint rule, under cursors of its own."""

    generation: Generation
    lag_metric: str
    """Under which the time from a commit's recording to its taking in is reported, ms."""

    @property
    def since(self) -> datetime:
        """What was recorded before is not looked for."""

    def reads(self, stream: StreamId) -> bool:
        """Whether it takes a stream in at all."""

    def checkpoints(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        """Versions up to which it took streams in; one batch read for up to 100."""

    def project(self, batch: Sequence[StreamBatch]) -> list[StreamProgress]:
        """Take in deliveries; one outcome for each."""


def read_from_table(stream: StreamId) -> StreamBatch:
    """A delivery that leaves it to the event table what a stream holds."""
    return StreamBatch(stream, (), from_table=True)


def waiting(views: Views, projector: AnyProjector) -> list[FailureRecord]:
    """Streams that wait for a retry, oldest first; one that a process took in without knowing of it is over."""
    parked = views.parked(projector.generation)
    reached = projector.checkpoints([failure.stream for failure in parked]) if parked else {}
    return [failure for failure in parked if failure.version > reached.get(failure.stream, 0)]
