"""A small domain whose commands can wait: credits that fall due on accounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from tests.support.clocks import START
from tests.support.ledger import REGISTRY, Account, Deposited, account, evolve

from banyan.deadlines.base import Deadline
from banyan.decider import Decider
from banyan.domain import Domain
from banyan.errors import CommandRejected
from banyan.events import CamelModel, DomainEvent, Metadata

POISON = 13


class Credit(CamelModel):
    amount: int
    note: str = ""


def decide(command: Credit, account: Account) -> Sequence[DomainEvent]:
    """Nothing follows from a credit of nothing, a negative one is refused, and one of 13 breaks the decider."""
    if command.amount == POISON:
        raise ZeroDivisionError
    if command.amount < 0:
        raise CommandRejected("negative", f"the account holds {account.balance}")
    return [Deposited(amount=command.amount)] if command.amount else []


CREDITED: Decider[Account, Credit] = Decider("account", Account, decide, evolve, Account, deferred=(Credit,))
DOMAIN = Domain("credits", REGISTRY, [CREDITED])


def deadline(name: str, amount: int = 1, after: float = 0.0, *, note: str = "") -> Deadline:
    """A credit on the account of this name, due some seconds after the start."""
    return Deadline(
        stream=account(name),
        name="credit",
        due=due(after),
        command=Credit(amount=amount, note=note),
        commit_id=f"{name}-{after}",
        metadata=Metadata(correlation_id="c-1", causation_id="e-1", actor="policy:credits"),
    )


def due(after: float) -> datetime:
    """A moment some seconds after the start."""
    return START + timedelta(seconds=after)
