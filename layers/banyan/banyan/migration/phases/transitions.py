"""Moving a migration from step to step, by hand or by the controller, past a guard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from banyan.errors import Conflict, Overtaken
from banyan.migration.checks.completion import Completion
from banyan.migration.checks.verification import RowVerification
from banyan.migration.phases.aggregate import (
    BeginMove,
    FinishMove,
    GiveUpMove,
    MigrationState,
    Phase,
    Step,
    reachable,
)
from banyan.migration.phases.phases import Phases
from banyan.migration.sync.cutover import Cutover
from banyan.store.eventstore import Clock, utc_now
from banyan.text import counted


@dataclass(eq=False)
class Guard:
    """Guards every step forward, a person's and the controller's; steps back are free.

    Parameters
    ----------
    half_done : Callable[[], int]
        Completes what is half done and returns how much is left.
    """

    half_done: Callable[[], int]
    verification: RowVerification
    completion: Completion

    def evidence(self, state: MigrationState, to: Step) -> Mapping[str, Any]:
        """Expect that a step may be made, and say why; nothing is said of one that no move leads to.

        Raises
        ------
        Conflict
            ``would_lose``, ``not_verified_yet``, or as ``Completion.evidence``.
        StoreUnavailable
        """
        if state.moving_to or to.place <= state.step.place or not reachable(state.step, to):
            return {}
        if to.phase is Phase.COMPLETE:
            return self.completion.evidence()
        return self._way_back(state, last=to.phase is Phase.EVENT_STORE)

    def _way_back(self, state: MigrationState, *, last: bool) -> Mapping[str, Any]:
        """Expect that going back from the next step would lose nothing; what legacy alone holds cannot get lost.

        After the ``last`` step there is no way back: for it all rows are compared again.
        """
        left = self.half_done()
        if left:
            raise Conflict(
                "would_lose", f"going back from there would lose something: {counted(left, 'half-done write')}"
            )
        if state.step.phase is Phase.LEGACY:
            return {"halfDone": left}
        return {"halfDone": left, "verified": self.verification.evidence(state.moved_at, again=last)}


@dataclass(eq=False)
class PhaseTransitions:
    """Makes moves, and finishes those that were cut short."""

    phases: Phases
    cutover: Cutover
    guard: Guard
    clock: Clock = utc_now

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
        proof = {**(evidence or {}), **self.guard.evidence(self.phases.refreshed(), to)}
        move = BeginMove(to=to, reason=reason, evidence=proof, at=self.clock())
        return self.phases.handle(move, actor).state

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
        state = self.phases.refreshed()
        if state.moving_to is None:
            return state
        try:
            self._transfer(state)
            return self.phases.handle(FinishMove(cutover=state.cutover, at=self.clock()), actor).state
        except (Overtaken, Conflict):
            return self.phases.refreshed()

    def give_up(self, reason: str, actor: str = "") -> MigrationState:
        """Give up the move that has begun, if any, and let the earlier primary take over again. As ``finish``."""
        if self.phases.refreshed().moving_to is None:
            return self.phases.current()
        with suppress(Conflict):
            self.phases.handle(GiveUpMove(reason=reason), actor)
        return self.finish(actor)

    def _transfer(self, state: MigrationState) -> None:
        if state.reversing:
            self.cutover.back_to(state.primary, state.cutover)
        elif state.moving_to:
            self.cutover.to(state.moving_to.primary, state.cutover)
