"""The controller: completes what is half done, moves a healthy migration on, and a sick one back."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from banyan.errors import BanyanError, Conflict
from banyan.migration.checks.health import MigrationHealth, examined, reasons_to_wait, trouble
from banyan.migration.phases.aggregate import DeferTransition, MigrationState, Phase, Step

if TYPE_CHECKING:
    from banyan.migration.migration import Migration

ACTOR: Final = "migration_controller"


class Controller:
    """Moves a healthy migration on, and a sick one back."""

    def __init__(self, migration: Migration) -> None:
        self._migration = migration
        self._limits = migration.limits
        self._clock = migration.clock
        self._telemetry = migration.telemetry

    def run(self) -> MigrationState:
        """Run once: complete, judge, and move if need be.

        Returns
        -------
        MigrationState
            Where it stands now.
        """
        lag = self._migration.lag_ms(self._clock())
        self._telemetry.duration("MigrationLag", lag)
        half_done = self._migration.recover()
        self._telemetry.count("MigrationHalfDone", half_done)
        self._telemetry.count("MigrationParked", len(self._migration.parked_rows()))
        state = self._finish()
        if state.step.phase is Phase.EVENT_STORE:
            self._watch_the_end()
        if state.moving_to or state.step.phase not in (Phase.DUAL_WRITE, Phase.CANARY):
            return state
        with suppress(Conflict):
            self._migration.verification.go_on(self._limits.rows, state.moved_at)
        return self._decide(state, self._health(state, lag, half_done))

    def _watch_the_end(self) -> None:
        with suppress(Conflict):
            self._migration.monitor.check()
        self._migration.completion.go_on()

    def _finish(self) -> MigrationState:
        """Finish a move that was cut short; while that fails, give it up, and the earlier primary takes over again."""
        try:
            return self._migration.transitions.finish(ACTOR)
        except BanyanError as error:
            return self._migration.transitions.give_up(str(error), ACTOR)

    def _health(self, state: MigrationState, lag_ms: int, half_done: int) -> MigrationHealth:
        return examined(self._migration, self._limits.since(state, self._clock()), lag_ms, half_done)

    def _decide(self, state: MigrationState, health: MigrationHealth) -> MigrationState:
        evidence = health.model_dump(mode="json", by_alias=True)
        sick = next(trouble(health, self._limits), "")
        if sick and state.step.phase is Phase.CANARY:
            return self._migration.transitions.move(
                Step(phase=Phase.DUAL_WRITE), reason=sick, actor=ACTOR, evidence=evidence
            )
        to = self._limits.next(state.step)
        if to is None or to.phase is not Phase.CANARY:
            return state
        reason = next(reasons_to_wait(state, health, self._limits, self._clock()), "")
        if reason:
            return self._defer(reason, evidence)
        try:
            return self._migration.transitions.move(
                to, reason="healthy for long enough", actor=ACTOR, evidence=evidence
            )
        except Conflict as conflict:
            return self._defer(conflict.detail, evidence)

    def _defer(self, reason: str, evidence: Mapping[str, Any]) -> MigrationState:
        return self._migration.phases.handle(DeferTransition(reason=reason, evidence=evidence), ACTOR).state


def standing(state: MigrationState) -> Mapping[str, Any]:
    """Where a migration stands, for logs."""
    return {"step": str(state.step), "held": state.deferred, "moving": str(state.moving_to or "")}
