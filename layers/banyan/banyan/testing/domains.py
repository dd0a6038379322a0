"""Given / when / then for a whole domain: commands come in, and everything that follows from them settles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any, Final, TypeVar, cast

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from banyan.commands.decisions import Decisions, deciding
from banyan.commands.handler import CommandHandler, ConflictRetries, HandlesCommands
from banyan.deadlines.base import MemoryDeadlines
from banyan.deadlines.runner import DeadlineRunner
from banyan.decider import AnyDecider
from banyan.decision import Decided, Decision, States
from banyan.domain import Domain, deadline_durations
from banyan.errors import BanyanError, CommandRejected, ConfigurationError, InvalidEvent
from banyan.events import DomainEvent, Event, EventRegistry, Metadata
from banyan.projections.base import AnyRowsProjection, AnyStreamProjection, ViewProjection
from banyan.projections.memory import MemoryViews
from banyan.projections.processor import ProjectionProcessor, StreamProcessor
from banyan.projections.retries import RetryPolicy
from banyan.projections.views import Generation
from banyan.reactions.base import REACTOR, History, Policy, Reaction, Schedule
from banyan.reactions.policies import Policies
from banyan.reactions.reactor import Reactor
from banyan.store import Commit, EventStore
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId
from banyan.telemetry import NoTelemetry
from banyan.testing.projections import all_commits, owned_by, owned_models, rows_of
from banyan.testing.specs import assert_same, check_declared

T = TypeVar("T")

START: Final = datetime.fromisoformat("2026-01-05T09:00:00+00:00")
BETWEEN_COMMANDS: Final = timedelta(seconds=1)
ROUNDS: Final = 200
FOREVER_MS: Final = 1e9


@dataclass(frozen=True)
class DomainSpec:
    """A domain under test, on the real engine over memory.

    ``DomainSpec(DOMAIN).when("order:o-1", create).passes(timedelta(days=2)).then_state("order:o-1", expired)``

    After each command, a second apart, all reactions to it and to what they cause have come before the next one. What
    is expected must hold however commits are delivered: as they come, with all but the last of each stream lost,
    doubled, late and backwards, and to processes that are killed before and after each of their requests. A policy that
    is asked again must answer alike: its commands and deadlines are known by their steps and names. An event must be
    read from its stored form as it was decided.

    Parameters
    ----------
    settings : BaseModel, optional
        Of the domain, or of one part of a joined one, in place of its defaults; deadlines are due by them.
    """

    domain: Domain
    tenant: str = "acme"
    settings: BaseModel | None = None
    course: tuple[Callable[[_World], None], ...] = ()

    def when(self, stream: str, command: Any) -> DomainSpec:
        """Handle a command, which must not be rejected.

        Parameters
        ----------
        stream : str
            ``entity:id``.
        """
        return self._then(partial(_World.handle, stream=self._stream(stream), command=command))

    def when_rejected(self, stream: str, command: Any, code: str) -> DomainSpec:
        """Handle a command, which must be rejected with a code."""
        return self._then(partial(_World.reject, stream=self._stream(stream), command=command, code=code))

    def passes(self, time: timedelta) -> DomainSpec:
        """Let time pass, and deadlines fire in the order in which they are due."""
        return self._then(partial(_World.wait, time=time))

    def then_events(self, stream: str, *events: DomainEvent) -> DomainSpec:
        """Expect exactly these events in a stream. Raises ``AssertionError``."""
        name = self._stream(stream)
        return self._expect(f"events of {name}", list(events), lambda world: world.payloads(name))

    def then_state(self, stream: str, state: BaseModel) -> DomainSpec:
        """Expect a state of an aggregate. Raises ``AssertionError``."""
        name = self._stream(stream)
        fold = self.domain.decider(name.entity).fold
        return self._expect(f"state of {name}", state, lambda world: fold(world.payloads(name)))

    def then_row(self, projection: AnyStreamProjection, stream: str, row: BaseModel | None) -> DomainSpec:
        """Expect the row of a stream. Raises ``AssertionError``."""
        name = self._stream(stream)
        return self._expect(f"row {projection.name} of {name}", row, lambda world: world.row(projection, name))

    def then_rows(self, projection: ViewProjection, rows: Mapping[tuple[str, str], Mapping[str, Any]]) -> DomainSpec:
        """Expect exactly these rows of the tenant. Raises ``AssertionError``."""
        read = partial(rows_of, generation=Generation(projection.name), tenant=self.tenant)
        return self._expect(f"rows {projection.name}", dict(rows), lambda world: read(world.views))

    def then_owned(self, projection: AnyRowsProjection, stream: str, rows: Mapping[str, BaseModel]) -> DomainSpec:
        """Expect exactly these rows of a stream, by sort, without any that expired. Raises ``AssertionError``."""
        name, generation = self._stream(stream), Generation(projection.name)

        def read(world: _World) -> Mapping[str, BaseModel]:
            return owned_models(projection, owned_by(world.views, generation, name, world.now))

        return self._expect(f"rows {projection.name} of {name}", dict(rows), read)

    def then_published(self, stream: str, *contents: BaseModel) -> DomainSpec:
        """Expect exactly these public contents of a stream's events. Raises ``AssertionError``."""
        name = self._stream(stream)
        public = self.domain.public
        return self._expect(
            f"public contents of {name}",
            list(contents),
            lambda world: [content for content in map(public, world.payloads(name)) if content is not None],
        )

    def _then(self, step: Callable[[_World], None]) -> DomainSpec:
        return replace(self, course=(*self.course, step))

    def _expect(self, what: str, expected: Any, find: Callable[[_World], Any]) -> DomainSpec:
        for way, deliver in WAYS.items():
            world = _World(self.domain, deliver, deadline_durations(self._settings()))
            for step in self.course:
                step(world)
            assert_same(f"{what}, delivered {way}", expected, find(world))
        return self

    def _settings(self) -> list[BaseModel]:
        """The defaults of each part, and after them what was given."""
        defaults = [part.settings() for part in self.domain.parts]
        return [*defaults, self.settings] if self.settings else defaults

    def _stream(self, name: str) -> StreamId:
        stream = StreamId.parse(f"{self.tenant}:{name}")
        self.domain.decider(stream.entity)
        return stream


