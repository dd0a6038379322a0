"""Deciding over several streams: look at all, decide, append to those that get events and check the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import uuid4

from banyan.commands.handler import Aggregate, Aggregates, ConflictRetries, Finder, HandlesCommands, Outcome
from banyan.decision import Decided, Decision, Participants, States
from banyan.errors import CommitTooLarge, ConcurrencyError, ConfigurationError
from banyan.events import Metadata
from banyan.store import EventStore, Write
from banyan.store.items import MAX_TRANSACTION_ITEMS
from banyan.streams import StreamId
from banyan.telemetry import Telemetry, span

READS_AT_ONCE: Final = 16

Roles = Mapping[str, StreamId]
Look = Callable[[StreamId], Aggregate[Any] | None]
Outcomes = Mapping[str, Outcome[Any]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A command as it came, the same for each attempt at it."""

    decision: Decision[Any]
    stream: StreamId
    command: Any
    commit_id: str
    metadata: Metadata | None
    expected: int | None
    first_attempt: datetime | None


@dataclass(frozen=True, slots=True)
class View:
    """What a decision looks at.

    Parameters
    ----------
    aggregates : Mapping[str, Aggregate]
        By role.
    at_once : bool
        Whether all of them are known to have stood like this at one moment.
    """

    aggregates: Mapping[str, Aggregate[Any]]
    at_once: bool

    @property
    def states(self) -> States:
        """By role."""
        return {role: aggregate.state for role, aggregate in self.aggregates.items()}

    def recorded_at(self, commit_id: str) -> datetime | None:
        """When a commit was recorded that one of them is known to hold."""
        return _recorded_at(self.aggregates.values(), commit_id)


class ParticipantReader:
    """Finds the participants of decisions and reads them.

    Parameters
    ----------
    aggregates : Mapping[str, Aggregates]
        By entity.
    """

    def __init__(self, store: EventStore, aggregates: Mapping[str, Aggregates[Any]]) -> None:
        self._store = store
        self._aggregates = aggregates

    def of(self, stream: StreamId) -> Aggregates[Any]:
        """The aggregates of a stream's entity. Raises ``ConfigurationError``."""
        if stream.entity not in self._aggregates:
            raise ConfigurationError(
                f"entity {stream.entity!r} takes no part in decisions: it has no decider here, or is being migrated"
            )
        return self._aggregates[stream.entity]

    def kept(self, asked: Asked) -> View | None:
        """All participants as this process saw them last, unless one was not seen."""
        roles = self.roles(asked, self._kept)
        aggregates = {role: self._kept(stream) for role, stream in roles.items()}
        found = {role: aggregate for role, aggregate in aggregates.items() if aggregate}
        return View(found, at_once=False) if len(found) == len(roles) else None

    def fresh(self, asked: Asked) -> View:
        """All participants as they are now: one batch read of those seen before, and one read of each other.

        Only those that were read so far when one of them shows that the command was handled before: what came of it may
        name others, or none.
        """
        known: dict[StreamId, Aggregate[Any]] = {}
        looks = 0
        while True:
            roles = self._named(asked, known)
            unread = [stream for stream in roles.values() if stream not in known]
            standing = self._standing(unread)
            missing = [stream for stream in unread if stream not in standing]
            looks += bool(standing) + len(missing)
            known |= self._searched(asked, {**standing, **self._read(missing)})
            if not unread or _recorded_at(known.values(), asked.commit_id):
                return View({role: known[stream] for role, stream in roles.items()}, at_once=looks == 1)

    def unmoved(self, view: View) -> None:
        """Make sure that all participants stood like this at one moment. Raises ``ConcurrencyError``."""
        if view.at_once:
            return
        heads = {aggregate.head.stream: aggregate.head for aggregate in view.aggregates.values()}
        for stream in sorted(self._store.moved(list(heads.values()))):
            raise ConcurrencyError(stream, heads[stream].version, self._store.get_stream_version(stream))

    def roles(self, asked: Asked, look: Look) -> Roles:
        """The participants, as far as what is known of them names them.

        Raises
        ------
        ConfigurationError
            The command was sent to another stream, a stream has two roles, or the participants never settle.
        CommitTooLarge
            There are more of them than a transaction holds.
        """
        roles: Roles = {}
        for _ in range(MAX_TRANSACTION_ITEMS + 1):
            found = {role: look(stream) for role, stream in roles.items()}
            states = {role: aggregate.state for role, aggregate in found.items() if aggregate}
            named = _streams(asked, asked.decision.participants(asked.command, states))
            if named == roles:
                return roles
            roles = named
        raise ConfigurationError(f"the participants of {asked.decision.name} never settle")

    def _named(self, asked: Asked, known: Mapping[StreamId, Aggregate[Any]]) -> Roles:
        """The participants, as far as states name them; states that may be old only let more be read at once."""
        try:
            return self.roles(asked, lambda stream: known.get(stream) or self._kept(stream))
        except Exception:
            return self.roles(asked, known.get)

    def _searched(
        self, asked: Asked, aggregates: Mapping[StreamId, Aggregate[Any]]
    ) -> Mapping[StreamId, Aggregate[Any]]:
        return {
            stream: self.of(stream).searched(aggregate, asked.commit_id, asked.first_attempt)
            for stream, aggregate in aggregates.items()
        }

    def _kept(self, stream: StreamId) -> Aggregate[Any] | None:
        return self.of(stream).kept(stream)

    def _standing(self, streams: Sequence[StreamId]) -> dict[StreamId, Aggregate[Any]]:
        """Those that were seen before and have not gone on since."""
        kept = {stream: aggregate for stream in streams if (aggregate := self._kept(stream))}
        moved = self._store.moved([aggregate.head for aggregate in kept.values()]) if kept else frozenset()
        return {stream: aggregate for stream, aggregate in kept.items() if stream not in moved}

    def _read(self, streams: Sequence[StreamId]) -> Mapping[StreamId, Aggregate[Any]]:
        if len(streams) < 2:
            return {stream: self.of(stream).load(stream) for stream in streams}
        with ThreadPoolExecutor(min(len(streams), READS_AT_ONCE)) as pool:
            reads = [pool.submit(copy_context().run, self.of(stream).load, stream) for stream in streams]
            return {stream: read.result() for stream, read in zip(streams, reads, strict=True)}


