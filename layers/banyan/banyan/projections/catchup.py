"""Catching up: finding the streams that are behind through the log of all commits, and healing them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice, takewhile
from typing import Final

from banyan.errors import BatchFailed, StoreUnavailable
from banyan.projections.checkpoints import LogCheckpoints
from banyan.projections.processor import BatchRunner, Projectors, Running
from banyan.projections.projector import AnyProjector
from banyan.projections.state import Stage
from banyan.projections.views import Generation
from banyan.store import EventStore, LogEntry
from banyan.store.eventstore import Clock
from banyan.streams import StreamId
from banyan.telemetry import Telemetry

MARGIN: Final = timedelta(minutes=2)
"""Longer than writers' clocks differ, a write is tried again and the index of the log lags, all together."""

ENTRIES_AT_ONCE: Final = 500

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What catching up did to one generation.

    Parameters
    ----------
    generation : Generation
    commits : int
        Entries of the log that were looked at.
    healed : int
        Streams that were behind and moved.
    complete : bool
        Whether the end of the log was reached; if not, the next run goes on where this one ended.
    error : str, optional
        What stopped it before its time was over.
    """

    generation: Generation
    commits: int = 0
    healed: int = 0
    complete: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True)
class CatchUpTask:
    """One projector that is to catch up.

    Parameters
    ----------
    projector : AnyProjector
    takes : Callable[[StreamId], bool]
        Whether it takes a stream in now.
    since : datetime
        Where it begins in a bucket without a checkpoint.
    """

    projector: AnyProjector
    takes: Callable[[StreamId], bool]
    since: datetime


class LogCatchUp:
    """Walks the log bucket by bucket, and heals every stream whose checkpoint lies before what it finds.

    A checkpoint is kept for each bucket as the walk goes on, so a run that ends early costs a repeat of at most
    ``ENTRIES_AT_ONCE`` entries. Streams that fail are tried again and parked as in any batch.

    Parameters
    ----------
    store : EventStore
    batches : BatchRunner
    checkpoints : LogCheckpoints
    clock : Callable[[], datetime]
    telemetry : Telemetry
    """

    def __init__(
        self,
        store: EventStore,
        batches: BatchRunner,
        checkpoints: LogCheckpoints,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._store = store
        self._batches = batches
        self._checkpoints = checkpoints
        self._clock = clock
        self._telemetry = telemetry

    def attempt(self, task: CatchUpTask, until: datetime | None, deadline: datetime) -> CaughtUp:
        """As ``run``, but an error is counted and reported, not raised."""
        try:
            report = self.run(task, until, deadline)
        except (BatchFailed, StoreUnavailable) as error:
            self._telemetry.count("CatchUpFailures")
            report = CaughtUp(task.projector.generation, error=f"{type(error).__name__}: {error}")
        if report.healed:
            self._telemetry.count("StreamsHealed", report.healed)
        _logger.info("caught up", extra={"report": str(report)})
        return report

    def run(self, task: CatchUpTask, until: datetime | None, deadline: datetime) -> CaughtUp:
        """Catch up with what was recorded until a moment, or with everything there is.

        Parameters
        ----------
        task : CatchUpTask
        until : datetime, optional
        deadline : datetime
            No part of the log but the first is begun after it.

        Raises
        ------
        BatchFailed, StoreUnavailable
            What was done before is kept.
        """
        generation, buckets = task.projector.generation, range(self._store.table.buckets)
        known = self._checkpoints.get(generation, buckets)
        settled = self._clock() - MARGIN
        report = CaughtUp(generation)
        for bucket in buckets:
            begin = known.get(bucket, task.since)
            for entries in _chunks(_upto(self._store.log(bucket, begin), until)):
                if report.commits and self._clock() >= deadline:
                    return report
                healed = self._heal(task, entries)
                report = replace(report, commits=report.commits + len(entries), healed=report.healed + healed)
                self._checkpoints.put(generation, bucket, min(entries[-1].recorded_at, settled))
            self._checkpoints.put(generation, bucket, min(until or settled, settled))
        return replace(report, complete=True)

    def has_begun(self, generation: Generation) -> bool:
        """Whether any run has walked a part of the log for a generation. Raises ``StoreUnavailable``."""
        return bool(self._checkpoints.get(generation, range(self._store.table.buckets)))

    def _heal(self, task: CatchUpTask, entries: Sequence[LogEntry]) -> int:
        newest = {entry.stream: entry.position for entry in entries if task.takes(entry.stream)}
        reached = task.projector.checkpoints(list(newest))
        behind = [stream for stream, position in newest.items() if reached.get(stream, 0) < position]
        return self._batches.heal(task.projector, behind, len(newest))


class CatchUp:
    """Brings the projections of a domain up to date where the delivery did not.

    Generations under construction are left alone, as their rebuild catches up by itself.

    Parameters
    ----------
    projectors : Projectors
    log : LogCatchUp
    clock : Callable[[], datetime]
    """

    def __init__(self, projectors: Projectors, log: LogCatchUp, clock: Clock) -> None:
        self._projectors = projectors
        self._log = log
        self._clock = clock

    def everything(self, deadline: datetime) -> list[CaughtUp]:
        """Catch up, in every projection that is not paused, with what should have been delivered by now."""
        until = self._clock() - MARGIN
        return [report for name in self._projectors.names for report in self._attempts(name, until, deadline)]

    def projection(self, name: str, deadline: datetime) -> list[CaughtUp]:
        """Catch up with everything there is, in one projection, unless it is paused."""
        return self._attempts(name, None, deadline)

    def _attempts(self, name: str, until: datetime | None, deadline: datetime) -> list[CaughtUp]:
        self._projectors.note_version(name, self._log.has_begun)
        running = self._projectors.running(name)
        return [self._log.attempt(task, until, deadline) for task in _tasks(running)] if running else []


def _tasks(running: Running) -> Iterator[CatchUpTask]:
    for projector in running.projectors:
        info = running.control.info(projector.generation.number)
        if info.stage is not Stage.BUILDING:
            yield CatchUpTask(
                projector, partial(running.takes, projector), max(info.started_at - MARGIN, projector.since)
            )


def _upto(entries: Iterable[LogEntry], until: datetime | None) -> Iterator[LogEntry]:
    return takewhile(lambda entry: until is None or entry.recorded_at <= until, entries)


def _chunks(entries: Iterator[LogEntry]) -> Iterator[list[LogEntry]]:
    while chunk := list(islice(entries, ENTRIES_AT_ONCE)):
        yield chunk
