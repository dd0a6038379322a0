"""What must hold before a migration moves forward, and the evidence that it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from banyan.migration.completion import Completion
from banyan.migration.migration import Migration
from banyan.migration.steps import Phase, Step, reachable


class Guard:
    """Guards every step forward, whoever makes it; steps back are free.

    Parameters
    ----------
    completion : Completion
    """

    def __init__(self, completion: Completion) -> None:
        self._completion = completion

    def evidence(self, migration: Migration, to: Step) -> Mapping[str, Any]:
        """Expect that a step may be made, and tell why; of one that no move leads to, say nothing.

        Raises
        ------
        Conflict
            Naming what stands in the way.
        StoreUnavailable
        """
        if migration.moving_to or to.place <= migration.step.place or not reachable(migration.step, to):
            return {}
        return self._completion.evidence() if to.phase is Phase.COMPLETE else {}