def _streams(asked: Asked, participants: Participants) -> Roles:
    tenant, name = asked.stream.tenant, asked.decision.name
    roles = {role: StreamId(tenant, each.decider.entity, each.id) for role, each in participants.items()}
    if len(roles) > MAX_TRANSACTION_ITEMS:
        raise CommitTooLarge(f"{name} looks at {len(roles)} streams, a transaction holds {MAX_TRANSACTION_ITEMS}")
    if len(set(roles.values())) < len(roles):
        raise ConfigurationError(f"a participant of {name} has two roles")
    if asked.stream not in roles.values():
        raise ConfigurationError(f"{name} was sent to a {asked.stream.entity}, which is not among its participants")
    return roles


class Decisions:
    """Handles commands over several streams.

    Cold, it reads each stream once, several at a time, and writes once. Warm, it finds out with one batch read whether
    all the streams still are where it knows them; with ``optimistic``, the write finds out.

    Parameters
    ----------
    aggregates : Mapping[str, Aggregates]
        By entity.
    retries : ConflictRetries
        After a conflict.
    """

    def __init__(
        self,
        store: EventStore,
        aggregates: Mapping[str, Aggregates[Any]],
        retries: ConflictRetries,
        telemetry: Telemetry,
    ) -> None:
        self._store = store
        self._participants = ParticipantReader(store, aggregates)
        self._retries = retries
        self._telemetry = telemetry

    def handle(
        self,
        decision: Decision[Any],
        stream: StreamId,
        command: Any,
        *,
        commit_id: str | None = None,
        metadata: Metadata | None = None,
        expected: int | None = None,
        optimistic: bool = False,
        first_attempt: datetime | None = None,
    ) -> Outcomes:
        """Decide on a command and append what follows to all streams, or to none.

        Parameters as of ``CommandHandler.handle``.

        Parameters
        ----------
        stream : StreamId
            Where the command was sent; one of the participants, and all others have its tenant.
        expected : int, optional
            Version at which the caller saw that stream; any other is a conflict that is not tried again.

        Returns
        -------
        Mapping[str, Outcome]
            By role, of the streams that got no events too.

        Raises
        ------
        CommandRejected
            The decision refused.
        ConcurrencyError
            Still conflicting after the last retry, or not at ``expected``; names the stream.
        CommitTooLarge
            More than one transaction holds; nothing was written.
        ConfigurationError
            The stream is not a participant, or an entity takes no part in decisions.
        StoreUnavailable
            The outcome is unknown; repeat with the same ``commit_id``.
        """
        asked = Asked(decision, stream, command, commit_id or str(uuid4()), metadata, expected, first_attempt)
        trust = optimistic and first_attempt is None
        attributes = {"banyan.entity": stream.entity, "banyan.command": decision.name}
        with span("command", metadata.traceparent if metadata else "", attributes):
            final = None if expected is None else stream
            return self._retries.settle(partial(self._attempt, asked), trust, final)

    def _attempt(self, asked: Asked, trust: bool) -> Outcomes:
        guess = self._trusted(asked) if trust else None
        if guess:
            return self._append(asked, *guess)
        view = self._participants.fresh(asked)
        recorded_at = view.recorded_at(asked.commit_id)
        if recorded_at:
            return self._first_outcomes(asked, recorded_at)
        _check_expected(asked, view)
        try:
            decided = asked.decision.decided(asked.command, view.states)
        except Exception:
            self._participants.unmoved(view)
            raise
        if decided:
            return self._append(asked, view, decided)
        self._participants.unmoved(view)
        return {role: Outcome(each.head, each.state, ()) for role, each in view.aggregates.items()}

    def _trusted(self, asked: Asked) -> tuple[View, Decided] | None:
        """What follows from what this process saw last; a refusal, or nothing, proves nothing of now."""
        try:
            view = self._participants.kept(asked)
            if view is None or view.recorded_at(asked.commit_id):
                return None
            _check_expected(asked, view)
            decided = asked.decision.decided(asked.command, view.states)
        except Exception:
            return None
        return (view, decided) if decided else None

    def _append(self, asked: Asked, view: View, decided: Decided) -> Outcomes:
        writes = [
            Write(view.aggregates[role].head.stream, view.aggregates[role].head, decided[role]) for role in decided
        ]
        unmoved = [aggregate.head for role, aggregate in view.aggregates.items() if role not in decided]
        started = time.perf_counter()
        appended = self._store.append_many(writes, commit_id=asked.commit_id, metadata=asked.metadata, unmoved=unmoved)
        self._telemetry.duration("AppendLatency", (time.perf_counter() - started) * 1000)
        outcomes = {role: Outcome(each.head, each.state, ()) for role, each in view.aggregates.items()}
        for role, each in zip(decided, appended, strict=True):
            aggregate = view.aggregates[role]
            outcomes[role] = self._participants.of(each.head.stream).appended(aggregate, each, asked.commit_id)
        return outcomes

    def _first_outcomes(self, asked: Asked, recorded_at: datetime) -> Outcomes:
        """What the command did when it was handled before; the states before it name its participants."""
        before: dict[StreamId, Aggregate[Any]] = {}
        outcomes: dict[StreamId, Outcome[Any]] = {}

        def look(stream: StreamId) -> Aggregate[Any]:
            if stream not in before:
                before[stream], outcomes[stream] = self._participants.of(stream).around(
                    stream, asked.commit_id, recorded_at
                )
            return before[stream]

        return {role: outcomes[stream] for role, stream in self._participants.roles(asked, look).items()}


