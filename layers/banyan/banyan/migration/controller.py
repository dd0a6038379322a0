"""The controller: completes what is half done, moves a healthy migration on, and a sick one back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from banyan.errors import BanyanError
from banyan.events import CamelModel
from banyan.migration.migration import Hold, Migration
from banyan.migration.mover import Mover
from banyan.migration.notes import Samples
from banyan.migration.parts import Parts
from banyan.migration.phases import Phases
from banyan.migration.steps import Phase, Step, ladder
from banyan.store.eventstore import Clock
from banyan.telemetry import NoTelemetry, Telemetry

ACTOR: Final = "migration_controller"
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
    """

    stable: timedelta = timedelta(hours=24)
    samples: int = 100
    lag_ms: int = 5000
    mismatch_rate: float = 0.01
    steps: Sequence[int] = field(default=(10, 25, 50, 100))


class Health(CamelModel):
    """What a decision is based on.

    Parameters
    ----------
    compared, differing : int
    mismatch_rate : float
    lag_ms : int
        Of read models and of the side that follows, whichever is longer.
    half_done : int
        Writes that one side does not have yet.
    unaligned : bool
        Whether a row is not known to its stream.
    """

    compared: int
    differing: int
    mismatch_rate: float
    lag_ms: int
    half_done: int
    unaligned: bool


class Controller:
    """Looks after one migration.

    Parameters
    ----------
    parts : Parts
    limits : Limits
    clock : Callable[[], datetime]
    telemetry : Telemetry
    """

    def __init__(self, parts: Parts, limits: Limits, clock: Clock, telemetry: Telemetry | None = None) -> None:
        self._parts = parts
        self._phases: Phases = parts.phases
        self._mover: Mover = parts.mover
        self._notes = parts.notes
        self._limits = limits
        self._clock = clock
        self._telemetry = telemetry or NoTelemetry()

    def run(self) -> Migration:
        """One look: complete, judge, and move if need be.

        Returns
        -------
        Migration
            Where it stands now.
        """
        lag = self._parts.lag_ms(self._clock())
        half_done = self._parts.recover()
        self._telemetry.duration("MigrationLag", lag)
        self._telemetry.count("MigrationHalfDone", half_done)
        migration = self._finish()
        if migration.moving_to or migration.step.phase not in (Phase.DUAL_WRITE, Phase.CANARY):
            return migration
        return self._decide(migration, self._health(migration, lag, half_done))

    def _finish(self) -> Migration:
        """Finish a move that was cut short; while that fails, the lead goes back and the move is given up."""
        try:
            return self._mover.finish(ACTOR)
        except BanyanError as error:
            return self._mover.give_up(str(error), ACTOR)

    def _health(self, migration: Migration, lag_ms: int, half_done: int) -> Health:
        samples: Samples = self._notes.samples(self._since(migration))
        return Health(
            compared=samples.compared,
            differing=samples.differing,
            mismatch_rate=samples.mismatch_rate,
            lag_ms=max(samples.lag_ms, lag_ms),
            half_done=half_done,
            unaligned=bool(self._parts.repository.unaligned(1)),
        )

    def _since(self, migration: Migration) -> datetime:
        """What happened before the step, or longer ago than the window, says nothing about it."""
        window = self._clock() - self._limits.stable
        return max(window, migration.moved_at) if migration.moved_at else window

    def _decide(self, migration: Migration, health: Health) -> Migration:
        evidence = health.model_dump(mode="json", by_alias=True)
        trouble = self._trouble(health, 1)
        if trouble and migration.step.phase is Phase.CANARY:
            return self._mover.move(Step(phase=Phase.DUAL_WRITE), reason=trouble, actor=ACTOR, evidence=evidence)
        to = self._next(migration.step)
        if to is None:
            return migration
        reason = self._reason_to_wait(migration, health)
        if reason:
            return self._phases.handle(Hold(reason=reason, evidence=evidence), ACTOR).state
        return self._mover.move(to, reason="healthy for long enough", actor=ACTOR, evidence=evidence)

    def _next(self, step: Step) -> Step | None:
        """The next step, as long as there is a way back from it."""
        on = [each for each in ladder(self._limits.steps) if each.place > step.place]
        return on[0] if on and on[0].phase is Phase.CANARY else None

    def _trouble(self, health: Health, caution: int) -> str:
        if health.lag_ms > self._limits.lag_ms / caution:
            return "the lag is too long"
        if health.mismatch_rate > self._limits.mismatch_rate / caution:
            return "too many reads differ"
        return ""

    def _reason_to_wait(self, migration: Migration, health: Health) -> str:
        """Why going on would be too early, or why going back from there might lose something."""
        if health.half_done:
            return "some writes are half done"
        if health.unaligned:
            return "some rows are not known to their streams: run the backfill"
        if migration.moved_at and self._clock() - migration.moved_at < self._limits.stable:
            return "not stable for long enough"
        if migration.step.phase is Phase.CANARY and health.compared < self._limits.samples:
            return "too few reads were compared"
        return self._trouble(health, CAUTION)


def standing(migration: Migration) -> Mapping[str, Any]:
    """Where a migration stands, for logs."""
    return {"step": str(migration.step), "held": migration.held, "moving": str(migration.moving_to or "")}
