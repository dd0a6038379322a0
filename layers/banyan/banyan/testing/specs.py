"""Given / when / then for deciders and policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from difflib import ndiff
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel

from banyan.decider import Decider
from banyan.decision import Decision
from banyan.errors import CommandRejected
from banyan.events import DomainEvent, Event, Metadata
from banyan.reactions.base import Policy, Reaction, Schedule, Send
from banyan.store.items import MAX_TRANSACTION_ITEMS
from banyan.streams import StreamId

WIDTH: Final = 100


def assert_same(what: str, expected: Any, actual: Any) -> None:
    """Compare two values.

    Raises
    ------
    AssertionError
        Lines with ``-`` were expected, lines with ``+`` came.
    """
    if expected != actual:
        lines = ndiff(_lines(expected), _lines(actual))
        raise AssertionError("\n".join([f"{what}: - expected, + actual", *lines]))


def _lines(value: Any) -> list[str]:
    return _shown(value, "").splitlines()


def _shown(value: Any, indent: str) -> str:
    """A value as Python writes it, on one line where it fits."""
    line = repr(value)
    begin, parts, end = _parts(value)
    if not parts or len(indent) + len(line) <= WIDTH:
        return line
    deeper = indent + "    "
    inner = "".join(f"{deeper}{name}{_shown(content, deeper)},\n" for name, content in parts)
    return f"{begin}\n{inner}{indent}{end}"


def _parts(value: Any) -> tuple[str, Sequence[tuple[str, Any]], str]:
    """What a value is made of, each part with what stands before it."""
    if isinstance(value, BaseModel):
        return f"{type(value).__name__}(", [(f"{name}=", content) for name, content in value], ")"
    if is_dataclass(value):
        named = [(f"{each.name}=", getattr(value, each.name)) for each in fields(value)]
        return f"{type(value).__name__}(", named, ")"
    if isinstance(value, dict):
        return "{", [(f"{key!r}: ", content) for key, content in value.items()], "}"
    if isinstance(value, list | tuple):
        begin, end = "[]" if isinstance(value, list) else "()"
        return begin, [("", content) for content in value], end
    return "", (), ""


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

    def when(self, command: C) -> DecidedCommand[S, C]:
        """Decide on a command."""
        return DecidedCommand(self.decider, self.decider.fold(self.history), command)


@dataclass(frozen=True)
class DecidedCommand(Generic[S, C]):
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
        return _expected(self._rejection(), code, field, kind)

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


@dataclass(frozen=True)
class DecisionSpec(Generic[C]):
    """One decision over several streams under test.

    ``DecisionSpec(TRANSFER).given(source=[opened]).when(Transfer(…)).then(source=[withdrawn], target=[deposited])``

    Parameters
    ----------
    history : Mapping[str, tuple[DomainEvent, ...]]
        What happened before, by role.
    """

    decision: Decision[C]
    history: Mapping[str, tuple[DomainEvent, ...]] = field(default_factory=dict)

    def given(self, **events: Sequence[DomainEvent]) -> DecisionSpec[C]:
        """Add events, by role, to what happened before. Raises ``TypeError`` for an event that is not in a list."""
        for role, each in events.items():
            if isinstance(each, DomainEvent):
                raise TypeError(
                    f"what happened before to {role!r} has to be a list of events: [{type(each).__name__}(…)]"
                )
        more = {role: (*self.history.get(role, ()), *each) for role, each in events.items()}
        return replace(self, history={**self.history, **more})

    def when(self, command: C) -> DecidedTogether[C]:
        """Look at all participants and decide on a command.

        Raises
        ------
        AssertionError
            Something happened before to a role that is not a participant, or the participants never settle.
        """
        states = self._states(command)
        strangers = sorted(self.history.keys() - states.keys())
        assert not strangers, f"{strangers[0]!r} is not among the participants: {', '.join(sorted(states))}"
        return DecidedTogether(self.decision, states, command)

    def _states(self, command: C) -> Mapping[str, BaseModel]:
        states: Mapping[str, BaseModel] = {}
        for _ in range(MAX_TRANSACTION_ITEMS + 1):
            participants = self.decision.participants(command, states)
            found = {role: each.decider.fold(self.history.get(role, ())) for role, each in participants.items()}
            if found == states:
                return states
            states = found
        raise AssertionError("the participants never settle")


@dataclass(frozen=True)
class DecidedTogether(Generic[C]):
    """A command in the states of several streams, waiting to be judged."""

    decision: Decision[C]
    states: Mapping[str, BaseModel]
    command: C

    def then(self, **events: Sequence[DomainEvent]) -> None:
        """Expect exactly these events, by role.

        Raises
        ------
        AssertionError
        """
        try:
            decided = self.decision.decided(self.command, self.states)
        except CommandRejected as rejection:
            raise AssertionError(f"rejected with {rejection.code!r}: {rejection.detail}") from rejection
        assert_same("events", _by_role(events), _by_role(decided))

    def then_rejected(
        self, code: str, field: str | None = None, kind: type[CommandRejected] = CommandRejected
    ) -> CommandRejected:
        """As ``DecidedCommand.then_rejected``. Raises ``AssertionError``."""
        try:
            decided = self.decision.decided(self.command, self.states)
        except CommandRejected as rejection:
            return _expected(rejection, code, field, kind)
        raise AssertionError(f"not rejected, but decided: {_by_role(decided)}")


def _expected(rejection: CommandRejected, code: str, field: str | None, kind: type[CommandRejected]) -> CommandRejected:
    assert_same("code", code, rejection.code)
    if field is not None:
        assert_same("field", field, rejection.field)
    assert isinstance(rejection, kind), f"{code} is a {type(rejection).__name__}, not a {kind.__name__}"
    return rejection


def _by_role(events: Mapping[str, Sequence[DomainEvent]]) -> dict[str, list[DomainEvent]]:
    return {role: list(each) for role, each in sorted(events.items())}


START: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True)
class PolicySpec:
    """One policy under test, on one stream of its entity.

    ``PolicySpec(PAYMENT, "o-1").given(created).when(paid).then(Send(…))``

    Parameters
    ----------
    id : str
        Of the stream.
    history : tuple[DomainEvent, ...]
        What happened before, one second apart from ``START``, the first event at version 1.
    """

    policy: Policy
    id: str
    history: tuple[DomainEvent, ...] = ()

    def given(self, *events: DomainEvent) -> PolicySpec:
        """Add events to what happened before."""
        return replace(self, history=(*self.history, *events))

    def when(self, event: DomainEvent) -> Reactions:
        """React to one more event, twice, as after a crash.

        Raises
        ------
        AssertionError
            The second answer differs from the first, or the policy declares ``sends_to`` or ``schedules`` and does
            otherwise.
        BanyanError
            A reaction goes to what cannot be a stream.
        """
        stream = StreamId("acme", self.policy.entity, self.id)
        recorded = [_recorded(stream, index, each) for index, each in enumerate((*self.history, event))]
        first, again = (list(self.policy.react(recorded[-1], lambda: tuple(recorded))) for _ in range(2))
        assert_same("reactions to the same event", first, again)
        for reaction in first:
            check_declared(self.policy, reaction)
            StreamId(stream.tenant, reaction.entity, reaction.id)
        return Reactions(first)


def check_declared(policy: Policy, reaction: Reaction) -> None:
    """Refuse a reaction that a policy leaves out of what it declares. Raises ``AssertionError``."""
    command = type(reaction.command)
    if isinstance(reaction, Send) and policy.sends_to:
        assert reaction.entity in policy.sends_to, (
            f"policy {policy.name!r} sends to {reaction.entity!r}, which its sends_to leaves out"
        )
    if isinstance(reaction, Schedule) and policy.schedules:
        assert command in policy.schedules, (
            f"policy {policy.name!r} schedules {command.__name__}, which its schedules leave out"
        )


@dataclass(frozen=True)
class Reactions:
    """What a policy wants to be done, waiting to be judged."""

    found: Sequence[Reaction]

    def then(self, *reactions: Reaction) -> None:
        """Expect exactly these, in this order; none for no reaction.

        Raises
        ------
        AssertionError
        """
        assert_same("reactions", list(reactions), list(self.found))


def _recorded(stream: StreamId, index: int, event: DomainEvent) -> Event:
    return Event(
        event_id=f"event-{index + 1}",
        event_type=event.event_type(),
        stream_id=stream,
        version=index + 1,
        timestamp=START + SECOND * index,
        payload=event,
        metadata=Metadata(),
    )
