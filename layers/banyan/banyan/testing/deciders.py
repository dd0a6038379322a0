"""Given / when / then for deciders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from pydantic import BaseModel

from banyan.decider import Decider
from banyan.errors import CommandRejected
from banyan.events import DomainEvent
from banyan.testing.differences import assert_same

S = TypeVar("S", bound=BaseModel)
C = TypeVar("C")


@dataclass(frozen=True)
class DeciderSpec(Generic[S, C]):
    """One decider under test.

    ``DeciderSpec(ORDER).given(created).when(PayOrder(amount="9.90")).then(paid)``

    Parameters
    ----------
    history : tuple[DomainEvent, ...]
        What happened before.
    """

    decider: Decider[S, C]
    history: tuple[DomainEvent, ...] = ()

    def given(self, *events: DomainEvent) -> DeciderSpec[S, C]:
        """Add events to what happened before."""
        return replace(self, history=(*self.history, *events))

    def when(self, command: C) -> Decision[S, C]:
        """Decide on a command."""
        return Decision(self.decider, self.decider.fold(self.history), command)


@dataclass(frozen=True)
class Decision(Generic[S, C]):
    """A command in a state, waiting to be judged."""

    decider: Decider[S, C]
    state: S
    command: C

    def then(self, *events: DomainEvent) -> S:
        """Expect exactly these events, and the state to evolve with them; returns that state.

        Raises
        ------
        AssertionError
        """
        decided = self._decide()
        assert_same("events", list(events), list(decided))
        return self.decider.fold(decided, self.state)

    def then_rejected(
        self, code: str, field: str | None = None, kind: type[CommandRejected] = CommandRejected
    ) -> CommandRejected:
        """Expect a rejection with a code, about a field when one is named, of a kind such as ``Conflict``.

        Raises
        ------
        AssertionError
        """
        rejection = self._rejection()
        assert_same("code", code, rejection.code)
        if field is not None:
            assert_same("field", field, rejection.field)
        assert isinstance(rejection, kind), f"{code} is a {type(rejection).__name__}, not a {kind.__name__}"
        return rejection

    def _decide(self) -> Sequence[DomainEvent]:
        try:
            return self.decider.decided(self.command, self.state)
        except CommandRejected as rejection:
            raise AssertionError(f"rejected with {rejection.code!r}: {rejection.detail}") from rejection

    def _rejection(self) -> CommandRejected:
        try:
            decided = self.decider.decided(self.command, self.state)
        except CommandRejected as rejection:
            return rejection
        raise AssertionError(f"not rejected, but decided: {list(decided)}")
