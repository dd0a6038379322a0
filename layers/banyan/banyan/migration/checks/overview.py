"""Where a migration stands, for people: its health, what is half done, and what the next step waits for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import ConfigDict

from banyan.errors import StoreUnavailable
from banyan.events import CamelModel
from banyan.migration.archive.state import ArchiveStage
from banyan.migration.checks.health import MigrationHealth, examined, reasons_to_wait
from banyan.migration.checks.usage_monitor import UsageReport
from banyan.migration.phases.aggregate import MigrationState
from banyan.migration.phases.steps import Phase, Step, ToldPhase
from banyan.migration.writes.half_done import HalfDone, Owner
from banyan.migration.writes.primary import Primary
from banyan.streams import StreamId

if TYPE_CHECKING:
    from banyan.migration.migration import Migration

COUNTED: Final = 1000
SHOWN: Final = 100
JUDGED: Final = frozenset({Phase.DUAL_WRITE, Phase.CANARY})


class HalfDoneWrite(CamelModel):
    """A write that one side does not have yet, and who completes it."""

    stream: StreamId
    version: int
    since: datetime
    age_ms: int
    owner: Owner


class ParkedWrite(CamelModel):
    """A row that stands in its own way: what it lacks is tried again every minute, and by whom."""

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
    entity : str
    phase : Phase
    percentage : int
        Share of reads that the read models answer, %.
    primary : Primary
    since : datetime, optional
        When it got there.
    moving_to : Step, optional
        The step it is on its way to, while the primary changes.
    held : str
        Why it did not move when it last might have.
    """

    entity: str
    phase: ToldPhase
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
    next : NextStep, optional
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
        """The step behind the one where it stands. Raises ``StoreUnavailable``."""
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
            yield "there is no archive that was read back"


def _shown(write: HalfDone, now: datetime) -> HalfDoneWrite:
    age = _milliseconds(now - write.since)
    return HalfDoneWrite(stream=write.stream, version=write.version, since=write.since, age_ms=age, owner=write.owner)


def _milliseconds(age: timedelta) -> int:
    return max(0, round(age / timedelta(milliseconds=1)))
