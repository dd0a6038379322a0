"""Letting projectors take in batches, and judging what fails; which projectors there are is not decided here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from banyan.errors import BanyanError
from banyan.projections.batch import Delivery
from banyan.projections.conditions import Conditions
from banyan.projections.failures import Failures, Setback, check_systemic
from banyan.projections.projecting import Outcome
from banyan.projections.views import Failure, Generation, Views
from banyan.streams import StreamId

MILLISECOND: Final = timedelta(milliseconds=1)


class AnyProjector(Protocol):
    """Takes streams in by the watermark rule, under cursors of its own."""

    generation: Generation
    lag_metric: str
    """Under which the time from a commit's recording to its taking in is reported, ms."""

    @property
    def since(self) -> datetime:
        """What was recorded before is not looked for."""

    def reads(self, stream: StreamId) -> bool:
        """Whether it takes a stream in at all."""

    def watermarks(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        """Versions up to which it took streams in; one batch read for up to 100."""

    def project(self, batch: Sequence[Delivery]) -> list[Outcome]:
        """Take in deliveries; one outcome for each."""


Share = tuple[AnyProjector, Sequence[Delivery]]


class BatchRunner:
    """Runs projectors over batches; streams that fail are tried again and then parked, each alone.

    Parameters
    ----------
    failures : Failures
    conditions : Conditions
    """

    def __init__(self, failures: Failures, conditions: Conditions) -> None:
        self._failures = failures
        self._clock = conditions.clock
        self._telemetry = conditions.telemetry

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
            outcomes = projector.project([from_table(stream) for stream in sorted(pending)])
            moved |= {outcome.stream for outcome in outcomes if outcome.recorded_at}
            setbacks = self._settle(projector, outcomes)
            check_systemic(setbacks, among)
            pending = self._failures.record(setbacks)
        return len(moved)

    def retry(self, projector: AnyProjector, stream: StreamId) -> Failure | None:
        """Try a stream once from the event table, parked or not; why it is parked again, if it is."""
        setbacks = self._settle(projector, projector.project([from_table(stream)]))
        if setbacks:
            return self._failures.park(setbacks[0])
        self._failures.forget(projector.generation, stream)
        return None

    def _setbacks(self, shares: Iterable[Share]) -> list[Setback]:
        results = [(self._settle(projector, projector.project(batch)), len(batch)) for projector, batch in shares]
        for setbacks, streams in results:
            check_systemic(setbacks, streams)
        return [setback for setbacks, _ in results for setback in setbacks]

    def _settle(self, projector: AnyProjector, outcomes: Sequence[Outcome]) -> list[Setback]:
        now = self._clock()
        for outcome in outcomes:
            if outcome.recorded_at:
                self._telemetry.duration(projector.lag_metric, (now - outcome.recorded_at) / MILLISECOND)
                self._failures.moved(projector.generation, outcome.stream)
        return [Setback(projector.generation, o.stream, o.version + 1, o.error) for o in outcomes if o.error]


def from_table(stream: StreamId) -> Delivery:
    """A delivery that leaves it to the event table what a stream holds."""
    return Delivery(stream, (), damaged=True)


def waiting(views: Views, projector: AnyProjector) -> list[Failure]:
    """Streams that wait for a retry, oldest first; one that a process took in without knowing of it is over."""
    parked = views.parked(projector.generation)
    reached = projector.watermarks([failure.stream for failure in parked]) if parked else {}
    return [failure for failure in parked if failure.version > reached.get(failure.stream, 0)]
