"""Projecting batches of commits, whatever order, duplicates and losses their delivery has."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from banyan.decider import AnyDecider
from banyan.notices import NoNotices, Notices
from banyan.projections.base import Projection
from banyan.projections.batch import Delivery, deliveries
from banyan.projections.breaker import Breaker
from banyan.projections.controls import CachedControls, MemoryControls
from banyan.projections.failures import Failures
from banyan.projections.pausing import Pausing
from banyan.projections.projecting import Everything, Source
from banyan.projections.projectors import Projectors
from banyan.projections.running import BatchRunner, Share
from banyan.projections.snapshotter import Snapshotter
from banyan.projections.views import Failure, Views
from banyan.store import Commit, EventStore
from banyan.store.eventstore import Clock, utc_now
from banyan.streams import StreamId
from banyan.telemetry import NoTelemetry, Telemetry


class ProjectionRunner:
    """Keeps read models equal to a fold over the event table.

    A stream's commits are taken in when they follow its watermark, skipped when they lie behind it, and read
    from the event table when something is missing between. A commit lost at the end of a stream is made up
    for by the next one, by ``retry`` or by ``CatchUp``. Every generation that is not being dropped is kept up;
    a projection that is paused, and a stream that is parked, are passed over.

    Parameters
    ----------
    store : EventStore
    views : Views
    projections : Sequence[Projection]
    deciders : Sequence[Decider]
        Their streams get snapshots.
    controls : CachedControls
        Of the projections; unless given, nothing is ever paused or rebuilt.
    max_retries : int
        Attempts after the first one before a failing stream is parked.
    backoff_ms : int
        Wait after the first failure, ms; doubles with each.
    breaker_parked_streams : int
        More parked streams than that pause their projection.
    snapshot_interval : int
        Events between two snapshots of a stream.
    clock : Callable[[], datetime]
    sleep : Callable[[float], None]
        Seconds.
    notices : Notices
    telemetry : Telemetry
    """

    def __init__(
        self,
        store: EventStore,
        views: Views,
        projections: Sequence[Projection],
        deciders: Sequence[AnyDecider] = (),
        *,
        controls: CachedControls | None = None,
        max_retries: int = 3,
        backoff_ms: int = 200,
        breaker_parked_streams: int = 10,
        snapshot_interval: int = 100,
        clock: Clock = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        notices: Notices | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        telemetry = telemetry or NoTelemetry()
        notices = notices or NoNotices()
        controls = controls or CachedControls(MemoryControls(), [projection.name for projection in projections], 0)
        breaker = Breaker(views, Pausing(controls, notices, telemetry, clock), controls, breaker_parked_streams)
        failures = Failures(
            views, max_retries, backoff_ms, clock, sleep, telemetry, notices=notices, on_parked=breaker.check
        )
        self._snapshots = Snapshotter(store, deciders, snapshot_interval, telemetry)
        self._everything = Source(store, Everything())
        self.projectors = Projectors(projections, views, Source(store, failures), clock, controls)
        self.batches = BatchRunner(failures, clock, telemetry, lambda ms: telemetry.duration("ProjectionLag", ms))

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
        again = self.batches.run(self._shares(batch))
        self._snapshots.take(batch)
        return again

    def retry(self, projection: str, stream: StreamId) -> Failure | None:
        """Let a parked stream go on, from the event table; also brings any other stream up to date.

        Returns
        -------
        Failure or None
            Why it is parked again, if it is; of several generations that fail, in the live one.

        Raises
        ------
        ConfigurationError
            There is no such projection.
        StoreUnavailable
        """
        self.projectors.named(projection, stream)
        tried = [self.batches.retry(each, stream) for each in self.projectors.of(projection, self._everything)]
        return next(filter(None, tried), None)

    def _shares(self, batch: Sequence[Delivery]) -> Iterator[Share]:
        for running in self.projectors.running():
            for projector in running.projectors:
                own = [delivery for delivery in batch if running.takes(projector, delivery.stream)]
                if own:
                    yield projector, own
