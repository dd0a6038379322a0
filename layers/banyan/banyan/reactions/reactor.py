"""The reactor: lets effects act on every commit, in the order of its stream, however the delivery goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

from banyan.errors import ConfigurationError
from banyan.notices import Notices
from banyan.projections.batch import deliveries
from banyan.projections.failures import Failures
from banyan.projections.projecting import Everything, Source
from banyan.projections.running import BatchRunner
from banyan.projections.views import Failure, Generation, Views
from banyan.reactions.beginning import Beginning
from banyan.reactions.effects import Effect
from banyan.reactions.projector import EffectProjector
from banyan.store import Commit, EventStore
from banyan.store.eventstore import Clock, utc_now
from banyan.streams import StreamId
from banyan.telemetry import NoTelemetry, Telemetry

REACTOR: Final = Generation("reactor")


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
    notices : Notices
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
        notices: Notices | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        telemetry = telemetry or NoTelemetry()
        failures = Failures(views, max_retries, backoff_ms, clock, sleep, telemetry, notices=notices)
        beginning = Beginning(REACTOR, views, clock)
        self.projector = EffectProjector(REACTOR, views, Source(store, failures), effects, beginning, clock)
        self._insistent = EffectProjector(REACTOR, views, Source(store, Everything()), effects, beginning, clock)
        self.batches = BatchRunner(failures, clock, telemetry, lambda ms: telemetry.duration("ReactionLag", ms))

    def project(self, commits: Iterable[Commit], damaged: Collection[StreamId] = ()) -> frozenset[StreamId]:
        """Take in a batch; parameters, answer and errors as in ``ProjectionRunner``."""
        batch = [each for each in deliveries(commits, damaged) if self.projector.reads(each.stream)]
        return self.batches.run([(self.projector, batch)])

    def retry(self, projection: str, stream: StreamId) -> Failure | None:
        """Let a parked stream go on, from the event table; as in ``ProjectionRunner``, under the name ``reactor``."""
        if projection != REACTOR.projection:
            raise ConfigurationError(f"there is no projection {projection!r} here, but {REACTOR.projection!r}")
        return self.batches.retry(self._insistent, stream)
