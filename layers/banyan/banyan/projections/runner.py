"""Taking batches of commits in, whatever order, duplicates and losses their delivery has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from banyan.decider import AnyDecider
from banyan.projections.base import Projection
from banyan.projections.batch import Delivery, deliveries
from banyan.projections.breaker import Breaker
from banyan.projections.conditions import Conditions
from banyan.projections.controls import CachedControls, MemoryControls
from banyan.projections.failures import Failures
from banyan.projections.pausing import Pausing
from banyan.projections.projectors import Projectors, Running, Subscribed, Subscription
from banyan.projections.running import BatchRunner, Share
from banyan.projections.snapshotter import Snapshotter
from banyan.projections.views import Failure, Generation, Views
from banyan.store import Commit, EventStore
from banyan.streams import StreamId

Taken = Callable[[Sequence[Delivery]], None]


class Runner:
    """Lets subscriptions take streams in.

    A stream's commits are taken in when they follow its watermark, skipped when they lie behind it, and read
    from the event table when something is missing between. A commit lost at the end of a stream is made up
    for by the next one, by ``retry`` or by ``CatchUp``. Every generation that is not being dropped is kept up;
    a subscription that is paused, and a stream that is parked, are passed over.

    Parameters
    ----------
    subscriptions : Sequence[Subscription]
    store : EventStore
    views : Views
    controls : CachedControls, optional
        Of the subscriptions; unless given, nothing is ever paused or rebuilt.
    conditions : Conditions
    taken : Callable[[Sequence[Delivery]], None]
        Called with each batch behind its taking in.
    """

    def __init__(
        self,
        subscriptions: Sequence[Subscription],
        store: EventStore,
        views: Views,
        controls: CachedControls | None,
        conditions: Conditions,
        taken: Taken = lambda _: None,
    ) -> None:
        controls = controls or CachedControls(MemoryControls(), [each.name for each in subscriptions], 0)
        failures = Failures(views, conditions, on_parked=self._check_breaker)
        self.projectors = Projectors(subscriptions, store, failures, controls)
        self.batches = BatchRunner(failures, conditions)
        self._breaker = Breaker(views, Pausing(controls, conditions), conditions.breaker_parked_streams)
        self._taken = taken

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
        self._taken(batch)
        return again

    def retry(self, name: str, stream: StreamId) -> Failure | None:
        """Let a parked stream go on, from the event table; also brings any other stream up to date.

        Returns
        -------
        Failure or None
            Why it is parked again, if it is; of several generations that fail, in the live one.

        Raises
        ------
        ConfigurationError
            There is no such subscription.
        StoreUnavailable
        """
        self.projectors.check(name, stream)
        tried = [self.batches.retry(each, stream) for each in self.projectors.of(name, insistent=True)]
        return next(filter(None, tried), None)

    def _shares(self, batch: Sequence[Delivery]) -> Iterator[Share]:
        """What each projector takes, as the controls say when its turn comes: a batch may take long."""
        for name in self.projectors.names:
            running = self.projectors.running(name)
            yield from self._own(running, batch) if running else ()

    def _own(self, running: Running, batch: Sequence[Delivery]) -> Iterator[Share]:
        for projector in running.projectors:
            own = [delivery for delivery in batch if running.takes(projector, delivery.stream)]
            if own:
                yield projector, own

    def _check_breaker(self, generation: Generation, failure: Failure) -> None:
        live = self.projectors.of(generation.projection)[0]
        if live.generation == generation:
            self._breaker.check(live, failure)


class ProjectionRunner(Runner):
    """Keeps read models equal to a fold over the event table.

    Parameters
    ----------
    store : EventStore
    views : Views
    projections : Sequence[Projection]
    deciders : Sequence[Decider]
        Their streams get snapshots.
    controls : CachedControls, optional
        As in ``Runner``.
    snapshot_interval : int
        Events between two snapshots of a stream.
    conditions : Conditions
    """

    def __init__(
        self,
        store: EventStore,
        views: Views,
        projections: Sequence[Projection],
        deciders: Sequence[AnyDecider] = (),
        *,
        controls: CachedControls | None = None,
        snapshot_interval: int = 100,
        conditions: Conditions | None = None,
    ) -> None:
        conditions = conditions or Conditions()
        subscriptions = [Subscribed(projection, views, conditions.clock) for projection in projections]
        snapshots = Snapshotter(store, deciders, snapshot_interval, conditions.telemetry)
        super().__init__(subscriptions, store, views, controls, conditions, snapshots.take)
