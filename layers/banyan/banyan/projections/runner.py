"""Projecting batches of commits, whatever order, duplicates and losses their delivery has."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import timedelta

from banyan.decider import AnyDecider
from banyan.errors import BanyanError, ConfigurationError
from banyan.projections.base import Projection
from banyan.projections.batch import Delivery, deliveries
from banyan.projections.failures import Failures, Setback, check_systemic
from banyan.projections.projecting import Outcome, Source
from banyan.projections.projectors import Projector, make_projector
from banyan.projections.snapshotter import Snapshotter
from banyan.projections.views import Failure, Generation, Views
from banyan.store import Commit, EventStore
from banyan.store.eventstore import Clock, utc_now
from banyan.streams import StreamId
from banyan.telemetry import NoTelemetry, Telemetry

MILLISECOND = timedelta(milliseconds=1)


class ProjectionRunner:
    """Keeps read models equal to a fold over the event table.

    A stream's commits are taken in when they follow its watermark, skipped when they lie behind it, and read
    from the event table when something is missing between. A commit lost at the end of a stream is made up
    for by the next one, or by ``resume``.

    Parameters
    ----------
    store : EventStore
    views : Views
    projections : Sequence[Projection]
    deciders : Sequence[Decider]
        Their streams get snapshots.
    max_retries : int
        Attempts after the first one before a failing stream is parked.
    backoff_ms : int
        Wait after the first failure, ms; doubles with each.
    snapshot_interval : int
        Events between two snapshots of a stream.
    clock : Callable[[], datetime]
    sleep : Callable[[float], None]
        Seconds.
    telemetry : Telemetry
    """

    def __init__(
        self,
        store: EventStore,
        views: Views,
        projections: Sequence[Projection],
        deciders: Sequence[AnyDecider] = (),
        *,
        max_retries: int = 3,
        backoff_ms: int = 200,
        snapshot_interval: int = 100,
        clock: Clock = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._clock = clock
        self._telemetry = telemetry or NoTelemetry()
        self._failures = Failures(views, max_retries, backoff_ms, clock, sleep, self._telemetry)
        self._snapshots = Snapshotter(store, deciders, snapshot_interval, self._telemetry)
        source = Source(store, self._failures)
        self._projectors = {p.name: make_projector(p, Generation(p.name), views, source, clock) for p in projections}

    def project(self, commits: Iterable[Commit], damaged: Collection[StreamId] = ()) -> frozenset[StreamId]:
        """Take in a batch.

        Parameters
        ----------
        commits : Iterable[Commit]
        damaged : Collection[StreamId]
            Streams with a record that could not be read; they are read from the event table.

        Returns
        -------
        frozenset[StreamId]
            Streams whose commits must be delivered again. When it returns, they may be tried at once.

        Raises
        ------
        BatchFailed, StoreUnavailable
            The whole batch must be delivered again; nothing was parked.
        """
        batch = deliveries(commits, damaged)
        try:
            again = self._failures.record(self._run(batch))
        except BanyanError:
            self._telemetry.count("BatchFailures")
            raise
        self._snapshots.take(batch)
        if again:
            self._telemetry.count("BatchFailures")
        return again

    def resume(self, projection: str, stream: StreamId) -> Failure | None:
        """Let a parked stream go on, from the event table; also brings any other stream up to date.

        Returns
        -------
        Failure or None
            Why it is parked again, if it is.

        Raises
        ------
        ConfigurationError
            There is no such projection.
        StoreUnavailable
        """
        projector = self._projectors.get(projection)
        if projector is None or projector.entity != stream.entity:
            raise ConfigurationError(f"there is no projection {projection!r} of {stream.entity!r} streams")
        self._failures.unpark(projector.generation, stream)
        setbacks = self._settle(projector, projector.project([Delivery(stream, (), damaged=True)]))
        if setbacks:
            return self._failures.park(setbacks[0])
        self._failures.moved(projector.generation, stream)
        return None

    def _run(self, batch: Sequence[Delivery]) -> list[Setback]:
        """Run every projection, before any of them is judged."""
        results = []
        for projector in self._projectors.values():
            own = [delivery for delivery in batch if delivery.stream.entity == projector.entity]
            if own:
                results.append((self._settle(projector, projector.project(own)), len(own)))
        for setbacks, streams in results:
            check_systemic(setbacks, streams)
        return [setback for setbacks, _ in results for setback in setbacks]

    def _settle(self, projector: Projector, outcomes: Sequence[Outcome]) -> list[Setback]:
        now = self._clock()
        for outcome in outcomes:
            if outcome.recorded_at:
                self._telemetry.duration("ProjectionLag", (now - outcome.recorded_at) / MILLISECOND)
                self._failures.moved(projector.generation, outcome.stream)
        return [Setback(projector.generation, o.stream, o.version + 1, o.error) for o in outcomes if o.error]
