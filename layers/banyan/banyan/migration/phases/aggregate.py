"""The migration of one entity as an aggregate: where it stands, and why it went there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from banyan.decider import Decider
from banyan.errors import CommandRejected, Conflict
from banyan.events import CamelModel, DomainEvent
from banyan.migration.phases.steps import START, Step, reachable
from banyan.migration.writes.primary import Leader
from banyan.streams import StreamId
from banyan.upcasting import EventRegistry

ENTITY: Final = "migration"
TENANT: Final = "_system"


class MoveBegan(DomainEvent):
    """The lead is to change hands: writes wait until the move is made or given up."""

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
    """A move that had begun cannot be finished: the lead goes back to where it was, and writes wait until it is."""

    to: Step
    reason: str


class MoveGivenUp(DomainEvent):
    """A move that had begun was not made; everything is as before."""

    to: Step
    reason: str


class Held(DomainEvent):
    """A move was considered and not made; recorded when the reason is a new one."""

    reason: str
    evidence: Mapping[str, Any]


class Move(CamelModel):
    """Go to a step."""

    to: Step
    reason: str
    evidence: Mapping[str, Any] = {}
    at: datetime


class FinishMove(CamelModel):
    """The lead has changed hands, or is back where it was, in the turn that is given."""

    turn: int
    at: datetime


class GiveUpMove(CamelModel):
    """Let the lead go back to where it was."""

    reason: str


class Hold(CamelModel):
    """Stay, for a reason."""

    reason: str
    evidence: Mapping[str, Any] = {}


Command = Move | FinishMove | GiveUpMove | Hold


class Migration(CamelModel):
    """Where a migration stands.

    Parameters
    ----------
    step : Step
    moved_at : datetime, optional
        When it got there.
    moving_to : Step, optional
        The step it is on its way to, while the lead changes hands.
    moving_reason : str
    moving_evidence : Mapping[str, Any]
        Why it is on its way.
    reversing : str
        Why the lead goes back to where it was, while it does.
    turn : int
        Number of the last turn of the lead; a move that is reversed takes two.
    held : str
        Why it did not move when it last might have.
    """

    step: Step = START
    moved_at: datetime | None = None
    moving_to: Step | None = None
    moving_reason: str = ""
    moving_evidence: Mapping[str, Any] = {}
    reversing: str = ""
    turn: int = 0
    held: str = ""

    @property
    def leader(self) -> Leader:
        """Whose transaction decides a command."""
        return self.step.leader


def decide(command: Command, migration: Migration) -> Sequence[DomainEvent]:
    """Events that follow from a command.

    Raises
    ------
    Conflict
        ``already_moving``, ``not_moving``, ``overtaken``
    CommandRejected
        ``step_out_of_reach``
    """
    match command:
        case Move():
            return _move(command, migration)
        case FinishMove():
            return _finish(command, migration)
        case GiveUpMove():
            to = _destination(migration)
            return [] if migration.reversing else [MoveReversed(to=to, reason=command.reason)]
        case Hold():
            if command.reason == migration.held:
                return []
            return [Held(reason=command.reason, evidence=command.evidence)]


def evolve(migration: Migration, event: DomainEvent) -> Migration:
    """State after one more event."""
    match event:
        case MoveBegan(to=to, reason=reason, evidence=evidence):
            moving = {"moving_to": to, "moving_reason": reason, "moving_evidence": evidence}
            return migration.model_copy(update={**moving, "turn": migration.turn + 1})
        case MoveReversed(reason=reason):
            return migration.model_copy(update={"reversing": reason or "given up", "turn": migration.turn + 1})
        case Moved(to=to, at=at):
            return Migration(step=to, moved_at=at, turn=migration.turn)
        case MoveGivenUp():
            return Migration(step=migration.step, moved_at=migration.moved_at, turn=migration.turn)
        case Held(reason=reason):
            return migration.model_copy(update={"held": reason})
    return migration


def _move(command: Move, migration: Migration) -> Sequence[DomainEvent]:
    if migration.moving_to is not None:
        raise Conflict("already_moving", f"the migration is on its way to {migration.moving_to}")
    if command.to == migration.step:
        return []
    if not reachable(migration.step, command.to):
        raise CommandRejected("step_out_of_reach", f"no move leads from {migration.step} to {command.to}", "to")
    details = {"source": migration.step, "to": command.to, "reason": command.reason, "evidence": command.evidence}
    if command.to.leader is migration.leader:
        return [Moved(**details, at=command.at)]
    return [MoveBegan(**details)]


def _finish(command: FinishMove, migration: Migration) -> Sequence[DomainEvent]:
    to = _destination(migration)
    if command.turn != migration.turn:
        raise Conflict("overtaken", f"turn {migration.turn} of the lead has overtaken turn {command.turn}")
    if migration.reversing:
        return [MoveGivenUp(to=to, reason=migration.reversing)]
    reason, evidence = migration.moving_reason, migration.moving_evidence
    return [Moved(source=migration.step, to=to, reason=reason, evidence=evidence, at=command.at)]


def _destination(migration: Migration) -> Step:
    if migration.moving_to is None:
        raise Conflict("not_moving", "the migration is not on its way to another step")
    return migration.moving_to


MIGRATION: Final[Decider[Migration, Command]] = Decider(
    entity=ENTITY, initial=Migration, decide=decide, evolve=evolve, state=Migration
)
REGISTRY: Final = EventRegistry([MoveBegan, Moved, MoveReversed, MoveGivenUp, Held])


def migration_of(entity: str) -> StreamId:
    """The stream of an entity's migration."""
    return StreamId(TENANT, ENTITY, entity)
