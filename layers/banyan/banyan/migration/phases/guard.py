"""What must hold before a migration moves forward, and the evidence that it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from banyan.errors import Conflict
from banyan.migration.checks.completion import Completion
from banyan.migration.checks.verification import Verification
from banyan.migration.phases.aggregate import MigrationState
from banyan.migration.phases.steps import Phase, Step, reachable


class Guard:
    """Guards every step forward, whoever makes it; steps back are free.

    Parameters
    ----------
    half_done : Callable[[], int]
        Completes what is half done and tells what is left.
    verification : Verification
    completion : Completion
    """

    def __init__(self, half_done: Callable[[], int], verification: Verification, completion: Completion) -> None:
        self._half_done = half_done
        self._verification = verification
        self._completion = completion

    def evidence(self, state: MigrationState, to: Step) -> Mapping[str, Any]:
        """Expect that a step may be made, and tell why; of one that no move leads to, say nothing.

        Raises
        ------
        Conflict
            ``would_lose``, ``not_verified_yet``, or as ``Completion.evidence``.
        StoreUnavailable
        """
        if state.moving_to or to.place <= state.step.place or not reachable(state.step, to):
            return {}
        if to.phase is Phase.COMPLETE:
            return self._completion.evidence()
        return self._way_back(state, last=to.phase is Phase.EVENT_STORE)

    def _way_back(self, state: MigrationState, *, last: bool) -> Mapping[str, Any]:
        """Expect that going back from the next step would lose nothing; what legacy alone holds cannot get lost.

        Behind the ``last`` look there is no way back: for it all rows are compared again.
        """
        left = self._half_done()
        if left:
            raise Conflict("would_lose", f"going back from there would lose something: {left} writes are half done")
        if state.step.phase is Phase.LEGACY:
            return {"halfDone": left}
        return {"halfDone": left, "verified": self._verification.evidence(state.moved_at, again=last)}
