"""Whether a migration is healthy and what its next step waits for: for those who move it and for those who ask."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import ConfigDict

from banyan.errors import StoreUnavailable
from banyan.events import CamelModel
from banyan.migration.archive.tables import ArchiveStage
from banyan.migration.checks.idle import known_work
from banyan.migration.checks.usage import UsageReport
from banyan.migration.checks.verification import UNKNOWN, RowDifference
from banyan.migration.phases.aggregate import MigrationState, Phase, SpelledPhase, Step, ladder, reachable
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
LAGGING: Final = "the lag is too long"
DIFFERING: Final = "too many reads differ"
UNKNOWN_ROWS: Final = "some rows are not known to their streams: run the backfill"


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

    def stated(self) -> StatedLimits:
        """As they are shown."""
        return StatedLimits(
            lag_ms=self.lag_ms,
            mismatch_rate=self.mismatch_rate,
            samples=self.samples,
            stable_seconds=self.stable.total_seconds(),
            quiet_seconds=self.quiet.total_seconds(),
        )

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


class ConditionUnit(StrEnum):
    """What a condition counts; a share is between 0 and 1."""

    ROWS = "rows"
    WRITES = "writes"
    READS = "reads"
    MILLISECONDS = "ms"
    SECONDS = "s"
    SHARE = "share"


class Condition(CamelModel):
    """Something that the next step waits for.

    Parameters
    ----------
    name : str
        What has to be, in a few words.
    reason : str
        What is said while it is not met.
    found : float, optional
        What counts, where it can be counted.
    least, most : float, optional
        What it must be; one of them, unless only yes or no can be said.
    """

    name: str
    met: bool
    reason: str
    unit: ConditionUnit | None = None
    found: float | None = None
    least: float | None = None
    most: float | None = None


def at_most(most: float, found: float, unit: ConditionUnit, name: str, reason: str) -> Condition:
    """A condition on something that must be small."""
    return Condition(name=name, met=found <= most, reason=reason, unit=unit, found=found, most=most)


def at_least(least: float, found: float, unit: ConditionUnit, name: str, reason: str) -> Condition:
    """A condition on something that must be large."""
    return Condition(name=name, met=found >= least, reason=reason, unit=unit, found=found, least=least)


def safety(health: MigrationHealth) -> Iterator[Condition]:
    """What has to be so that going back from the next step loses nothing."""
    waiting = max(0, health.half_done - health.parked)
    differ = UNKNOWN_ROWS if health.unaligned else "some rows are not what their streams say"
    yield at_most(0, health.parked, ConditionUnit.ROWS, "parked rows", "some rows are parked: put them right")
    yield at_most(0, waiting, ConditionUnit.WRITES, "half-done writes", "some writes are half done")
    yield at_most(0, len(health.differences), ConditionUnit.ROWS, "rows that differ from their streams", differ)


def conditions(state: MigrationState, health: MigrationHealth, limits: Limits, now: datetime) -> Iterator[Condition]:
    """What the next step waits for while both sides are written, the most important first."""
    yield from safety(health)
    stable, stood = limits.stable.total_seconds(), (now - (state.moved_at or now)).total_seconds()
    yield at_least(stable, stood, ConditionUnit.SECONDS, "time at this step", "not stable for long enough")
    if state.step.phase is Phase.CANARY:
        few = "too few reads were compared"
        yield at_least(limits.samples, health.compared, ConditionUnit.READS, "compared reads", few)
    lag, rate = limits.lag_ms / CAUTION, limits.mismatch_rate / CAUTION
    yield at_most(lag, health.lag_ms, ConditionUnit.MILLISECONDS, "lag", LAGGING)
    yield at_most(rate, health.mismatch_rate, ConditionUnit.SHARE, "mismatch rate", DIFFERING)
    unverified = "not every row is compared with its stream yet"
    yield Condition(name="every row is compared with its stream", met=health.verified, reason=unverified)


def reasons_to_wait(state: MigrationState, health: MigrationHealth, limits: Limits, now: datetime) -> Iterator[str]:
    """Why going on would be too early, the most important first."""
    return unmet(conditions(state, health, limits, now))


def unmet(found: Iterable[Condition]) -> Iterator[str]:
    """What is said of conditions that are not met."""
    return (each.reason for each in found if not each.met)


def trouble(health: MigrationHealth, limits: Limits) -> Iterator[str]:
    """What is above the limits, so that the controller goes back."""
    if health.lag_ms > limits.lag_ms:
        yield LAGGING
    if health.mismatch_rate > limits.mismatch_rate:
        yield DIFFERING


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


class UnfinishedWork(CamelModel):
    """Work that is not at its end, as the controller saw it last, which looks every minute.

    Parameters
    ----------
    name : str
        ``move``, ``backfill``, ``archive`` or ``restoration``.
    since : datetime
        When it was first seen to have come as far as it has.
    """

    name: str
    since: datetime


class By(StrEnum):
    """Who makes a step."""

    CONTROLLER = "controller"
    OPERATOR = "operator"


class NextStep(CamelModel):
    """The next step forward, who makes it, and what it waits for: of the ``conditions``, those that are not met.

    There are no conditions while the legacy system does not answer: that is what it waits for.
    """

    step: Step
    by: By
    waits_for: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()


class PathStep(CamelModel):
    """A step on the way.

    Parameters
    ----------
    primary : Primary
        Whose transaction decides a command there.
    reachable : bool
        Whether one move leads there from where it stands.
    no_way_back : bool
        Whether no move leads back from there.
    """

    step: Step
    primary: Primary
    reachable: bool
    no_way_back: bool


class StatedLimits(CamelModel):
    """Above ``lag_ms`` and ``mismatch_rate`` the controller goes back; it moves on only below half of them.

    Parameters
    ----------
    samples : int
        How many reads must have been compared.
    stable_seconds : float
        How long a step must have been healthy.
    quiet_seconds : float
        How long the legacy system must not have been used before the last step.
    """

    lag_ms: int
    mismatch_rate: float
    samples: int
    stable_seconds: float
    quiet_seconds: float


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
    unfinished : tuple[UnfinishedWork, ...]
        That which has stood still for longest first.
    quiet : UsageReport, optional
        Since when no use of the legacy system was seen, once its writes are off.
    path : tuple[PathStep, ...]
        Every step from the first to the last.
    """

    health: MigrationHealth | None
    half_done: tuple[HalfDoneWrite, ...]
    parked: tuple[ParkedWrite, ...]
    unfinished: tuple[UnfinishedWork, ...]
    quiet: UsageReport | None
    next: NextStep | None
    path: tuple[PathStep, ...]
    limits: StatedLimits

    @property
    def unknown(self) -> str:
        """Why it is not known how it does, where both sides are written; else empty."""
        return "; ".join(self.next.waits_for) if self.next and self.phase in JUDGED and self.health is None else ""


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
            awaited = tuple(self._conditions(state, health, quiet, now))
            reasons = tuple(unmet(awaited))
        except StoreUnavailable as error:
            writes, health, awaited, reasons = [], None, (), (str(error),)
        return Overview(
            **dict(self.standing(state)),
            health=health,
            half_done=tuple(_shown(each, now) for each in writes[:SHOWN]),
            parked=tuple(ParkedWrite.model_validate(each) for each in parked[:SHOWN]),
            unfinished=self._unfinished(),
            quiet=quiet,
            next=self._next(state, reasons, awaited),
            path=self._path(state),
            limits=self._limits.stated(),
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

    def _unfinished(self) -> tuple[UnfinishedWork, ...]:
        found = (UnfinishedWork(name=name, since=seen.since) for name, seen in known_work(self._migration).work.items())
        return tuple(sorted(found, key=lambda each: each.since))

    def _health(
        self, state: MigrationState, writes: Sequence[HalfDone], waiting: Collection[StreamId], now: datetime
    ) -> MigrationHealth | None:
        if state.step.phase not in JUDGED:
            return None
        lag = next((_milliseconds(now - each.since) for each in writes if each.stream in waiting), 0)
        return examined(self._migration, self._limits.since(state, now), lag, len(writes))

    def _next(self, state: MigrationState, reasons: tuple[str, ...], awaited: tuple[Condition, ...]) -> NextStep | None:
        step = self._limits.next(state.step)
        if step is None:
            return None
        by = By.CONTROLLER if step.phase is Phase.CANARY else By.OPERATOR
        return NextStep(step=step, by=by, waits_for=reasons, conditions=awaited)

    def _path(self, state: MigrationState) -> tuple[PathStep, ...]:
        stands_at = [state.step, *filter(None, [state.moving_to])]
        steps = {each.place: each for each in (*ladder(self._limits.steps), *stands_at)}
        return tuple(_on_path(steps[place], state) for place in sorted(steps))

    def _conditions(
        self, state: MigrationState, health: MigrationHealth | None, quiet: UsageReport | None, now: datetime
    ) -> Iterator[Condition]:
        if health:
            yield from conditions(state, health, self._limits, now)
        if state.step.phase is Phase.EVENT_STORE:
            yield from self._last_conditions(quiet, now)

    def _last_conditions(self, quiet: UsageReport | None, now: datetime) -> Iterator[Condition]:
        archive, least = self._migration.archives.progress(), self._limits.quiet.total_seconds()
        unused = (quiet.looked_at - quiet.since).total_seconds() if quiet else 0.0
        used = f"the legacy system must not have been used for {self._limits.quiet}"
        yield at_least(least, unused, ConditionUnit.SECONDS, "legacy system not used", used)
        ended = archive.ended_at if archive and archive.stage is ArchiveStage.VERIFIED else None
        missing = "no archive was written and read back yet"
        yield Condition(name="an archive was written and read back", met=ended is not None, reason=missing)
        if ended:
            young = f"the archive must be {self._limits.quiet} old"
            yield at_least(least, (now - ended).total_seconds(), ConditionUnit.SECONDS, "age of the archive", young)


def _on_path(step: Step, state: MigrationState) -> PathStep:
    within_reach = state.moving_to is None and step != state.step and reachable(state.step, step)
    last = step.primary is Primary.OFF
    return PathStep(step=step, primary=step.primary, reachable=within_reach, no_way_back=last)


def _shown(write: HalfDone, now: datetime) -> HalfDoneWrite:
    age = _milliseconds(now - write.since)
    return HalfDoneWrite(stream=write.stream, version=write.version, since=write.since, age_ms=age, owner=write.owner)


def _milliseconds(age: timedelta) -> int:
    return max(0, round(age / timedelta(milliseconds=1)))
