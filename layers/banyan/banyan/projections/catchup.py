"""Catching up: finding the streams that lag through the log of all commits, and applying what they lack."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from itertools import islice, takewhile
from typing import Final

from banyan.documents import Documents, Key, MemoryDocuments
from banyan.errors import BatchFailed, StoreUnavailable
from banyan.projections.processor import Running, StreamProcessor
from banyan.projections.projector import AnyProjector
from banyan.projections.state import Stage
from banyan.projections.views import Generation
from banyan.store import EventStore, LogEntry
from banyan.store.base import timestamp
from banyan.store.eventstore import Clock
from banyan.store.log import MARGIN
from banyan.telemetry import Telemetry

ENTRIES_AT_ONCE: Final = 500
FIRST_WALKED: Final = range(1)
"""Buckets that have a checkpoint as soon as any has one."""

_logger = logging.getLogger(__name__)


class LogCheckpoints:
    """A moment for each generation and bucket of the log. One that held once holds for ever, so none is guarded.

    Parameters
    ----------
    documents : Documents
        In memory unless given.
    """

    def __init__(self, documents: Documents | None = None) -> None:
        self._documents = documents or MemoryDocuments()

    def get(self, generation: Generation, buckets: Sequence[int]) -> Mapping[int, datetime]:
        """The moments there are; one batch read for up to 100. Raises ``StoreUnavailable``."""
        keys = {_key(generation, bucket): bucket for bucket in buckets}
        found = self._documents.get_many(list(keys))
        return {keys[key]: datetime.fromisoformat(text) for key, text in found.items()}

    def put(self, generation: Generation, bucket: int, moment: datetime) -> None:
        """Remember that what was recorded before a moment is applied. Raises ``StoreUnavailable``."""
        self._documents.put(_key(generation, bucket), timestamp(moment))


def _key(generation: Generation, bucket: int) -> Key:
    return Key("catchup", f"{generation}#{bucket}")


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What catching up did to one generation.

    Parameters
    ----------
    commits : int
        Entries of the log that were looked at.
    moved : int
        Streams that lagged and moved.
    complete : bool
        Whether the end of the log was reached; if not, the next run continues where this one ended.
    error : str, optional
        What stopped it before its time was over.
    """

    generation: Generation
    commits: int = 0
    moved: int = 0
    complete: bool = False
    error: str | None = None


