"""A small domain for tests of the engine: accounts with deposits and withdrawals."""

from __future__ import annotations

import base64
import random
from collections.abc import Sequence
from dataclasses import dataclass

from banyan.decider import Decider
from banyan.errors import CommandRejected
from banyan.events import CamelModel, DomainEvent, EventRegistry
from banyan.store import EventStore
from banyan.streams import StreamHead, StreamId


class Deposited(DomainEvent):
    amount: int
    note: str = ""


class Withdrawn(DomainEvent):
    amount: int


class Account(CamelModel):
    balance: int = 0
    movements: int = 0


@dataclass(frozen=True)
class Deposit:
    amount: int


@dataclass(frozen=True)
class Withdraw:
    amount: int


def decide(command: Deposit | Withdraw, account: Account) -> Sequence[DomainEvent]:
    """A withdrawal needs cover; a deposit of nothing changes nothing."""
    if isinstance(command, Deposit):
        return [Deposited(amount=command.amount)] if command.amount else []
    if command.amount > account.balance:
        raise CommandRejected("no_cover", f"the account holds {account.balance}")
    return [Withdrawn(amount=command.amount)]


def evolve(account: Account, event: DomainEvent) -> Account:
    """Add up."""
    amount = event.amount if isinstance(event, Deposited) else -event.amount if isinstance(event, Withdrawn) else 0
    return Account(balance=account.balance + amount, movements=account.movements + 1)


REGISTRY = EventRegistry([Deposited, Withdrawn])
ACCOUNTS: Decider[Account, Deposit | Withdraw] = Decider("account", Account, decide, evolve, Account)


def account(name: str, tenant: str = "acme") -> StreamId:
    """Stream of an account."""
    return StreamId(tenant, "account", name)


def noise(size: int, seed: int = 0) -> str:
    """Text of ``size`` bytes that hardly compresses."""
    return base64.b64encode(random.Random(seed).randbytes(size))[:size].decode()


def bulk(count: int, size: int) -> list[DomainEvent]:
    """Deposits of 1, 2, 3 … with a different incompressible note of ``size`` bytes each."""
    return [Deposited(amount=number, note=noise(size, seed=number)) for number in range(1, count + 1)]


def deposits(*amounts: int, note: str = "") -> list[DomainEvent]:
    """One deposit for each amount."""
    return [Deposited(amount=amount, note=note) for amount in amounts]


def fill(store: EventStore, stream: StreamId, commits: int, size: int = 1) -> StreamHead:
    """Append commits of ``size`` deposits each to an empty stream, and return its head."""
    head = StreamHead.empty(stream)
    for _ in range(commits):
        first = head.version + 1
        head = store.append(stream, head, deposits(*range(first, first + size))).head
    return head
