"""What projecting a stream has in common for every kind of projection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from botocore.exceptions import ClientError

from banyan import tracing
from banyan.errors import StoreUnavailable
from banyan.events import Event
from banyan.projections.batch import Delivery
from banyan.projections.views import Generation, WatermarkMoved
from banyan.store import Commit
from banyan.store.reader import StreamReader, whole
from banyan.streams import StreamId

REDO_ATTEMPTS: Final = 6
INVALID: Final = "ValidationException"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far a stream came.

    Parameters
    ----------
    stream : StreamId
    version : int
        Its watermark now.
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

    def parked(self, generation: Generation, stream: StreamId, watermark: int) -> bool:
        """Whether a stream is not to be read behind its watermark."""


class Everything:
    """Leaves no stream alone."""

    def parked(self, generation: Generation, stream: StreamId, watermark: int) -> bool:  # noqa: ARG002
        """As in ``Parking``."""
        return False


class Source:
    """Reads what a stream holds behind a watermark.

    Parameters
    ----------
    store : StreamReader
    failures : Parking
    """

    def __init__(self, store: StreamReader, failures: Parking) -> None:
        self._store = store
        self._failures = failures

    def behind(
        self, generation: Generation, delivery: Delivery, watermark: int
    ) -> Iterator[tuple[Commit, tuple[Event, ...]]]:
        """Whole commits behind a watermark, each with its events; a split commit as its last part.

        They come from the delivery when it has them all, else from the event table; a parked stream has none.
        """
        for parts in whole(self._pending(generation, delivery, watermark)):
            yield parts[-1], tuple(event for part in parts for event in self._store.decode(part))

    def _pending(self, generation: Generation, delivery: Delivery, watermark: int) -> Iterable[Commit]:
        delivered = delivery.behind(watermark)
        if delivered is not None:
            return delivered
        if self._failures.parked(generation, delivery.stream, watermark):
            return ()
        return self._store.commits(delivery.stream, watermark)


def caught(action: Callable[[], None]) -> Exception | None:
    """The error of an action, if it is the stream's own; others are raised.

    Of what the database refuses, only an item it cannot hold is the stream's own.
    """
    try:
        action()
    except (StoreUnavailable, WatermarkMoved):
        raise
    except ClientError as error:
        if error.response["Error"]["Code"] != INVALID:
            raise
        return error
    except Exception as error:
        return error
    return None


def traced(generation: Generation, delivery: Delivery, events: Sequence[Event]) -> AbstractContextManager[str]:
    """The span of taking a commit in, in the trace of its last event.

    What comes from the event table instead of a delivery leaves none: a rebuild would repeat all history's.
    """
    if delivery.damaged:
        return nullcontext("")
    return tracing.span("projection", events[-1].metadata.traceparent, {"banyan.projection": str(generation)})


def until_settled(attempt: Callable[[], Outcome]) -> Outcome:
    """Repeat an attempt that reads the watermark anew, as long as somebody else moves it meanwhile.

    Raises
    ------
    StoreUnavailable
        When it never settles.
    """
    for _ in range(REDO_ATTEMPTS):
        try:
            return attempt()
        except WatermarkMoved:
            continue
    raise StoreUnavailable("other writers keep moving a watermark: deliver the batch again")
