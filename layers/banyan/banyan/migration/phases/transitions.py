"""Moving a migration from step to step, by hand or by the controller."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from banyan.errors import Conflict, Overtaken
from banyan.migration.phases.aggregate import BeginMove, FinishMove, GiveUpMove, MigrationState
from banyan.migration.phases.guard import Guard
from banyan.migration.phases.phases import Phases
from banyan.migration.phases.steps import Step
from banyan.migration.sync.cutover import Cutover
from banyan.store.eventstore import Clock, utc_now


class PhaseTransitions:
    """Makes moves, and finishes those that were cut short.

    Parameters
    ----------
    phases : Phases
    cutover : Cutover
    guard : Guard
    clock : Callable[[], datetime]
    """

    def __init__(self, phases: Phases, cutover: Cutover, guard: Guard, clock: Clock = utc_now) -> None:
        self._phases = phases
        self._cutover = cutover
        self._guard = guard
        self._clock = clock

    def move(
        self, to: Step, *, reason: str, actor: str = "", evidence: Mapping[str, Any] | None = None
    ) -> MigrationState:
        """Go to a step.

        Raises
        ------
        CommandRejected, Conflict
            As the migration's decider and the guard say.
        StoreUnavailable
            The move has begun and is not finished: ``finish`` or ``give_up``.
        """
        self.begin(to, reason=reason, actor=actor, evidence=evidence)
        return self.finish(actor)

    def begin(
        self, to: Step, *, reason: str, actor: str = "", evidence: Mapping[str, Any] | None = None
    ) -> MigrationState:
        """Decide to go to a step; where the primary is to change, the move is yet to be finished.

        Raises
        ------
        CommandRejected, Conflict
            As the migration's decider and the guard say.
        StoreUnavailable
        """
        proof = {**(evidence or {}), **self._guard.evidence(self._phases.refreshed(), to)}
        move = BeginMove(to=to, reason=reason, evidence=proof, at=self._clock())
        return self._phases.handle(move, actor).state

    def finish(self, actor: str = "") -> MigrationState:
        """Finish the move that has begun, or its reversal, if there is one; another process may do the same meanwhile.

        Returns
        -------
        MigrationState
            Where it stands now; still moving when another process is about to finish.

        Raises
        ------
        StoreUnavailable
            The move is not finished: ``finish`` or ``give_up``.
        """
        state = self._phases.refreshed()
        if state.moving_to is None:
            return state
        try:
            self._transfer(state)
            return self._phases.handle(FinishMove(cutover=state.cutover, at=self._clock()), actor).state
        except (Overtaken, Conflict):
            return self._phases.refreshed()

    def give_up(self, reason: str, actor: str = "") -> MigrationState:
        """Give up the move that has begun, if any, and let the earlier primary take over again. As ``finish``."""
        if self._phases.refreshed().moving_to is None:
            return self._phases.current()
        with suppress(Conflict):
            self._phases.handle(GiveUpMove(reason=reason), actor)
        return self.finish(actor)

    def _transfer(self, state: MigrationState) -> None:
        if state.reversing:
            self._cutover.back_to(state.primary, state.cutover)
        elif state.moving_to:
            self._cutover.to(state.moving_to.primary, state.cutover)
