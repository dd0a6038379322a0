"""The migration of one entity as an aggregate: its steps, where it stands, and why it went there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import WithJsonSchema

from banyan.decider import Decider
from banyan.errors import CommandRejected, Conflict
from banyan.events import CamelModel, DomainEvent, EventRegistry
from banyan.migration.writes.primary import Primary
from banyan.streams import StreamId

ALL_READS: Final = 100
ENTITY: Final = "migration"
TENANT: Final = "_system"


class Phase(StrEnum):
    """Where a migration stands; each phase is described in docs/migration.md."""

    LEGACY = "legacy"
    DUAL_WRITE = "dual_write"
    CANARY = "canary"
    EVENT_STORE = "event_store"
    COMPLETE = "complete"


ORDER: Final = tuple(Phase)

SpelledPhase = Annotated[Phase, WithJsonSchema({"type": "string", "enum": [phase.value for phase in Phase]})]
"""A phase, written out where an API describes itself."""


class Step(CamelModel):
    """A phase, and the share of reads that the read models answer, %."""

    phase: SpelledPhase = Phase.LEGACY
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


class MoveBegan(DomainEvent):
    """The primary is to change: writes wait until the move is made or given up."""

    source: Step
    to: Step
    reason: str
    evidence: Mapping[str, Any]


class Moved(DomainEvent):
    """The migration stands at another step."""

    source: Step
    to: Step
    reason: str
    evidence: Mapping[str, Any]
    at: datetime


class MoveReversed(DomainEvent):
    """A move that had begun cannot be finished: the earlier primary takes over again, and writes wait until it is."""

    to: Step
    reason: str


class MoveGivenUp(DomainEvent):
    """A move that had begun was not made; everything is as before."""

    to: Step
    reason: str


class TransitionDeferred(DomainEvent):
    """A move was considered and not made; recorded when the reason is a new one."""

    reason: str
    evidence: Mapping[str, Any]

    @classmethod
    def event_type(cls) -> str:
        """The name under which it has always been stored."""
        return "Held"


class BeginMove(CamelModel):
    """Go to a step."""

    to: Step
    reason: str
    evidence: Mapping[str, Any] = {}
    at: datetime


class FinishMove(CamelModel):
    """The primary has changed, or the earlier one has taken over again, in the cutover that is given."""

    cutover: int
    at: datetime


class GiveUpMove(CamelModel):
    """Let the earlier primary take over again."""

    reason: str


class DeferTransition(CamelModel):
    """Stay, for a reason."""

    reason: str
    evidence: Mapping[str, Any] = {}


Command = BeginMove | FinishMove | GiveUpMove | DeferTransition


class MigrationState(CamelModel):
    """Where a migration stands.

    Parameters
    ----------
    moved_at : datetime, optional
        When it got there.
    moving_to : Step, optional
        The step it is on its way to, while the primary changes.
    moving_evidence : Mapping[str, Any]
        Why it is on its way.
    reversing : str
        Why the earlier primary takes over again, while it does.
    cutover : int
        Number of the last cutover; a move that is reversed takes two.
    held : str
        Why it did not move when it last might have.
    """

    step: Step = START
    moved_at: datetime | None = None
    moving_to: Step | None = None
    moving_reason: str = ""
    moving_evidence: Mapping[str, Any] = {}
    reversing: str = ""
    cutover: int = 0
    deferred: str = ""

    @property
    def primary(self) -> Primary:
        """Whose transaction decides a command."""
        return self.step.primary


def decide(command: Command, state: MigrationState) -> Sequence[DomainEvent]:
    """Events that follow from a command.

    Raises
    ------
    Conflict
        ``already_moving``, ``not_moving``, ``overtaken``
    CommandRejected
        ``step_out_of_reach``
    """
    match command:
        case BeginMove():
            return _move(command, state)
        case FinishMove():
            return _finish(command, state)
        case GiveUpMove():
            to = _destination(state)
            return [] if state.reversing else [MoveReversed(to=to, reason=command.reason)]
        case DeferTransition():
            if command.reason == state.deferred:
                return []
            return [TransitionDeferred(reason=command.reason, evidence=command.evidence)]


def evolve(state: MigrationState, event: DomainEvent) -> MigrationState:
    """State after one more event."""
    match event:
        case MoveBegan(to=to, reason=reason, evidence=evidence):
            moving = {"moving_to": to, "moving_reason": reason, "moving_evidence": evidence}
            return state.model_copy(update={**moving, "cutover": state.cutover + 1})
        case MoveReversed(reason=reason):
            return state.model_copy(update={"reversing": reason or "given up", "cutover": state.cutover + 1})
        case Moved(to=to, at=at):
            return MigrationState(step=to, moved_at=at, cutover=state.cutover)
        case MoveGivenUp():
            return MigrationState(step=state.step, moved_at=state.moved_at, cutover=state.cutover)
        case TransitionDeferred(reason=reason):
            return state.model_copy(update={"deferred": reason})
    return state


MIGRATION: Final[Decider[MigrationState, Command]] = Decider(
    entity=ENTITY, initial=MigrationState, decide=decide, evolve=evolve, state=MigrationState
)
REGISTRY: Final = EventRegistry([MoveBegan, Moved, MoveReversed, MoveGivenUp, TransitionDeferred])


def migration_of(entity: str) -> StreamId:
    """The stream of an entity's migration."""
    return StreamId(TENANT, ENTITY, entity)


def _move(command: BeginMove, state: MigrationState) -> Sequence[DomainEvent]:
    if state.moving_to is not None:
        raise Conflict("already_moving", f"the migration is on its way to {state.moving_to}")
    if command.to == state.step:
        return []
    if not reachable(state.step, command.to):
        raise CommandRejected("step_out_of_reach", f"no move leads from {state.step} to {command.to}", "to")
    details = {"source": state.step, "to": command.to, "reason": command.reason, "evidence": command.evidence}
    if command.to.primary is state.primary:
        return [Moved(**details, at=command.at)]
    return [MoveBegan(**details)]


def _finish(command: FinishMove, state: MigrationState) -> Sequence[DomainEvent]:
    to = _destination(state)
    if command.cutover != state.cutover:
        raise Conflict("overtaken", f"cutover {state.cutover} has overtaken cutover {command.cutover}")
    if state.reversing:
        return [MoveGivenUp(to=to, reason=state.reversing)]
    reason, evidence = state.moving_reason, state.moving_evidence
    return [Moved(source=state.step, to=to, reason=reason, evidence=evidence, at=command.at)]


def _destination(state: MigrationState) -> Step:
    if state.moving_to is None:
        raise Conflict("not_moving", "the migration is not on its way to another step")
    return state.moving_to
