"""Decisions over the accounts of ``tests.support.ledger``: transfers, and an account that is closed for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.support.ledger import ACCOUNTS, REGISTRY, Deposited, Withdrawn

from banyan.decider import Decider
from banyan.decision import Decided, Decision, Participant, Participants, States
from banyan.errors import CommandRejected
from banyan.events import CamelModel, DomainEvent, EventRegistry


class Named(DomainEvent):
    successor: str


class Directory(CamelModel):
    successor: str = ""


@dataclass(frozen=True)
class Name:
    successor: str


def name(command: Name, _: Directory) -> Sequence[DomainEvent]:
    """Who gets what is left."""
    return [Named(successor=command.successor)]


def named(_: Directory, event: DomainEvent) -> Directory:
    """The last one counts."""
    assert isinstance(event, Named)
    return Directory(successor=event.successor)


DIRECTORIES: Decider[Directory, Name] = Decider("directory", Directory, name, named, Directory)
TRANSFER_REGISTRY = REGISTRY.including(EventRegistry([Named]))


@dataclass(frozen=True)
class Transfer:
    """Takes an amount from one account to another, while a third one holds at least as much as the first."""

    source: str
    target: str
    amount: int
    witness: str = ""


def parties(command: Transfer, _: States) -> Participants:
    """The witness is only looked at."""
    ids = {"source": command.source, "target": command.target, "witness": command.witness}
    return {role: Participant(ACCOUNTS, id) for role, id in ids.items() if id}


def transfer(command: Transfer, states: States) -> Decided:
    """Nothing is overdrawn; a transfer of nothing changes nothing."""
    if command.amount > states["source"].balance:
        raise CommandRejected("no_cover", f"the account holds {states['source'].balance}")
    if "witness" in states and states["witness"].balance < command.amount:
        raise CommandRejected("no_witness", f"the witness holds {states['witness'].balance}")
    if not command.amount:
        return {}
    return {"source": [Withdrawn(amount=command.amount)], "target": [Deposited(amount=command.amount)]}


TRANSFER = Decision(Transfer, parties, transfer)


@dataclass(frozen=True)
class LeaveAll:
    """Gives all that an account holds to the successor that a directory names."""

    source: str


def heirs(command: LeaveAll, states: States) -> Participants:
    """The heir is found in the state of the directory."""
    found = {"source": Participant(ACCOUNTS, command.source), "directory": Participant(DIRECTORIES, "d")}
    successor = states["directory"].successor if "directory" in states else ""
    return found | ({"heir": Participant(ACCOUNTS, successor)} if successor else {})


def leave_all(_: LeaveAll, states: States) -> Decided:
    """The heir is named again each time: after this one, the giver."""
    if "heir" not in states:
        raise CommandRejected("no_heir", "no successor is named")
    amount = states["source"].balance
    return {
        "source": [Withdrawn(amount=amount)],
        "heir": [Deposited(amount=amount)],
        "directory": [Named(successor="after")],
    }


LEAVE_ALL = Decision(LeaveAll, heirs, leave_all)


def the_heir(command: LeaveAll, states: States) -> Participants:
    """There has to be one."""
    if "directory" in states and not states["directory"].successor:
        raise CommandRejected("no_heir", "no successor is named")
    return heirs(command, states)


def leave_all_once(command: LeaveAll, states: States) -> Decided:
    """The directory is only looked at."""
    return {role: events for role, events in leave_all(command, states).items() if role != "directory"}


LEAVE_ALL_ONCE = Decision(LeaveAll, the_heir, leave_all_once)
