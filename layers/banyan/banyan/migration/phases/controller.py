"""The controller: completes what is half done, moves a healthy migration on, and a sick one back."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from banyan.errors import BanyanError, Conflict
from banyan.migration.checks.health import Limits, MigrationHealth, examined, reasons_to_wait, trouble
from banyan.migration.parts import Parts
from banyan.migration.phases.aggregate import DeferTransition, Migration
from banyan.migration.phases.phases import Phases
from banyan.migration.phases.steps import Phase, Step
from banyan.migration.phases.transitions import PhaseTransitions
from banyan.store.eventstore import Clock
from banyan.telemetry import NoTelemetry, Telemetry

ACTOR: Final = "migration_controller"


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
        self._transitions: PhaseTransitions = parts.transitions
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
        self._telemetry.duration("MigrationLag", lag)
        half_done = self._parts.recover()
        self._telemetry.count("MigrationHalfDone", half_done)
        self._telemetry.count("MigrationParked", len(self._parts.parked_rows()))
        migration = self._finish()
        if migration.step.phase is Phase.EVENT_STORE:
            self._look_after_the_end()
        if migration.moving_to or migration.step.phase not in (Phase.DUAL_WRITE, Phase.CANARY):
            return migration
        with suppress(Conflict):
            self._parts.verification.go_on(self._limits.rows, migration.moved_at)
        return self._decide(migration, self._health(migration, lag, half_done))

    def _look_after_the_end(self) -> None:
        with suppress(Conflict):
            self._parts.end.monitor.check()
        self._parts.end.completion.go_on()

    def _finish(self) -> Migration:
        """Finish a move that was cut short; while that fails, the lead goes back and the move is given up."""
        try:
            return self._transitions.finish(ACTOR)
        except BanyanError as error:
            return self._transitions.give_up(str(error), ACTOR)

    def _health(self, migration: Migration, lag_ms: int, half_done: int) -> MigrationHealth:
        return examined(self._parts, self._limits.since(migration, self._clock()), lag_ms, half_done)

    def _decide(self, migration: Migration, health: MigrationHealth) -> Migration:
        evidence = health.model_dump(mode="json", by_alias=True)
        sick = next(trouble(health, self._limits), "")
        if sick and migration.step.phase is Phase.CANARY:
            return self._transitions.move(Step(phase=Phase.DUAL_WRITE), reason=sick, actor=ACTOR, evidence=evidence)
        to = self._limits.next(migration.step)
        if to is None or to.phase is not Phase.CANARY:
            return migration
        reason = next(reasons_to_wait(migration, health, self._limits, self._clock()), "")
        if reason:
            return self._defer(reason, evidence)
        try:
            return self._transitions.move(to, reason="healthy for long enough", actor=ACTOR, evidence=evidence)
        except Conflict as conflict:
            return self._defer(conflict.detail, evidence)

    def _defer(self, reason: str, evidence: Mapping[str, Any]) -> Migration:
        return self._phases.handle(DeferTransition(reason=reason, evidence=evidence), ACTOR).state


def standing(migration: Migration) -> Mapping[str, Any]:
    """Where a migration stands, for logs."""
    return {"step": str(migration.step), "held": migration.deferred, "moving": str(migration.moving_to or "")}