@dataclass
class _World:
    """One run of a course: the engine over memory, and a way to deliver."""

    domain: Domain
    deliver: _Way
    durations: Mapping[str, timedelta]
    table: MemoryTable = field(default_factory=MemoryTable)
    views: MemoryViews = field(default_factory=MemoryViews)
    deadlines: MemoryDeadlines = field(default_factory=MemoryDeadlines)
    now: datetime = START
    mistakes: list[Exception] = field(default_factory=list)
    answers: dict[tuple[str, str], Sequence[Reaction]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = self._store(self.table)

    def handle(self, stream: StreamId, command: Any) -> None:
        try:
            self._ask(stream, command)
        except CommandRejected as rejection:
            named = f"{type(command).__name__} to {stream}"
            raise AssertionError(f"{named} is rejected with {rejection.code!r}: {rejection.detail}") from rejection
        self.settle()

    def reject(self, stream: StreamId, command: Any, code: str) -> None:
        try:
            self._ask(stream, command)
        except CommandRejected as rejection:
            assert_same("code", code, rejection.code)
            return
        raise AssertionError(f"{type(command).__name__} to {stream} is not rejected")

    def wait(self, time: timedelta) -> None:
        until = self.now + time
        for _ in range(ROUNDS):
            due = next(iter(self.deadlines.due(until)), None)
            if due is None:
                self.now = max(self.now, until)
                return
            self.now = max(self.now, due.due)
            self.deliver(self, self._fire, ())
            self._check("a deadline", [each.error for each in self.deadlines.parked()])
            self.settle()
        raise AssertionError("there is always a deadline that is due")

    def settle(self) -> None:
        for _ in range(ROUNDS):
            ahead = self._ahead()
            if not ahead:
                return
            self.deliver(self, self._react, ahead)
            self.deliver(self, self._project, ahead)
            self._check("a reaction", [failure.error for failure in self.views.parked(REACTOR)])
            for projection in self.domain.projections:
                failures = self.views.parked(Generation(projection.name))
                self._check(f"projection {projection.name!r}", [failure.error for failure in failures])
        raise AssertionError("policies react to each other without end")

    def payloads(self, stream: StreamId) -> list[DomainEvent]:
        return [event.payload for event in self.store.read(stream)]

    def row(self, projection: AnyStreamProjection, stream: StreamId) -> BaseModel | None:
        found = self.views.states(Generation(projection.name), [stream]).get(stream)
        return projection.state.model_validate_json(found.state) if found else None

    def _ask(self, stream: StreamId, command: Any) -> None:
        self.now += BETWEEN_COMMANDS
        metadata = Metadata(correlation_id="spec", causation_id="spec")
        self._handlers(self.store)[stream.entity].handle(stream, command, metadata=metadata)

    def _ahead(self) -> list[Commit]:
        """What the reactor has not reacted to."""
        reached = self.views.checkpoints(REACTOR, list(self.store.streams()))
        return [commit for commit in all_commits(self.store) if commit.last > reached.get(commit.stream, 0)]

    def _react(self, outside: _Outside, commits: Iterable[Commit]) -> None:
        store = self._store(outside.tap(self.table))
        policies = Policies(
            [replace(policy, react=partial(self._reactions, policy)) for policy in self.domain.policies],
            self.domain.deciders,
            store,
            self._handlers(store),
            outside.tap(self.deadlines),
            self.durations,
            NoTelemetry(),
        )
        self._process(Reactor(store, outside.tap(self.views), [policies], retry_policy=self._patience()), commits)

    def _project(self, outside: _Outside, commits: Iterable[Commit]) -> None:
        store, views = self._store(outside.tap(self.table)), outside.tap(self.views)
        projections, policy = self.domain.projections, self._patience()
        self._process(ProjectionProcessor(store, views, projections, retry_policy=policy), commits)

    def _process(self, processor: StreamProcessor, commits: Iterable[Commit]) -> None:
        try:
            processor.project(commits)
        except BanyanError as error:
            self.mistakes.append(error)

    def _fire(self, outside: _Outside, _commits: Iterable[Commit]) -> None:
        handlers = self._handlers(self._store(outside.tap(self.table)))
        deadlines = outside.tap(self.deadlines)
        DeadlineRunner(deadlines, self.domain.deciders, handlers, max_retries=0, clock=self._clock).run(
            lambda: FOREVER_MS
        )

    def _reactions(self, policy: Policy, event: Event, history: History) -> Sequence[Reaction]:
        """What a policy wants to be done; what it cannot want is a mistake of the domain."""
        try:
            reactions = list(policy.react(event, history))
            for reaction in reactions:
                check_reaction(self.domain, policy, reaction)
            if reactions != self.answers.setdefault((policy.name, event.event_id), reactions):
                where = f"{event.event_type} {event.version} of {event.stream_id}"
                raise ConfigurationError(f"policy {policy.name!r} answers {where} differently when asked again")
        except Exception as error:
            self.mistakes.append(error)
            raise
        return reactions

    def _check(self, who: str, failures: Sequence[str]) -> None:
        if self.mistakes:
            error = self.mistakes[0]
            raise AssertionError(f"{who} fails: {type(error).__name__}: {error}") from error
        if failures:
            raise AssertionError(f"{who} fails: {failures[0]}")

    def _handlers(self, store: EventStore) -> Mapping[str, HandlesCommands]:
        checked = [replace(each, decide=partial(self._decided, each)) for each in self.domain.deciders]
        retries = ConflictRetries(sleep=_no_sleep)
        handlers = {each.entity: CommandHandler(store, each, retries=retries) for each in checked}
        taking_part = {entity: handler.aggregates for entity, handler in handlers.items()}
        decisions = Decisions(store, taking_part, retries, NoTelemetry())
        over_several = [replace(each, decide=partial(self._decided_by_role, each)) for each in self.domain.decisions]
        return deciding(handlers, decisions, over_several)

    def _decided(self, decider: AnyDecider, command: Any, state: Any) -> Sequence[DomainEvent]:
        events = decider.decided(command, state)
        self._check_stored_forms(events)
        return events

    def _decided_by_role(self, decision: Decision[Any], command: Any, states: States) -> Decided:
        decided = decision.decided(command, states)
        self._check_stored_forms(chain.from_iterable(decided.values()))
        return decided

    def _check_stored_forms(self, events: Iterable[DomainEvent]) -> None:
        """An event that changes when it is stored, or cannot be published, is a mistake of the domain."""
        try:
            for event in events:
                check_stored_form(self.domain.registry, event)
                check_public(self.domain, event)
        except AssertionError as error:
            self.mistakes.append(error)
            raise

    def _store(self, table: MemoryTable) -> EventStore:
        return EventStore(table, self.domain.registry, self._clock, _no_sleep)

    def _patience(self) -> RetryPolicy:
        return RetryPolicy(max_retries=0, clock=self._clock, sleep=_no_sleep)

    def _clock(self) -> datetime:
        return self.now


def check_reaction(domain: Domain, policy: Policy, reaction: Reaction) -> None:
    """Refuse a reaction to which nothing in the domain would answer.

    Raises
    ------
    ConfigurationError
        It goes to an entity without a decider, or schedules a command that is not deferred.
    """
    if reaction.entity not in {each.entity for each in domain.deciders}:
        raise ConfigurationError(f"policy {policy.name!r} sends to {reaction.entity!r}, which has no decider")
    decider = domain.decider(reaction.entity)
    command = type(reaction.command)
    if isinstance(reaction, Schedule) and command not in decider.deferred:
        where = f"which the decider of {decider.entity!r} does not list as deferred"
        raise ConfigurationError(f"policy {policy.name!r} schedules {command.__name__}, {where}")
    check_declared(policy, reaction)


def check_stored_form(registry: EventRegistry, event: DomainEvent) -> None:
    """Refuse an event that is not read as it was decided, such as one that was built without validation.

    Raises
    ------
    AssertionError
    """
    what = f"{event.event_type()} as it was decided, and as it is read from its stored form"
    try:
        stored = event.model_dump(mode="json", by_alias=True, warnings=False)
        read = registry.decode(event.event_type(), event.schema_version, stored)
    except (InvalidEvent, PydanticSerializationError) as error:
        raise AssertionError(f"{what}: {error}") from error
    assert_same(what, event, read)


def check_public(domain: Domain, event: DomainEvent) -> None:
    """Refuse an event whose public content cannot be made, or cannot be published.

    Raises
    ------
    AssertionError
    """
    what = f"public content of {event.event_type()}"
    try:
        content, again = domain.public(event), domain.public(event)
        if content is not None:
            content.model_dump_json(by_alias=True)
    except Exception as error:
        raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
    assert_same(what, content, again)


_Process = Callable[["_Outside", Iterable[Commit]], None]
_Way = Callable[[_World, _Process, Sequence[Commit]], None]


def _as_they_come(world: _World, process: _Process, commits: Sequence[Commit]) -> None:  # noqa: ARG001
    process(_Outside(), commits)


def _lost(world: _World, process: _Process, commits: Sequence[Commit]) -> None:  # noqa: ARG001
    process(_Outside(), list({commit.stream: commit for commit in commits}.values()))


def _doubled(world: _World, process: _Process, commits: Sequence[Commit]) -> None:  # noqa: ARG001
    process(_Outside(), [*commits, *commits])
    process(_Outside(), commits)


def _late(world: _World, process: _Process, commits: Sequence[Commit]) -> None:
    for commit in reversed(commits):
        process(_Outside(), [commit])
    process(_Outside(), all_commits(world.store)[::-1])


def _killed(world: _World, process: _Process, commits: Sequence[Commit]) -> None:  # noqa: ARG001
    for request in range(1, ROUNDS):
        outcomes = [_survives(process, commits, _Outside(request, takes_effect=effect)) for effect in (False, True)]
        if all(outcomes):
            return


def _survives(process: _Process, commits: Sequence[Commit], outside: _Outside) -> bool:
    try:
        process(outside, commits)
    except _KilledProcess:
        return False
    return True


WAYS: Final[Mapping[str, _Way]] = {
    "as they come": _as_they_come,
    "with losses": _lost,
    "twice": _doubled,
    "late and backwards": _late,
    "to processes that are killed": _killed,
}


class _KilledProcess(BaseException):
    """The process is gone; nothing in it gets to see why."""


@dataclass
class _Outside:
    """What a process reaches by requests; it is killed at one of them.

    Parameters
    ----------
    last : int
        Number of the request at which it is killed, from 1; 0 lets it live.
    takes_effect : bool
        Whether that request is still carried out.
    """

    last: int = 0
    takes_effect: bool = False
    requests: int = 0

    def tap(self, service: T) -> T:
        """The service, each call of which is a request."""
        return cast(T, _Tapped(service, self))

    def request(self, call: Callable[[], Any]) -> Any:
        """Carry a request out, unless the process is killed."""
        self.requests += 1
        if self.requests != self.last:
            return call()
        if self.takes_effect:
            call()
        raise _KilledProcess


class _Tapped:
    def __init__(self, service: Any, outside: _Outside) -> None:
        self._service = service
        self._outside = outside

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._service, name)
        if not callable(found):
            return found
        return lambda *args, **kwargs: self._outside.request(lambda: found(*args, **kwargs))


def _no_sleep(_seconds: float) -> None:
    """Lose no time in tests."""
