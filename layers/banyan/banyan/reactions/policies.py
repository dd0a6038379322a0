"""Policies at work: from events to commands, each handled once."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Final
from uuid import UUID, uuid5

from banyan.commands.handler import CLOCK_SKEW, HandlesCommands
from banyan.deadlines.base import Deadline, Deadlines, deferred_commands
from banyan.decider import AnyDecider
from banyan.errors import CommandRejected, ConcurrencyError, ConfigurationError, StoreUnavailable
from banyan.events import Event, Metadata
from banyan.reactions.base import History, Policy, Reaction, Schedule, Send
from banyan.store import Commit
from banyan.store.reader import StreamReader
from banyan.streams import StreamId
from banyan.telemetry import Telemetry, span

_IDS: Final = UUID("fb0b5249-0eac-4a95-a6de-fe9c0918a00e")

_logger = logging.getLogger(__name__)

Handlers = Mapping[str, HandlesCommands]


class Policies:
    """The effect that lets a domain's policies react.

    Every command has the same commit id whenever its event is reacted to, so a repeat finds the commit it made.
    A command that the domain rejects has its answer: it is counted, and not tried again.

    Parameters
    ----------
    deciders : Sequence[Decider]
        Say which commands may wait.
    store : StreamReader
        Reads the histories that policies ask for.
    handlers : Mapping[str, HandlesCommands]
        By entity.
    durations : Mapping[str, timedelta]
        By the name of a deadline: after how long it is due unless its policy says.
    """

    def __init__(
        self,
        policies: Sequence[Policy],
        deciders: Sequence[AnyDecider],
        store: StreamReader,
        handlers: Handlers,
        deadlines: Deadlines,
        durations: Mapping[str, timedelta],
        telemetry: Telemetry,
    ) -> None:
        self._deciders = deciders
        self._store = store
        self._handlers = handlers
        self._deadlines = deadlines
        self._durations = durations
        self._telemetry = telemetry
        self._policies: Mapping[str, Sequence[Policy]] = _by_entity(policies)

    def act(self, commit: Commit, events: Sequence[Event]) -> None:
        """Let the policies of the commit's entity react to its events.

        Raises
        ------
        StoreUnavailable
            Also when others keep writing to a stream that a command goes to.
        """
        policies = self._policies.get(commit.stream.entity, ())
        for event in events if policies else ():
            history = self._history(event)
            for policy in policies:
                self._react(policy, event, history)

    def _react(self, policy: Policy, event: Event, history: History) -> None:
        attributes = {"banyan.policy": policy.name, "banyan.event": event.event_type}
        with span("policy", event.metadata.traceparent, attributes) as traceparent:
            metadata = _metadata(policy, event, traceparent)
            reactions = policy.react(event, history)
            check_unique_steps(policy, reactions)
            for reaction in self._worthwhile(event, reactions):
                self._react_once(policy, event, reaction, metadata)

    def _history(self, event: Event) -> History:
        return cache(lambda: tuple(self._store.read(event.stream_id, to_version=event.version)))

    def _worthwhile(self, event: Event, reactions: Sequence[Reaction]) -> Sequence[Reaction]:
        """Reactions without those to streams that would have to exist and do not."""
        asked = {_target(event, each) for each in reactions if _wants_existing(each)}
        missing = asked - self._store.existing(sorted(asked)) if asked else asked
        return [each for each in reactions if not (_wants_existing(each) and _target(event, each) in missing)]

    def _react_once(self, policy: Policy, event: Event, reaction: Reaction, metadata: Metadata) -> None:
        if isinstance(reaction, Send):
            self._send(policy, event, reaction, metadata)
        else:
            self._schedule(policy, event, reaction, metadata)

    def _send(self, policy: Policy, event: Event, send: Send, metadata: Metadata) -> None:
        stream = _target(event, send)
        try:
            self._handler(send.entity).handle(
                stream,
                send.command,
                commit_id=_commit_id(policy, event, send.step),
                metadata=metadata,
                first_attempt=event.timestamp - CLOCK_SKEW,
            )
        except CommandRejected as rejection:
            self._telemetry.count("PolicyRejections")
            where = {
                "policy": policy.name,
                "step": send.step,
                "command": type(send.command).__name__,
                "stream": str(stream),
                "code": rejection.code,
                "event": event.event_id,
                "correlation_id": event.metadata.correlation_id or event.event_id,
            }
            _logger.warning(
                "policy %s: %s rejected a command with %s", policy.name, stream, rejection.code, extra=where
            )
        except ConcurrencyError as error:
            raise StoreUnavailable(f"{stream} is contended: deliver the batch again") from error

    def _schedule(self, policy: Policy, event: Event, schedule: Schedule, metadata: Metadata) -> None:
        stream = _target(event, schedule)
        if type(schedule.command) not in deferred_commands(self._deciders, schedule.entity):
            raise ConfigurationError(
                f"{type(schedule.command).__name__} is not among the deferred commands of its decider"
            )
        self._deadlines.schedule(
            Deadline(
                stream=stream,
                name=schedule.name,
                due=event.timestamp + self._duration(schedule),
                command=schedule.command,
                commit_id=_commit_id(policy, event, schedule.name),
                metadata=metadata,
            )
        )

    def _handler(self, entity: str) -> HandlesCommands:
        if entity not in self._handlers:
            raise ConfigurationError(f"there is no decider for entity {entity!r}")
        return self._handlers[entity]

    def _duration(self, schedule: Schedule) -> timedelta:
        after = self._durations.get(schedule.name) if schedule.after is None else schedule.after
        if after is None:
            raise ConfigurationError(f"nothing says after how long the deadline {schedule.name!r} is due")
        return after


def _by_entity(policies: Sequence[Policy]) -> Mapping[str, Sequence[Policy]]:
    found: dict[str, list[Policy]] = defaultdict(list)
    for policy in policies:
        found[policy.entity].append(policy)
    return found


def check_unique_steps(policy: Policy, reactions: Sequence[Reaction]) -> None:
    """Refuse two reactions to one event that have the same step: one would pass for a repeat of the other."""
    steps: set[str] = set()
    for reaction in reactions:
        step = _step(reaction)
        if step in steps:
            raise ConfigurationError(f"policy {policy.name!r} reacts twice with the step {step!r}")
        steps.add(step)


def _wants_existing(reaction: Reaction) -> bool:
    return isinstance(reaction, Send) and reaction.existing


def _target(event: Event, reaction: Reaction) -> StreamId:
    return StreamId(event.stream_id.tenant, reaction.entity, reaction.id)


def _step(reaction: Reaction) -> str:
    return reaction.step if isinstance(reaction, Send) else reaction.name


def _commit_id(policy: Policy, event: Event, step: str) -> str:
    return str(uuid5(_IDS, f"{policy.name}#{event.event_id}#{step}"))


def _metadata(policy: Policy, event: Event, traceparent: str) -> Metadata:
    return Metadata(
        correlation_id=event.metadata.correlation_id or event.event_id,
        causation_id=event.event_id,
        actor=f"policy:{policy.name}",
        traceparent=traceparent,
    )
