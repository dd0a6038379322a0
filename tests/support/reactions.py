"""Accounts whose deposits are passed on, and a reactor over tables in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.support.clocks import ManualClock, no_sleep
from tests.support.ledger import ACCOUNTS, REGISTRY, Account, Deposit, Deposited, Withdraw, Withdrawn, account
from tests.support.projections import CountingTelemetry

from banyan.commands.handler import CommandHandler, ConflictRetries
from banyan.deadlines.base import Deadline
from banyan.decider import Decider
from banyan.domain import Domain
from banyan.events import CamelModel, DomainEvent, Event, Metadata
from banyan.projections.memory import MemoryViews
from banyan.projections.retries import RetryPolicy
from banyan.projections.state import CachedStates, ProjectionStates
from banyan.projections.views import FailureRecord
from banyan.reactions.base import REACTOR, History, Policy, Reaction, Schedule, Send
from banyan.reactions.policies import Policies
from banyan.reactions.reactor import Effect, Reactor
from banyan.store import Commit, EventStore, Expected
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId

POISON = "poison"


class Remind(CamelModel):
    """Wait for money."""


@dataclass
class Noted:
    """An effect that keeps what it was given, and fails on poison until it is cured."""

    taken: list[tuple[str, int]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    error: Exception | None = None

    def act(self, commit: Commit, events: Sequence[Event]) -> None:
        if self.error and any(getattr(event.payload, "note", "") == POISON for event in events):
            raise self.error
        self.taken.append((str(commit.stream), commit.last))
        self.events += events


class Kept:
    """Deadlines as they were scheduled."""

    def __init__(self) -> None:
        self.scheduled: list[Deadline] = []

    def schedule(self, deadline: Deadline) -> None:
        self.scheduled.append(deadline)


def pass_on(event: Event, history: History) -> Sequence[Reaction]:  # noqa: ARG001
    """A deposit with a name in its note goes to the account of that name."""
    if isinstance(event.payload, Deposited) and event.payload.note:
        return [Send("account", event.payload.note, Deposit(event.payload.amount), "pass on")]
    return ()


class Bank:
    """One domain with accounts, its policies, and reactors.

    Parameters
    ----------
    policies : Policy
        ``pass_on`` when there is none.
    effects : Effect
        Instead of the policies.
    """

    def __init__(self, *policies: Policy, effects: Sequence[Effect] = ()) -> None:
        decider: Decider[Account, Deposit | Withdraw] = Decider(
            "account", Account, ACCOUNTS.decide, ACCOUNTS.evolve, Account, deferred=(Remind,)
        )
        self.clock = ManualClock()
        self.domain = Domain("bank", REGISTRY, [decider], policies=policies or [Policy("pass_on", "account", pass_on)])
        self.store = EventStore(MemoryTable(), REGISTRY, self.clock, no_sleep)
        self.views = MemoryViews()
        self.telemetry = CountingTelemetry()
        self.deadlines = Kept()
        self.durations = {"reminder": timedelta(days=3)}
        self.effects = effects
        self.projection_states = CachedStates(ProjectionStates(), [REACTOR.projection], 0)
        self.reactor = self.make_reactor()

    def policies(self) -> Policies:
        """The effect of the policies, as in a new process."""
        handlers: dict[str, CommandHandler[Any, Any]] = {
            "account": CommandHandler(
                self.store, self.domain.decider("account"), retries=ConflictRetries(sleep=no_sleep)
            )
        }
        return Policies(
            self.domain.policies,
            self.domain.deciders,
            self.store,
            handlers,
            self.deadlines,
            self.durations,
            self.telemetry,
        )

    def make_reactor(self) -> Reactor:
        """A reactor, as in a new process."""
        return Reactor(
            self.store,
            self.views,
            self.effects or [self.policies()],
            states=self.projection_states,
            retry_policy=RetryPolicy(max_retries=2, clock=self.clock, sleep=no_sleep, telemetry=self.telemetry),
        )

    def commit(self, stream: StreamId, *events: DomainEvent, metadata: Metadata | None = None) -> Commit:
        """Append one commit."""
        before = self.store.head(stream)
        self.store.append(stream, Expected.ANY, list(events), metadata=metadata)
        (commit,) = self.store.commits(stream, before)
        return commit

    def events(self, name: str, tenant: str = "acme") -> list[Event]:
        """Events of an account."""
        return list(self.store.read(account(name, tenant)))

    def reached(self, stream: StreamId) -> int:
        """The reactor's cursor of a stream."""
        return self.views.checkpoints(REACTOR, [stream]).get(stream, 0)

    def failure(self, stream: StreamId) -> FailureRecord | None:
        """Why a stream stands still."""
        return self.views.failure(REACTOR, stream)


def deposited(amount: int, to: str = "") -> Deposited:
    """A deposit that is passed on to an account."""
    return Deposited(amount=amount, note=to)


def remind(event: Event, history: History) -> Sequence[Reaction]:
    """A withdrawal that empties the account is followed by a reminder."""
    balance = ACCOUNTS.fold(each.payload for each in history()).balance
    if isinstance(event.payload, Withdrawn) and balance == 0:
        return [Schedule("reminder", "account", event.stream_id.id, Remind())]
    return ()
