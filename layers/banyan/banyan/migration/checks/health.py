"""Whether a migration is healthy, and what its next step waits for: for those who move it and for those who ask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from banyan.events import CamelModel
from banyan.migration.checks.verification import UNKNOWN, RowDifference
from banyan.migration.phases.aggregate import MigrationState
from banyan.migration.phases.steps import Phase, Step, ladder

if TYPE_CHECKING:
    from banyan.migration.migration import Migration

CAUTION: Final = 2
"""A migration moves on only below half of the limits above which it moves back."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When to move.

    Parameters
    ----------
    stable : timedelta
        How long a step must have been healthy.
    samples : int
        How many reads must have been compared.
    lag_ms : int
    mismatch_rate : float
        0 to 1.
    steps : Sequence[int]
        Shares of reads, %.
    rows : int
        How many rows one run compares with their streams.
    quiet : timedelta
        How long the legacy system must not have been used before the last step.
    """

    stable: timedelta = timedelta(hours=24)
    samples: int = 100
    lag_ms: int = 5000
    mismatch_rate: float = 0.01
    steps: Sequence[int] = field(default=(10, 25, 50, 100))
    rows: int = 500
    quiet: timedelta = timedelta(hours=24)

    def since(self, state: MigrationState, now: datetime) -> datetime:
        """Since when reads say something: what happened before the step, or longer ago than the window, does not."""
        window = now - self.stable
        return max(window, state.moved_at) if state.moved_at else window

    def next(self, step: Step) -> Step | None:
        """The step behind a step; ``None`` behind the last."""
        return next((each for each in ladder(self.steps) if each.place > step.place), None)


class MigrationHealth(CamelModel):
    """What a decision is based on.

    Parameters
    ----------
    compared, differing : int
    mismatch_rate : float
    lag_ms : int
        Of read models and of the side that follows, whichever is longer.
    half_done : int
        Writes that one side does not have yet.
    parked : int
        TableContent among them that stand in their own way.
    unaligned : bool
        Whether a row is not known to its stream.
    differences : tuple[RowDifference, ...]
        Some rows that their streams tell otherwise, or not at all.
    verified : bool
        Whether every row was compared with its stream since the step was made.
    """

    compared: int
    differing: int
    mismatch_rate: float
    lag_ms: int
    half_done: int
    parked: int = 0
    unaligned: bool
    differences: tuple[RowDifference, ...] = ()
    verified: bool = False


def examined(migration: Migration, since: datetime, lag_ms: int, half_done: int) -> MigrationHealth:
    """The health of a migration, whose reads count since a moment. Raises ``StoreUnavailable``."""
    state, passes = migration.phases.current(), migration.verification.known()
    samples = migration.samples.samples(state, since)
    differences = passes.current.differences if passes else ()
    return MigrationHealth(
        compared=samples.compared,
        differing=samples.differing,
        mismatch_rate=samples.mismatch_rate,
        lag_ms=max(samples.lag_ms, lag_ms),
        half_done=half_done,
        parked=len(migration.parked_rows()),
        unaligned=any(difference.what == UNKNOWN for difference in differences),
        differences=differences,
        verified=bool(passes and passes.proof(state.moved_at)),
    )


def trouble(health: MigrationHealth, limits: Limits, caution: int = 1) -> Iterator[str]:
    """What is above the limits, divided by ``caution``."""
    if health.lag_ms > limits.lag_ms / caution:
        yield "the lag is too long"
    if health.mismatch_rate > limits.mismatch_rate / caution:
        yield "too many reads differ"


def unsafe(health: MigrationHealth) -> Iterator[str]:
    """Why going back from the next step might lose something."""
    if health.parked:
        yield "some rows are parked: put them right"
    if health.half_done > health.parked:
        yield "some writes are half done"
    if health.unaligned:
        yield "some rows are not known to their streams: run the backfill"
    elif health.differences:
        yield "some rows are told otherwise by their streams"


def reasons_to_wait(state: MigrationState, health: MigrationHealth, limits: Limits, now: datetime) -> Iterator[str]:
    """Why going on would be too early, the most important first."""
    yield from unsafe(health)
    if state.moved_at and now - state.moved_at < limits.stable:
        yield "not stable for long enough"
    if state.step.phase is Phase.CANARY and health.compared < limits.samples:
        yield "too few reads were compared"
    yield from trouble(health, limits, CAUTION)
    if not health.verified:
        yield "not every row is compared with its stream yet"
