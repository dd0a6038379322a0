"""Given / when / then for policies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from banyan.events import DomainEvent, Event, Metadata
from banyan.reactions.base import Policy, Reaction, Schedule, Send
from banyan.streams import StreamId
from banyan.testing.differences import assert_same

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
