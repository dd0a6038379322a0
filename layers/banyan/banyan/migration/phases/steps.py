"""The way from one system to the other: its steps, and which side is primary in each."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final

from pydantic import WithJsonSchema

from banyan.events import CamelModel
from banyan.migration.writes.primary import Primary

ALL_READS: Final = 100


class Phase(StrEnum):
    """Where a migration stands; each phase is described in docs/migration.md."""

    LEGACY = "legacy"
    DUAL_WRITE = "dual_write"
    CANARY = "canary"
    EVENT_STORE = "event_store"
    COMPLETE = "complete"


ORDER: Final = tuple(Phase)

ToldPhase = Annotated[Phase, WithJsonSchema({"type": "string", "enum": [phase.value for phase in Phase]})]
"""A phase, written out where an API describes itself."""


class Step(CamelModel):
    """A phase, and the share of reads that the read models answer, %."""

    phase: ToldPhase = Phase.LEGACY
    percentage: int = 0

    @property
    def primary(self) -> Primary:
        """Whose transaction decides a command at this step."""
        if self.phase in (Phase.EVENT_STORE, Phase.COMPLETE):
            return Primary.OFF
        return Primary.EVENTS if self.percentage >= ALL_READS else Primary.LEGACY

    @property
    def place(self) -> tuple[int, int]:
        """Sorts steps along the way."""
        return ORDER.index(self.phase), self.percentage

    def __str__(self) -> str:
        return f"{self.phase} {self.percentage} %" if self.phase is Phase.CANARY else str(self.phase)


START: Final = Step()


def ladder(canary_steps: Sequence[int]) -> tuple[Step, ...]:
    """Every step of a migration, in order."""
    canary = (Step(phase=Phase.CANARY, percentage=share) for share in canary_steps)
    ends = (Step(phase=phase, percentage=ALL_READS) for phase in (Phase.EVENT_STORE, Phase.COMPLETE))
    return (START, Step(phase=Phase.DUAL_WRITE), *canary, *ends)


def reachable(source: Step, to: Step) -> bool:
    """Whether one move leads from a step to another: back as far as one likes, forward one phase at most."""
    if source.primary is Primary.OFF:
        return (source.phase, to.phase) == (Phase.EVENT_STORE, Phase.COMPLETE)
    if to.place < source.place:
        return True
    if to.phase is Phase.EVENT_STORE:
        return source.primary is Primary.EVENTS
    return to.place > source.place and to.place[0] <= source.place[0] + 1
