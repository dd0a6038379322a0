"""Moving a migration from step to step, by hand or by the controller."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from banyan.errors import Conflict, Overtaken
from banyan.migration.phases.aggregate import FinishMove, GiveUpMove, Migration, Move
from banyan.migration.phases.guard import Guard
from banyan.migration.phases.phases import Phases
from banyan.migration.phases.steps import Step
from banyan.migration.sync.cutover import Turn
from banyan.store.eventstore import Clock, utc_now


class Mover:
    """Makes moves, and finishes those that were cut short.

    Parameters
    ----------
    phases : Phases
    turn : Turn
    guard : Guard
    clock : Callable[[], datetime]
    """

    def __init__(self, phases: Phases, turn: Turn, guard: Guard, clock: Clock = utc_now) -> None:
        self._phases = phases
        self._turn = turn
        self._guard = guard
        self._clock = clock

    def move(self, to: Step, *, reason: str, actor: str = "", evidence: Mapping[str, Any] | None = None) -> Migration:
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

    def begin(self, to: Step, *, reason: str, actor: str = "", evidence: Mapping[str, Any] | None = None) -> Migration:
        """Decide to go to a step; where the lead is to change hands, the move is yet to be finished.

        Raises
        ------
        CommandRejected, Conflict
            As the migration's decider and the guard say.
        StoreUnavailable
        """
        proof = {**(evidence or {}), **self._guard.evidence(self._phases.refreshed(), to)}
        move = Move(to=to, reason=reason, evidence=proof, at=self._clock())
        return self._phases.handle(move, actor).state

    def finish(self, actor: str = "") -> Migration:
        """Finish the move that has begun, or its reversal, if there is one; somebody else may do the same meanwhile.

        Returns
        -------
        Migration
            Where it stands now; still moving when somebody else is about to finish.

        Raises
        ------
        StoreUnavailable
            The move is not finished: ``finish`` or ``give_up``.
        """
        migration = self._phases.refreshed()
        if migration.moving_to is None:
            return migration
        try:
            self._hand_over(migration)
            return self._phases.handle(FinishMove(turn=migration.turn, at=self._clock()), actor).state
        except (Overtaken, Conflict):
            return self._phases.refreshed()

    def give_up(self, reason: str, actor: str = "") -> Migration:
        """Give up the move that has begun, if there is one, and let the lead go back to where it was. As ``finish``."""
        if self._phases.refreshed().moving_to is None:
            return self._phases.current()
        with suppress(Conflict):
            self._phases.handle(GiveUpMove(reason=reason), actor)
        return self.finish(actor)

    def _hand_over(self, migration: Migration) -> None:
        if migration.reversing:
            self._turn.back_to(migration.leader, migration.turn)
        elif migration.moving_to:
            self._turn.to(migration.moving_to.leader, migration.turn)
