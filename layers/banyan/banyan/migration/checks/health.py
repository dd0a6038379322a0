"""Whether a migration is healthy and what its next step waits for: for those who move it and for those who ask."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import ConfigDict

from banyan.errors import StoreUnavailable
from banyan.events import CamelModel
from banyan.migration.archive.tables import ArchiveStage
from banyan.migration.checks.usage import UsageReport
from banyan.migration.checks.verification import UNKNOWN, RowDifference
from banyan.migration.phases.aggregate import MigrationState, Phase, SpelledPhase, Step, ladder
from banyan.migration.writes.parked import HalfDone, Owner
from banyan.migration.writes.primary import Primary
from banyan.streams import StreamId

if TYPE_CHECKING:
    from banyan.migration.migration import Migration


CAUTION: Final = 2
"""A migration moves on only below half of the limits above which it moves back."""
COUNTED: Final = 1000
SHOWN: Final = 100
JUDGED: Final = frozenset({Phase.DUAL_WRITE, Phase.CANARY})


@dataclass(frozen=True, slots=True)
class Limits:
    """When to move.

    Parameters
    ----------
    stable : timedelta
        How long a step must have been healthy.
    samples : int
        How many reads must have been compared.
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
        """The step after a step; ``None`` after the last."""
        return next((each for each in ladder(self.steps) if each.place > step.place), None)


class MigrationHealth(CamelModel):
    """What a decision is based on.

    Parameters
    ----------
    lag_ms : int
        Of read models and of the side that follows, whichever is longer.
    half_done : int
        Writes that one side does not have yet.
    parked : int
        Rows among them that are parked.
    unaligned : bool
        Whether a row is not known to its stream.
    differences : tuple[RowDifference, ...]
        Some rows that are not what their streams say, or that these lack.
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
        yield "some rows are not what their streams say"


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


class HalfDoneWrite(CamelModel):
    """A write that one side does not have yet, and who completes it."""

    stream: StreamId
    version: int
    since: datetime
    age_ms: int
    owner: Owner


class ParkedWrite(CamelModel):
    """A row that cannot be brought up to date: what it lacks is tried again every minute, and by whom."""

    model_config: ClassVar[ConfigDict] = ConfigDict(from_attributes=True)

    stream: StreamId
    owner: Owner
    reason: str
    since: datetime


class By(StrEnum):
    """Who makes a step."""

    CONTROLLER = "controller"
    OPERATOR = "operator"


class NextStep(CamelModel):
    """The next step forward, who makes it, and what it waits for."""

    step: Step
    by: By
    waits_for: tuple[str, ...]


class Standing(CamelModel):
    """Where a migration stands.

    Parameters
    ----------
    percentage : int
        Share of reads that the read models answer, %.
    since : datetime, optional
        When it got there.
    moving_to : Step, optional
        The step it is on its way to, while the primary changes.
    held : str
        Why it did not move when it last might have.
    """

    entity: str
    phase: SpelledPhase
    percentage: int
    leader: Primary
    since: datetime | None
    moving_to: Step | None
    held: str


class Overview(Standing):
    """Where a migration stands, how it does, and what it waits for.

    Parameters
    ----------
    health : MigrationHealth, optional
        While both sides are written.
    half_done : tuple[HalfDoneWrite, ...]
        The oldest ``SHOWN``.
    parked : tuple[ParkedWrite, ...]
        The oldest ``SHOWN``.
    quiet : UsageReport, optional
        Since when no use of the legacy system was seen, once its writes are off.
    """

    health: MigrationHealth | None
    half_done: tuple[HalfDoneWrite, ...]
    parked: tuple[ParkedWrite, ...]
    quiet: UsageReport | None
    next: NextStep | None


class Observer:
    """Looks at a migration, and changes nothing."""

    def __init__(self, migration: Migration) -> None:
        self._migration = migration
        self._limits = migration.limits
        self._clock = migration.clock

    def overview(self) -> Overview:
        """Where it stands; when the legacy system does not answer, that is what it waits for.

        Raises
        ------
        StoreUnavailable
            The event table or the migration table does not answer.
        """
        state, now = self._migration.phases.refreshed(), self._clock()
        parked = self._migration.parked_rows()
        quiet = self._migration.monitor.known() if state.step.phase is Phase.EVENT_STORE else None
        try:
            writes = self._migration.half_done(COUNTED) if state.step.phase in JUDGED else []
            waiting = {each.stream for each in writes} - {each.stream for each in parked}
            health = self._health(state, writes, waiting, now)
            reasons = tuple(self._reasons(state, health, quiet, now))
        except StoreUnavailable as error:
            writes, health, reasons = [], None, (str(error),)
        return Overview(
            **dict(self.standing(state)),
            health=health,
            half_done=tuple(_shown(each, now) for each in writes[:SHOWN]),
            parked=tuple(ParkedWrite.model_validate(each) for each in parked[:SHOWN]),
            quiet=quiet,
            next=self._next(state, reasons),
        )

    def standing(self, state: MigrationState) -> Standing:
        """Where it stands, as its events say."""
        return Standing(
            entity=self._migration.phases.entity,
            phase=state.step.phase,
            percentage=state.step.percentage,
            leader=state.primary,
            since=state.moved_at,
            moving_to=state.moving_to,
            held=state.deferred,
        )

    def next(self) -> Step | None:
        """The step after the one where it stands. Raises ``StoreUnavailable``."""
        return self._limits.next(self._migration.phases.refreshed().step)

    def _health(
        self, state: MigrationState, writes: Sequence[HalfDone], waiting: Collection[StreamId], now: datetime
    ) -> MigrationHealth | None:
        if state.step.phase not in JUDGED:
            return None
        lag = next((_milliseconds(now - each.since) for each in writes if each.stream in waiting), 0)
        return examined(self._migration, self._limits.since(state, now), lag, len(writes))

    def _next(self, state: MigrationState, reasons: tuple[str, ...]) -> NextStep | None:
        step = self._limits.next(state.step)
        if step is None:
            return None
        by = By.CONTROLLER if step.phase is Phase.CANARY else By.OPERATOR
        return NextStep(step=step, by=by, waits_for=reasons)

    def _reasons(
        self, state: MigrationState, health: MigrationHealth | None, quiet: UsageReport | None, now: datetime
    ) -> Iterator[str]:
        if health:
            yield from reasons_to_wait(state, health, self._limits, now)
        if state.step.phase is Phase.EVENT_STORE:
            yield from self._reasons_to_keep(quiet)

    def _reasons_to_keep(self, quiet: UsageReport | None) -> Iterator[str]:
        archive = self._migration.archives.progress()
        if quiet is None or quiet.looked_at - quiet.since < self._limits.quiet:
            yield f"the legacy system must not have been used for {self._limits.quiet}"
        if archive is None or archive.stage is not ArchiveStage.VERIFIED:
            yield "no archive was written and read back yet"


def _shown(write: HalfDone, now: datetime) -> HalfDoneWrite:
    age = _milliseconds(now - write.since)
    return HalfDoneWrite(stream=write.stream, version=write.version, since=write.since, age_ms=age, owner=write.owner)


def _milliseconds(age: timedelta) -> int:
    return max(0, round(age / timedelta(milliseconds=1)))
