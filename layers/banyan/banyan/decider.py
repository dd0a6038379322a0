"""The decider: a domain's rules as three pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from banyan.events import DomainEvent

S = TypeVar("S", bound=BaseModel)
C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Decider(Generic[S, C]):
    """The rules of one kind of aggregate.

    Parameters
    ----------
    entity : str
        Middle part of its stream names.
    initial : Callable[[], State]
        State before the first event.
    decide : Callable[[Command, State], Sequence[DomainEvent]]
        Events that follow from a command; raises ``CommandRejected`` when the rules forbid it.
    evolve : Callable[[State, DomainEvent], State]
        State after one more event; never fails for an event that was decided.
    state : type[State]
        Frozen pydantic model, so that it can be kept in a snapshot.
    state_version : int
        Raise it when the state's shape or the meaning of ``evolve`` changes; older snapshots are then ignored.
    deferred : Sequence[type[BaseModel]]
        Commands that a policy may schedule: they wait as JSON, under the name of their class.
    """

    entity: str
    initial: Callable[[], S]
    decide: Callable[[C, S], Sequence[DomainEvent]]
    evolve: Callable[[S, DomainEvent], S]
    state: type[S]
    state_version: int = 1
    deferred: Sequence[type[BaseModel]] = ()

    def fold(self, events: Iterable[DomainEvent], state: S | None = None) -> S:
        """State after ``events``, starting from ``state`` or from the beginning."""
        return reduce(self.evolve, events, self.initial() if state is None else state)


AnyDecider = Decider[Any, Any]
