"""The stream processor: applies batches of commits, whatever order, duplicates and losses their delivery has."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from banyan.decider import AnyDecider
from banyan.errors import BanyanError, ConfigurationError, ProjectionStateChanged, TransitionRejected
from banyan.projections.base import Projection, RowsProjection, ViewProjection
from banyan.projections.projector import (
    AnyProjector,
    CommitSource,
    StreamBatch,
    StreamProgress,
    StreamProjector,
    ViewProjector,
    group_by_stream,
)
from banyan.projections.retries import (
    BREAKER,
    LONGEST_WAIT_SECONDS,
    FailedStream,
    Retries,
    RetryPolicy,
    check_systemic,
    pause,
)
from banyan.projections.rows_projector import RowsProjector
from banyan.projections.snapshotter import Snapshotter
from banyan.projections.state import CachedStates, GenerationInfo, ProjectionState, ProjectionStates
from banyan.projections.views import UNNOTED, FailureRecord, Generation, Views
from banyan.spread import Spread, in_turn
from banyan.store import Commit, EventStore
from banyan.store.eventstore import Clock
from banyan.store.reader import StreamReader
from banyan.streams import StreamId
from banyan.text import counted

MILLISECOND: Final = timedelta(milliseconds=1)
FEWEST_AT_ONCE: Final = 5
STREAMS_AT_ONCE: Final = 25
"""Streams that are caught up with before the clock is looked at again: few at first, fewer where they take long."""
LONG_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Subscription:
    """Applies streams under a name, with checkpoints of its own: a projection, or the reactor.

    Parameters
    ----------
    name : str
        Of its state and its checkpoints.
    version : int, optional
        Of the rows it makes; ``None`` when it makes none.
    reads : Callable[[StreamId], bool]
        Whether it applies a stream at all.
    projector : Callable[[Generation, CommitSource], Projector]
        What applies streams to one generation.
    """

    name: str
    version: int | None
    reads: Callable[[StreamId], bool]
    projector: Callable[[Generation, CommitSource], AnyProjector]


def subscribed(projection: Projection, views: Views, clock: Clock) -> Subscription:
    """The subscription of a projection."""
    entities = projection.entities
    return Subscription(
        projection.name,
        projection.version,
        lambda stream: stream.entity in entities,
        partial(make_projector, projection, views, clock),
    )


def make_projector(
    projection: Projection,
    views: Views,
    clock: Clock,
    generation: Generation,
    source: CommitSource,
    spread: Spread = in_turn,
) -> AnyProjector:
    """What applies streams to one generation of a projection."""
    if isinstance(projection, ViewProjection):
        return ViewProjector(projection, generation, views, source, clock, spread)
    if isinstance(projection, RowsProjection):
        return RowsProjector(projection, generation, views, source, clock, spread)
    return StreamProjector(projection, generation, views, source, clock, spread)


@dataclass(frozen=True, slots=True)
class Running:
    """A subscription in one state, and the projectors of its generations, the live one first."""

    subscription: Subscription
    state: ProjectionState
    projectors: Sequence[AnyProjector]

    def applies(self, stream: StreamId) -> bool:
        """Whether a stream is applied now."""
        return self.subscription.reads(stream) and stream not in self.state.parked

    def info(self, projector: AnyProjector) -> GenerationInfo:
        """What is known about the generation of a projector."""
        return self.state.info(projector.generation.number)


class Projectors:
    """The projectors of some subscriptions, made once for each revision of their state.

    Parameters
    ----------
    states : CachedStates
        Of all the subscriptions, at least.
    """

    def __init__(
        self, subscriptions: Iterable[Subscription], store: StreamReader, retries: Retries, states: CachedStates
    ) -> None:
        self._subscriptions = {subscription.name: subscription for subscription in subscriptions}
        self._patient, self._insistent = CommitSource(store, retries.is_parked), CommitSource(store)
        self._states = states
        self._made: dict[str, Running] = {}

    @property
    def names(self) -> Sequence[str]:
        """Of all the subscriptions."""
        return tuple(self._subscriptions)

    def running(self, name: str) -> Running | None:
        """A subscription, unless it is paused. Raises ``StoreUnavailable``."""
        state = self._states.get()[name]
        return None if state.pause else self._current(state)

    def of(self, name: str) -> Sequence[AnyProjector]:
        """The projectors of a subscription, paused or not, the live one first.

        Raises
        ------
        ConfigurationError
            There is no such subscription.
        StoreUnavailable
        """
        self.check(name)
        return self._current(self._states.get()[name]).projectors

    def insistent(self, name: str) -> Sequence[AnyProjector]:
        """The same, but these also apply parked streams."""
        self.check(name)
        return self._make(self._states.get()[name], self._insistent)

    def reads(self, name: str, stream: StreamId) -> bool:
        """Whether a subscription applies a stream at all. Raises ``ConfigurationError`` when there is no such one."""
        self.check(name)
        return self._subscriptions[name].reads(stream)

    def version(self, name: str) -> int | None:
        """The version that a subscription declares."""
        return self._subscriptions[name].version

    def note_version(self, name: str, made_before: Callable[[Generation], bool]) -> None:
        """Remember which version of a projection made its first generation. Raises ``StoreUnavailable``.

        One that was ``made_before`` versions were noted counts as ``UNNOTED``, as its rows do.
        """
        version, state = self.version(name), self._states.get()[name]
        if version is not None and state.noted(version) != state:
            made_by = UNNOTED if made_before(state.generation()) else version
            self._states.change(name, lambda seen: seen.noted(made_by))

    def check(self, name: str, stream: StreamId | None = None) -> None:
        """Refuse what is not a subscription, or does not read a stream. Raises ``ConfigurationError``."""
        found = self._subscriptions.get(name)
        if found is None or (stream and not found.reads(stream)):
            of = f" of {stream.entity!r} streams" if stream else ""
            raise ConfigurationError(f"there is no projection {name!r}{of}")

    def _current(self, state: ProjectionState) -> Running:
        made = self._made.get(state.projection)
        if made is None or made.state != state:
            subscription = self._subscriptions[state.projection]
            made = self._made[state.projection] = Running(subscription, state, self._make(state, self._patient))
        return made

    def _make(self, state: ProjectionState, source: CommitSource) -> Sequence[AnyProjector]:
        projector = self._subscriptions[state.projection].projector
        return [projector(generation, source) for generation in state.written()]


class StreamProcessor:
    """Keeps subscriptions up to date with the event table.

    A stream's commits are applied when they follow its checkpoint, skipped when they lie before it, and read
    from the event table when something is missing between. A commit lost at the end of a stream is made up
    for by the next one, by ``retry`` or by ``CatchUp``. Every generation that is not being dropped is kept up;
    a subscription that is paused, and a stream that is parked, are passed over.

    Parameters
    ----------
    states : CachedStates, optional
        Of the subscriptions; unless given, nothing is ever paused or rebuilt.
    applied : Callable[[Sequence[StreamBatch]], None]
        Called with each batch once it is applied.
    """

    def __init__(
        self,
        subscriptions: Sequence[Subscription],
        store: EventStore,
        views: Views,
        states: CachedStates | None,
        policy: RetryPolicy,
        applied: Callable[[Sequence[StreamBatch]], None] = lambda _: None,
    ) -> None:
        self._states = states or CachedStates(ProjectionStates(), [each.name for each in subscriptions], 0)
        self._policy = policy
        self._retries = Retries(views, policy, on_parked=self._check_breaker)
        self.projectors = Projectors(subscriptions, store, self._retries, self._states)
        self._applied = applied

    def project(self, commits: Iterable[Commit], from_table: Collection[StreamId] = ()) -> frozenset[StreamId]:
        """Apply a batch: every projector its streams, before any failure is judged.

        Parameters
        ----------
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
        try:
            again = self._retry_later(self._project(batch))
        except BanyanError:
            self._policy.telemetry.count("BatchFailures")
            raise
        if again:
            self._policy.telemetry.count("BatchFailures")
        self._applied(batch)
        return again

    def catch_up(
        self,
        projector: AnyProjector,
        positions: Mapping[StreamId, int],
        among: int,
        remaining: Callable[[], float] = lambda: math.inf,
    ) -> tuple[int, Collection[StreamId]]:
        """Bring streams up to date from the event table, until each of them is, or is parked, or time runs out.

        Parameters
        ----------
        positions : Mapping[StreamId, int]
            What is missing of each stream, in the order in which they are tried.
        among : int
            Streams that were looked at, those that needed nothing included; only when more than half of them
            fail it is not their events' fault.
        remaining : Callable[[], float]
            Seconds that are left. However few, the first streams are tried, each by a commit at least.

        Returns
        -------
        tuple[int, Collection[StreamId]]
            How many of them moved, and those that still lag because time ran out.

        Raises
        ------
        BatchFailed, StoreUnavailable
        """
        moved, left, pending = set[StreamId](), set[StreamId](), list(positions)
        while pending:
            progress, untried = self._tried(projector, pending, remaining)
            advanced = {each.stream: each for each in progress if each.recorded_at}
            moved |= advanced.keys()
            left |= {s for s, each in advanced.items() if not each.error and each.version < positions[s]} | set(untried)
            failed = self._failed(projector, progress)
            pending = sorted(self._retry_later([(failed, among - len(untried))], remaining()))
            if remaining() <= 0:
                break
        return len(moved), left | set(pending)

    def _tried(
        self, projector: AnyProjector, streams: Sequence[StreamId], remaining: Callable[[], float]
    ) -> tuple[list[StreamProgress], Sequence[StreamId]]:
        """Try streams, some at a time, while there is time; how far they came, and those that were not tried."""
        progress: list[StreamProgress] = []
        tried, size, left = 0, FEWEST_AT_ONCE, remaining()
        while tried < len(streams) and (not tried or left > 0):
            portion = streams[tried : tried + size]
            batch = [StreamBatch(stream, from_table=True, more=lambda: remaining() > 0) for stream in portion]
            progress += projector.project(batch)
            tried, before, left = tried + len(portion), left, remaining()
            size = max(size // 2, 1) if before - left > LONG_SECONDS else min(2 * size, STREAMS_AT_ONCE)
        return progress, streams[tried:]

    def retry(self, name: str, stream: StreamId) -> FailureRecord | None:
        """Let a parked stream continue, from the event table; also brings any other stream up to date.

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
        tried = [self._retry(projector, stream) for projector in self.projectors.insistent(name)]
        return next(filter(None, tried), None)

    def _retry(self, projector: AnyProjector, stream: StreamId) -> FailureRecord | None:
        progress = projector.project([StreamBatch(stream, from_table=True)])
        failed = self._failed(projector, progress)
        if failed:
            return self._retries.park(failed[0])
        self._retries.forget(projector.generation, stream)
        return None

    def _project(self, batch: Sequence[StreamBatch]) -> list[tuple[list[FailedStream], int]]:
        """What failed in each projector, and of how many streams; all of them try before any failure is judged."""
        return [(self._failed(projector, projector.project(own)), len(own)) for projector, own in self._shares(batch)]

    def _shares(self, batch: Sequence[StreamBatch]) -> Iterator[tuple[AnyProjector, Sequence[StreamBatch]]]:
        """What each projector applies, as the states say when its turn comes: a batch may take long."""
        for name in self.projectors.names:
            running = self.projectors.running(name)
            own = [each for each in batch if running.applies(each.stream)] if running else []
            for projector in running.projectors if running and own else ():
                yield projector, own

    def _failed(self, projector: AnyProjector, progress: Sequence[StreamProgress]) -> list[FailedStream]:
        """Streams that could not be projected; of those that moved, the lag is reported and no failure remembered."""
        now, generation = self._policy.clock(), projector.generation
        for each in progress:
            if each.recorded_at:
                self._policy.telemetry.duration(projector.lag_metric, (now - each.recorded_at) / MILLISECOND)
                if (generation, each.stream) in self._retries.known:
                    self._retries.moved(generation, each.stream)
        return [FailedStream(generation, each.stream, each.version + 1, each.error) for each in progress if each.error]

    def _retry_later(
        self, results: Sequence[tuple[list[FailedStream], int]], longest_wait: float = LONGEST_WAIT_SECONDS
    ) -> frozenset[StreamId]:
        """Blame the streams, unless most of a projector's failed; those to try again once this returns."""
        failed = [each for of_projector, _ in results for each in of_projector]
        if not failed:
            return frozenset()
        for of_projector, streams in results:
            check_systemic(of_projector, streams)
        return self._retries.record(failed, longest_wait)

    def _check_breaker(self, generation: Generation, failure: FailureRecord) -> None:
        """Pause a projection when too many streams of its live generation are parked: it is not the events' fault.

        The one just parked is counted by itself, as an index may not show it yet.
        """
        live = self.projectors.of(generation.projection)[0]
        if live.generation != generation:
            return
        parked = {known.stream for known in live.waiting().failures} | {failure.stream}
        if len(parked) > self._policy.breaker_parked_streams:
            reason = f"{counted(len(parked), 'stream')} parked, the last with {failure.error}"
            with suppress(TransitionRejected, ProjectionStateChanged):
                pause(self._states, self._policy, generation.projection, reason, BREAKER)


class ProjectionProcessor(StreamProcessor):
    """Keeps read models equal to a fold over the event table.

    Parameters
    ----------
    deciders : Sequence[Decider]
        Their streams get snapshots.
    snapshot_interval : int
        Events between two snapshots of a stream.
    """

    def __init__(
        self,
        store: EventStore,
        views: Views,
        projections: Sequence[Projection],
        deciders: Sequence[AnyDecider] = (),
        *,
        states: CachedStates | None = None,
        snapshot_interval: int = 100,
        retry_policy: RetryPolicy | None = None,
    ) -> None:
        policy = retry_policy or RetryPolicy()
        subscriptions = [subscribed(projection, views, policy.clock) for projection in projections]
        snapshots = Snapshotter(store, deciders, snapshot_interval, policy.telemetry)
        super().__init__(subscriptions, store, views, states, policy, snapshots.take)
