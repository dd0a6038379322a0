"""Applying batches of commits, whatever order, duplicates and losses their delivery has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from banyan.decider import AnyDecider
from banyan.errors import BanyanError, ConfigurationError
from banyan.projections.base import Projection, ViewProjection
from banyan.projections.controls import CachedStates, MemoryStates
from banyan.projections.projector import (
    AnyProjector,
    CommitSource,
    Everything,
    Parking,
    StreamBatch,
    StreamProgress,
    group_by_stream,
    read_from_table,
)
from banyan.projections.retries import Breaker, FailedStream, PauseSwitch, Retries, RetryPolicy, check_systemic
from banyan.projections.snapshotter import Snapshotter
from banyan.projections.state import ProjectionState
from banyan.projections.stream_projector import StreamProjector
from banyan.projections.view_projector import ViewProjector
from banyan.projections.views import UNNOTED, FailureRecord, Generation, Views
from banyan.store import Commit, EventStore
from banyan.store.eventstore import Clock
from banyan.store.reader import StreamReader
from banyan.streams import StreamId

Taken = Callable[[Sequence[StreamBatch]], None]


MILLISECOND: Final = timedelta(milliseconds=1)


Projector = StreamProjector | ViewProjector


class StreamProcessor:
    """Lets subscriptions take streams in.

    A stream's commits are taken in when they follow its checkpoint, skipped when they lie behind it, and read
    from the event table when something is missing between. A commit lost at the end of a stream is made up
    for by the next one, by ``retry`` or by ``CatchUp``. Every generation that is not being dropped is kept up;
    a subscription that is paused, and a stream that is parked, are passed over.

    Parameters
    ----------
    subscriptions : Sequence[Subscription]
    store : EventStore
    views : Views
    controls : CachedStates, optional
        Of the subscriptions; unless given, nothing is ever paused or rebuilt.
    retry_policy : RetryPolicy
    taken : Callable[[Sequence[StreamBatch]], None]
        Called with each batch behind its taking in.
    """

    def __init__(
        self,
        subscriptions: Sequence[Subscription],
        store: EventStore,
        views: Views,
        controls: CachedStates | None,
        retry_policy: RetryPolicy,
        taken: Taken = lambda _: None,
    ) -> None:
        controls = controls or CachedStates(MemoryStates(), [each.name for each in subscriptions], 0)
        failures = Retries(views, retry_policy, on_parked=self._check_breaker)
        self.projectors = Projectors(subscriptions, store, failures, controls)
        self.batches = BatchRunner(failures, retry_policy)
        self._breaker = Breaker(views, PauseSwitch(controls, retry_policy), retry_policy.breaker_parked_streams)
        self._taken = taken

    def project(self, commits: Iterable[Commit], from_table: Collection[StreamId] = ()) -> frozenset[StreamId]:
        """Take in a batch.

        Parameters
        ----------
        commits : Iterable[Commit]
        from_table : Collection[StreamId]
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
        batch = group_by_stream(commits, from_table)
        again = self.batches.run(self._shares(batch))
        self._taken(batch)
        return again

    def retry(self, name: str, stream: StreamId) -> FailureRecord | None:
        """Let a parked stream go on, from the event table; also brings any other stream up to date.

        Returns
        -------
        FailureRecord or None
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

    def _shares(self, batch: Sequence[StreamBatch]) -> Iterator[Share]:
        """What each projector takes, as the controls say when its turn comes: a batch may take long."""
        for name in self.projectors.names:
            running = self.projectors.running(name)
            yield from self._own(running, batch) if running else ()

    def _own(self, running: Running, batch: Sequence[StreamBatch]) -> Iterator[Share]:
        for projector in running.projectors:
            own = [delivery for delivery in batch if running.takes(projector, delivery.stream)]
            if own:
                yield projector, own

    def _check_breaker(self, generation: Generation, failure: FailureRecord) -> None:
        live = self.projectors.of(generation.projection)[0]
        if live.generation == generation:
            self._breaker.check(live, failure)


class ProjectionProcessor(StreamProcessor):
    """Keeps read models equal to a fold over the event table.

    Parameters
    ----------
    store : EventStore
    views : Views
    projections : Sequence[Projection]
    deciders : Sequence[Decider]
        Their streams get snapshots.
    controls : CachedStates, optional
        As in ``StreamProcessor``.
    snapshot_interval : int
        Events between two snapshots of a stream.
    retry_policy : RetryPolicy
    """

    def __init__(
        self,
        store: EventStore,
        views: Views,
        projections: Sequence[Projection],
        deciders: Sequence[AnyDecider] = (),
        *,
        controls: CachedStates | None = None,
        snapshot_interval: int = 100,
        retry_policy: RetryPolicy | None = None,
    ) -> None:
        retry_policy = retry_policy or RetryPolicy()
        subscriptions = [ProjectionSubscription(projection, views, retry_policy.clock) for projection in projections]
        snapshots = Snapshotter(store, deciders, snapshot_interval, retry_policy.telemetry)
        super().__init__(subscriptions, store, views, controls, retry_policy, snapshots.take)


Share = tuple[AnyProjector, Sequence[StreamBatch]]


class BatchRunner:
    """Runs projectors over batches; streams that fail are tried again and then parked, each alone.

    Parameters
    ----------
    failures : Retries
    retry_policy : RetryPolicy
    """

    def __init__(self, failures: Retries, retry_policy: RetryPolicy) -> None:
        self._failures = failures
        self._clock = retry_policy.clock
        self._telemetry = retry_policy.telemetry

    def run(self, shares: Iterable[Share]) -> frozenset[StreamId]:
        """Let each projector take in its share, all of them before any is judged.

        Returns
        -------
        frozenset[StreamId]
            Streams to deliver again; those parked are not among them.

        Raises
        ------
        BatchFailed, StoreUnavailable
            Everything is to be delivered again; nothing was parked.
        """
        try:
            again = self._failures.record(self._setbacks(shares))
        except BanyanError:
            self._telemetry.count("BatchFailures")
            raise
        if again:
            self._telemetry.count("BatchFailures")
        return again

    def heal(self, projector: AnyProjector, streams: Collection[StreamId], among: int) -> int:
        """Bring streams up to date from the event table, until each of them is, or is parked.

        Parameters
        ----------
        projector : AnyProjector
        streams : Collection[StreamId]
        among : int
            Streams that were looked at, those that needed nothing included; only when more than half of them
            fail it is not their events' fault.

        Returns
        -------
        int
            How many of them moved.

        Raises
        ------
        BatchFailed, StoreUnavailable
        """
        moved, pending = set(), frozenset(streams)
        while pending:
            outcomes = projector.project([read_from_table(stream) for stream in sorted(pending)])
            moved |= {outcome.stream for outcome in outcomes if outcome.recorded_at}
            failed = self._settle(projector, outcomes)
            check_systemic(failed, among)
            pending = self._failures.record(failed)
        return len(moved)

    def retry(self, projector: AnyProjector, stream: StreamId) -> FailureRecord | None:
        """Try a stream once from the event table, parked or not; why it is parked again, if it is."""
        failed = self._settle(projector, projector.project([read_from_table(stream)]))
        if failed:
            return self._failures.park(failed[0])
        self._failures.forget(projector.generation, stream)
        return None

    def _setbacks(self, shares: Iterable[Share]) -> list[FailedStream]:
        results = [(self._settle(projector, projector.project(batch)), len(batch)) for projector, batch in shares]
        for failed, streams in results:
            check_systemic(failed, streams)
        return [each for failed, _ in results for each in failed]

    def _settle(self, projector: AnyProjector, outcomes: Sequence[StreamProgress]) -> list[FailedStream]:
        now = self._clock()
        for outcome in outcomes:
            if outcome.recorded_at:
                self._telemetry.duration(projector.lag_metric, (now - outcome.recorded_at) / MILLISECOND)
                self._failures.moved(projector.generation, outcome.stream)
        return [FailedStream(projector.generation, o.stream, o.version + 1, o.error) for o in outcomes if o.error]


class Subscription(Protocol):
    """Takes streams in under a name, with cursors of its own: a projection, or the reactor."""

    @property
    def name(self) -> str:
        """Of its control and its cursors."""

    @property
    def version(self) -> int | None:
        """Of the rows it makes; ``None`` when it makes none."""

    def reads(self, stream: StreamId) -> bool:
        """Whether it takes a stream in at all."""

    def projector(self, generation: Generation, source: CommitSource) -> AnyProjector:
        """What takes streams into one generation."""


@dataclass(frozen=True, slots=True)
class ProjectionSubscription:
    """The subscription of a projection."""

    projection: Projection
    views: Views
    clock: Clock

    @property
    def name(self) -> str:
        """As in ``Subscription``."""
        return self.projection.name

    @property
    def version(self) -> int | None:
        """As in ``Subscription``."""
        return self.projection.version

    def reads(self, stream: StreamId) -> bool:
        """As in ``Subscription``: streams of its entity."""
        return stream.entity == self.projection.entity

    def projector(self, generation: Generation, source: CommitSource) -> AnyProjector:
        """As in ``Subscription``."""
        return make_projector(self.projection, generation, self.views, source, self.clock)


def make_projector(
    projection: Projection, generation: Generation, views: Views, source: CommitSource, clock: Clock
) -> Projector:
    """What takes streams into one generation of a projection, by the checkpoint rule."""
    if isinstance(projection, ViewProjection):
        return ViewProjector(projection, generation, views, source, clock)
    return StreamProjector(projection, generation, views, source, clock)


@dataclass(frozen=True, slots=True)
class Running:
    """A subscription that is not paused, and the projectors of its generations, the live one first."""

    control: ProjectionState
    projectors: Sequence[AnyProjector]

    def takes(self, projector: AnyProjector, stream: StreamId) -> bool:
        """Whether a projector of it takes a stream in."""
        return projector.reads(stream) and stream not in self.control.parked


class Projectors:
    """The projectors of some subscriptions, as the controls say at the moment.

    Parameters
    ----------
    subscriptions : Iterable[Subscription]
    store : StreamReader
    parking : Parking
    controls : CachedStates
        Of all the subscriptions, at least.
    """

    def __init__(
        self, subscriptions: Iterable[Subscription], store: StreamReader, parking: Parking, controls: CachedStates
    ) -> None:
        self._subscriptions = {subscription.name: subscription for subscription in subscriptions}
        self._patient, self._insistent = CommitSource(store, parking), CommitSource(store, Everything())
        self._controls = controls

    @property
    def names(self) -> Sequence[str]:
        """Of all the subscriptions."""
        return tuple(self._subscriptions)

    def running(self, name: str) -> Running | None:
        """A subscription, unless it is paused. Raises ``StoreUnavailable``."""
        control = self._controls.get()[name]
        return None if control.pause else Running(control, self.of(name))

    def version(self, name: str) -> int | None:
        """The version that a subscription declares."""
        return self._subscriptions[name].version

    def note_version(self, name: str, made_before: Callable[[Generation], bool]) -> None:
        """Remember which version of a projection made its first generation. Raises ``StoreUnavailable``.

        One that was ``made_before`` versions were noted counts as ``UNNOTED``, as its rows do.
        """
        version, control = self.version(name), self._controls.get()[name]
        if version is not None and control.noted(version) != control:
            made_by = UNNOTED if made_before(control.generation()) else version
            self._controls.change(name, lambda seen: seen.noted(made_by))

    def of(self, name: str, *, insistent: bool = False) -> list[AnyProjector]:
        """The projectors of a subscription, paused or not, the live one first.

        Parameters
        ----------
        name : str
        insistent : bool
            Whether they also take parked streams in.

        Raises
        ------
        ConfigurationError
            There is no such subscription.
        StoreUnavailable
        """
        self.check(name)
        source = self._insistent if insistent else self._patient
        generations = self._controls.get()[name].written()
        return [self._subscriptions[name].projector(generation, source) for generation in generations]

    def check(self, name: str, stream: StreamId | None = None) -> None:
        """Refuse what is no subscription, or does not read a stream. Raises ``ConfigurationError``."""
        found = self._subscriptions.get(name)
        if found is None or (stream and not found.reads(stream)):
            of = f" of {stream.entity!r} streams" if stream else ""
            raise ConfigurationError(f"there is no projection {name!r}{of}")