class DecidingHandler:
    """Handles the commands of one entity, those over several streams too.

    Parameters
    ----------
    handler : HandlesCommands
        Of all other commands.
    declared : Sequence[Decision]
        Each of another command.
    """

    def __init__(self, handler: HandlesCommands, decisions: Decisions, declared: Sequence[Decision[Any]]) -> None:
        self._handler = handler
        self._decisions = decisions
        self._declared = {decision.command: decision for decision in declared}

    @property
    def finder(self) -> Finder | None:
        return self._handler.finder

    def handle(self, stream: StreamId, command: Any, **options: Any) -> Outcome[Any]:
        """What became of the stream that the command was sent to. Raises as ``Decisions.handle``."""
        decision = self._declared.get(type(command))
        if decision is None:
            return self._handler.handle(stream, command, **options)
        outcomes = self._decisions.handle(decision, stream, command, **options)
        return next(outcome for outcome in outcomes.values() if outcome.head.stream == stream)


def deciding(
    handlers: Mapping[str, HandlesCommands], decisions: Decisions, declared: Sequence[Decision[Any]]
) -> Mapping[str, HandlesCommands]:
    """Handlers by entity that decide over several streams too."""
    return {entity: DecidingHandler(handler, decisions, declared) for entity, handler in handlers.items()}


def _recorded_at(aggregates: Iterable[Aggregate[Any]], commit_id: str) -> datetime | None:
    places = (aggregate.commits.places.get(commit_id) for aggregate in aggregates)
    return min((recorded_at for _, recorded_at in filter(None, places)), default=None)


def _check_expected(asked: Asked, view: View) -> None:
    """Refuse another version than the caller saw. Raises ``ConcurrencyError``."""
    heads = {aggregate.head.stream: aggregate.head for aggregate in view.aggregates.values()}
    actual = heads[asked.stream].version
    if asked.expected not in (None, actual):
        raise ConcurrencyError(asked.stream, asked.expected or 0, actual)