class CatchUp:
    """Brings projections, or the reactor, up to date where the delivery did not.

    It walks the log bucket by bucket, and catches up every stream whose checkpoint lies before what it finds. A
    moment is kept for each bucket as the walk continues, so a run that is killed costs a repeat of at most
    ``ENTRIES_AT_ONCE`` entries; a bucket that is new to it is walked from its beginning. Streams
    that fail are tried again and parked as in any batch. Generations under construction are left alone, as their
    rebuild catches up by itself.

    A run ends at its deadline, but for one portion of streams that it has begun, and continues in the next run where it
    ended; even one that begins too late does a portion. Projections share the time that is left when their turn comes.
    """

    def __init__(
        self,
        processor: StreamProcessor,
        store: EventStore,
        checkpoints: LogCheckpoints,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._processor = processor
        self._store = store
        self._checkpoints = checkpoints
        self._clock = clock
        self._telemetry = telemetry

    def everything(self, deadline: datetime) -> list[CaughtUp]:
        """Catch up, in every projection that is not paused, with what should have been delivered by now."""
        until, time = self._clock() - MARGIN, _Time(self._clock, deadline)
        buckets = cache(self._store.log_buckets)
        reports: list[CaughtUp] = []
        names = self._processor.projectors.names
        for number, name in enumerate(names):
            time.share(len(names) - number)
            reports += self._attempts(name, until, time, buckets)
        return reports

    def projection(self, name: str, deadline: datetime) -> list[CaughtUp]:
        """Catch up with everything there is, in one projection, unless it is paused."""
        return self._attempts(name, None, _Time(self._clock, deadline), self._store.log_buckets)

    def _attempts(self, name: str, until: datetime | None, time: _Time, buckets: Callable[[], range]) -> list[CaughtUp]:
        self._processor.projectors.note_version(name, self._has_begun)
        running = self._processor.projectors.running(name)
        return [
            self._attempt(running, projector, until, time, buckets)
            for projector in (running.projectors if running else ())
            if running and running.info(projector).stage is not Stage.BUILDING
        ]

    def _has_begun(self, generation: Generation) -> bool:
        """Whether any run has walked a part of the log for a generation. Raises ``StoreUnavailable``."""
        return bool(self._checkpoints.get(generation, FIRST_WALKED))

    def _attempt(
        self,
        running: Running,
        projector: AnyProjector,
        until: datetime | None,
        time: _Time,
        buckets: Callable[[], range],
    ) -> CaughtUp:
        """Catch one generation up; an error is counted and reported, and what was done before it is kept."""
        try:
            report = self._walk(running, projector, until, time, buckets())
        except (BatchFailed, StoreUnavailable) as error:
            self._telemetry.count("CatchUpFailures")
            report = CaughtUp(projector.generation, error=f"{type(error).__name__}: {error}")
        if report.moved:
            self._telemetry.count("StreamsHealed", report.moved)
        _logger.info("caught up", extra={"report": str(report)})
        return report

    def _walk(
        self, running: Running, projector: AnyProjector, until: datetime | None, time: _Time, buckets: range
    ) -> CaughtUp:
        """Go through the log until a moment, or to its end, as far as there is time."""
        generation = projector.generation
        known = self._checkpoints.get(generation, buckets)
        since = max(running.info(projector).started_at - MARGIN, projector.since)
        settled = self._clock() - MARGIN
        report = CaughtUp(generation)
        for bucket in buckets:
            if time.is_over():
                return report
            for entries in _chunks(_upto(self._store.log(bucket, known.get(bucket, since)), until)):
                if time.is_over():
                    return report
                time.used = True
                moved, done = self._apply(running, projector, entries, time)
                report = replace(report, commits=report.commits + done, moved=report.moved + moved)
                reached = entries[min(done, len(entries) - 1)].recorded_at
                self._checkpoints.put(generation, bucket, min(reached, settled))
                if done < len(entries):
                    return report
            self._checkpoints.put(generation, bucket, min(until or settled, settled))
        return replace(report, complete=True)

    def _apply(
        self, running: Running, projector: AnyProjector, entries: Sequence[LogEntry], time: _Time
    ) -> tuple[int, int]:
        """How many streams moved, and before how many of the entries nothing lags any more."""
        newest = {entry.stream: entry.position for entry in entries if running.applies(entry.stream)}
        reached = projector.checkpoints(list(newest))
        lagging = {stream: position for stream, position in newest.items() if reached.get(stream, 0) < position}
        moved, left = self._processor.catch_up(projector, lagging, len(newest), time.remaining)
        return moved, sum(1 for _ in takewhile(lambda entry: entry.stream not in left, entries))


class _Time:
    """Time for a run."""

    def __init__(self, clock: Clock, deadline: datetime) -> None:
        self.used = False
        self._clock = clock
        self._deadline = self._until = deadline

    def share(self, among: int) -> None:
        """Leave the same time to each of several, the next of which begins now."""
        now = self._clock()
        self._until = now + (self._deadline - now) / among

    def remaining(self) -> float:
        """Seconds that are left; negative once it is over."""
        return (self._until - self._clock()).total_seconds()

    def is_over(self) -> bool:
        """Whether nothing more is to be begun; a run that has done nothing yet may begin, however late it is."""
        return self.used and self.remaining() <= 0


def _upto(entries: Iterable[LogEntry], until: datetime | None) -> Iterator[LogEntry]:
    return takewhile(lambda entry: until is None or entry.recorded_at <= until, entries)


def _chunks(entries: Iterator[LogEntry]) -> Iterator[list[LogEntry]]:
    while chunk := list(islice(entries, ENTRIES_AT_ONCE)):
        yield chunk
