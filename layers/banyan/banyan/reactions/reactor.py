"""The reactor: lets effects act on every commit, in the order of its stream, however the delivery goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import timedelta
from typing import Final

from banyan.errors import BanyanError, ConfigurationError
from banyan.projections.batch import Delivery, deliveries
from banyan.projections.failures import Failures, Setback, check_systemic
from banyan.projections.projecting import Outcome, Source
from banyan.projections.views import Failure, Generation, Views
from banyan.reactions.beginning import Beginning
from banyan.reactions.effects import Effect
from banyan.reactions.progress import Progress
from banyan.store import Commit, EventStore
from banyan.store.eventstore import Clock, utc_now
from banyan.streams import RESERVED_TENANTS, StreamId
from banyan.telemetry import NoTelemetry, Telemetry

REACTOR: Final = Generation("reactor")
MILLISECOND: Final = timedelta(milliseconds=1)


class Reactor:
    """Takes each stream's commits in the order of their versions and lets every effect act on them.

    Cursors, gaps and failing streams are treated as in a projection. What was recorded before the reactor's
    ``Beginning`` is history and has no effects; the engine's own streams have none either.

    Parameters
    ----------
    store : EventStore
    views : Views
        Keeps the cursors.
    effects : Sequence[Effect]
        Each acts on a commit before the next one does.
    max_retries : int
        Attempts after the first one before a failing stream is parked.
    backoff_ms : int
        Wait after the first failure, ms; doubles with each.
    clock : Callable[[], datetime]
    sleep : Callable[[float], None]
        Seconds.
    telemetry : Telemetry
    """

    def __init__(
        self,
        store: EventStore,
        views: Views,
        effects: Sequence[Effect],
        *,
        max_retries: int = 3,
        backoff_ms: int = 200,
        clock: Clock = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._clock = clock
        self._telemetry = telemetry or NoTelemetry()
        self._failures = Failures(views, max_retries, backoff_ms, clock, sleep, self._telemetry)
        beginning = Beginning(REACTOR, views, clock)
        self._progress = Progress(REACTOR, views, Source(store, self._failures), effects, beginning, clock)

    def project(self, commits: Iterable[Commit], damaged: Collection[StreamId] = ()) -> frozenset[StreamId]:
        """Take in a batch; parameters, answer and errors as in ``ProjectionRunner``."""
        batch = [each for each in deliveries(commits, damaged) if each.stream.tenant not in RESERVED_TENANTS]
        try:
            setbacks = self._settle(self._progress.project(batch))
            check_systemic(setbacks, len(batch))
            again = self._failures.record(setbacks)
        except BanyanError:
            self._telemetry.count("BatchFailures")
            raise
        if again:
            self._telemetry.count("BatchFailures")
        return again

    def retry(self, projection: str, stream: StreamId) -> Failure | None:
        """Let a parked stream go on, from the event table; as in ``ProjectionRunner``, under the name ``reactor``."""
        if projection != REACTOR.projection:
            raise ConfigurationError(f"there is no projection {projection!r} here, but {REACTOR.projection!r}")
        self._failures.unpark(REACTOR, stream)
        setbacks = self._settle(self._progress.project([Delivery(stream, (), damaged=True)]))
        if setbacks:
            return self._failures.park(setbacks[0])
        self._failures.moved(REACTOR, stream)
        return None

    def _settle(self, outcomes: Sequence[Outcome]) -> list[Setback]:
        now = self._clock()
        for outcome in outcomes:
            if outcome.recorded_at:
                self._telemetry.duration("ReactionLag", (now - outcome.recorded_at) / MILLISECOND)
                self._failures.moved(REACTOR, outcome.stream)
        return [Setback(REACTOR, o.stream, o.version + 1, o.error) for o in outcomes if o.error]
