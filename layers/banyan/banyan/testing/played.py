"""Commands, and all that a domain's pure functions answer to them and to what follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from typing import Any, Final

from pydantic import BaseModel

from banyan.decision import Decision, States
from banyan.domain import Domain
from banyan.errors import CommandRejected
from banyan.events import DomainEvent, Event, Metadata
from banyan.projections.base import AnyRowsProjection, RowsProjection, ViewProjection, places_in
from banyan.projections.owned import RowFold, expiry
from banyan.store.items import MAX_TRANSACTION_ITEMS
from banyan.streams import StreamId

TENANT: Final = "acme"
MOMENT: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@dataclass
class Played:
    """All that a domain's functions answered to some commands.

    Parameters
    ----------
    histories : dict[StreamId, list[DomainEvent]]
        What happened, by stream.
    decided : list[DomainEvent]
        What followed from the commands, in all streams.
    """

    domain: Domain
    histories: dict[StreamId, list[DomainEvent]]
    decided: list[DomainEvent] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)

    def ask(self, stream: StreamId, command: Any) -> None:
        """Let a command be decided, by its decision if it has one."""
        try:
            events = self._events(stream, command)
        except CommandRejected as rejection:
            self.answers.append((rejection.code, rejection.detail, rejection.field))
            return
        for each, more in events.items():
            self.histories.setdefault(each, []).extend(more)
            self.decided += more
            self.answers += [str(each), more, self._state(each)]

    def follow(self) -> None:
        """Give all that happened to the projections and policies."""
        for stream, history in self.histories.items():
            events = [_recorded(stream, version, event) for version, event in enumerate(history, start=1)]
            self.answers += _projected(self.domain, stream.entity, events)
            self.answers += _reacted(self.domain, stream.entity, events)

    def roles(self, decision: Decision[Any], command: Any) -> Mapping[str, StreamId]:
        """The participants of a decision. Raises ``AssertionError`` if they never settle."""
        roles: Mapping[str, StreamId] = {}
        for _ in range(MAX_TRANSACTION_ITEMS + 1):
            named = decision.participants(command, self._states(roles))
            found = {role: StreamId(TENANT, each.decider.entity, each.id) for role, each in named.items()}
            if found == roles:
                return roles
            roles = found
        raise AssertionError(f"the participants of {decision.name} never settle: does it name others when asked again?")

    def decision(self, command: Any) -> Decision[Any] | None:
        """The one that is declared for a command."""
        return next((each for each in self.domain.decisions if each.command is type(command)), None)

    def _events(self, stream: StreamId, command: Any) -> Mapping[StreamId, Sequence[DomainEvent]]:
        decision = self.decision(command)
        if decision is None:
            decider = self.domain.decider(stream.entity)
            return {stream: list(decider.decided(command, self._state(stream)))}
        roles = self.roles(decision, command)
        self.answers.append({role: str(each) for role, each in roles.items()})
        decided = decision.decided(command, self._states(roles))
        return {roles[role]: list(events) for role, events in decided.items()}

    def _states(self, roles: Mapping[str, StreamId]) -> States:
        return {role: self._state(stream) for role, stream in roles.items()}

    def _state(self, stream: StreamId) -> BaseModel:
        state: BaseModel = self.domain.decider(stream.entity).fold(self.histories.get(stream, ()))
        return state


def play(
    domain: Domain, entity: str, commands: Sequence[Any], given: Mapping[str, Sequence[DomainEvent]], id: str = "1"
) -> Played:
    """Give commands to one stream of an entity, and to those that their decisions name."""
    played = Played(domain, {StreamId.parse(f"{TENANT}:{name}"): list(events) for name, events in given.items()})
    stream = _subject(played, entity, commands) or StreamId(TENANT, entity, id)
    for command in commands:
        played.ask(stream, command)
    played.follow()
    return played


def _subject(played: Played, entity: str, commands: Sequence[Any]) -> StreamId | None:
    """The stream that a decision among some commands names, if there is one: the others go there too."""
    for command in commands:
        for stream in _named(played, command):
            if stream.entity == entity:
                return stream
    return None


def _named(played: Played, command: Any) -> Sequence[StreamId]:
    decision = played.decision(command)
    try:
        return list(played.roles(decision, command).values()) if decision else []
    except CommandRejected:
        return []


def _reacted(domain: Domain, entity: str, events: Sequence[Event]) -> Iterator[Any]:
    for policy in domain.policies:
        if policy.entity == entity:
            pasts = ((event, events[:count]) for count, event in enumerate(events, start=1))
            yield policy.name, [list(policy.react(event, lambda past=past: past)) for event, past in pasts]  # type: ignore[misc]


def _projected(domain: Domain, entity: str, events: Sequence[Event]) -> Iterator[Any]:
    for projection in domain.projections:
        if entity not in projection.entities:
            continue
        if isinstance(projection, ViewProjection):
            yield projection.name, [list(projection.apply(event)) for event in events]
        elif isinstance(projection, RowsProjection):
            yield projection.name, list(_owned(projection, events))
        else:
            row = reduce(projection.evolve, events, projection.initial())
            yield projection.name, row, places_in(projection.lookups, row)


def _owned(projection: AnyRowsProjection, events: Sequence[Event]) -> Iterator[Any]:
    fold = RowFold(projection, projection.initial())
    for event in events:
        written = fold.apply([event])
        rows = [each.row for each in written.values() if each.row is not None]
        yield fold.state, written, [expiry(projection, row) for row in rows]
        yield [places_in(projection.lookups, row) for row in rows]


def _recorded(stream: StreamId, version: int, event: DomainEvent) -> Event:
    return Event(
        event_id=str(version),
        event_type=event.event_type(),
        stream_id=stream,
        version=version,
        timestamp=MOMENT,
        payload=event,
        metadata=Metadata(),
    )
