"""The decision: a command whose rules look at several streams at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from banyan.decider import AnyDecider
from banyan.errors import ConfigurationError
from banyan.events import DomainEvent

C = TypeVar("C")

States = Mapping[str, Any]
"""By role."""
Decided = Mapping[str, Sequence[DomainEvent]]
"""By role; a role that gets no events may be left out."""


@dataclass(frozen=True, slots=True)
class Participant:
    """One stream that a decision looks at, of the caller's tenant.

    Parameters
    ----------
    decider : Decider
        Whose state is looked at, and whose ``evolve`` reads the events.
    id : str
        Last part of the stream's name.
    """

    decider: AnyDecider
    id: str


Participants = Mapping[str, Participant]
"""By role, a name that the decision gives to a stream for one command."""


@dataclass(frozen=True, slots=True)
class Decision(Generic[C]):
    """The rules of one command over several streams; its events are recorded in all of them or in none.

    It holds only if every stream it looked at is still where it was looked at, those included that get no events.

    Parameters
    ----------
    command : type[Command]
        The command is sent to one stream, as any other; that stream is among the participants.
    participants : Callable[[Command, States], Mapping[str, Participant]]
        Pure. Asked with the states that are known so far, at first none, until it names no role that is new: a stream
        may thus be found in the state of another. A role names the same stream for as long as that state stands.
    decide : Callable[[Command, States], Mapping[str, Sequence[DomainEvent]]]
        Pure. The events of each role that follow from the command; raises ``CommandRejected`` when the rules forbid it.
    """

    command: type[C]
    participants: Callable[[C, States], Participants]
    decide: Callable[[C, States], Decided]

    @property
    def name(self) -> str:
        """The name of its command."""
        return self.command.__name__

    def decided(self, command: C, states: States) -> Decided:
        """What ``decide`` answers, without the roles that get no events.

        Raises
        ------
        ConfigurationError
            It answers with anything but events by role, or names a role that is not a participant.
        """
        answer: Any = self.decide(command, states)
        if not isinstance(answer, Mapping):
            found = type(answer).__name__
            raise ConfigurationError(f"decide of {self.name} returned a {found}: return its events by role, or {{}}")
        strangers = sorted(answer.keys() - states.keys())
        if strangers:
            raise ConfigurationError(
                f"decide of {self.name} has events for {strangers[0]!r}, which is not a participant"
            )
        return {role: events for role, events in answer.items() if events}
