"""A user name belongs to one user; whoever gives it up has some time to take it back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from banyan import CamelModel, Decider, DomainEvent, EventRegistry
from banyan.deciders.unique import EVENTS, claim, release, unique
from banyan.decision import Decided, Decision, Participant, Participants, States

GRACE = timedelta(days=30)


class UserNamed(DomainEvent):
    name: str


class ChooseName(CamelModel):
    user: str
    name: str
    now: datetime


class User(CamelModel):
    name: str = ""


def alone(_: object, __: User) -> Sequence[DomainEvent]:
    return []


def user_after(user: User, event: DomainEvent) -> User:
    return User(name=event.name) if isinstance(event, UserNamed) else user


USER = Decider("user", User, alone, user_after, User)


def parties(command: ChooseName, states: States) -> Participants:
    """The name that is given up stands in the user's state."""
    found = {"user": Participant(USER, command.user), "new": unique("user.name", command.name)}
    old = states["user"].name if "user" in states else ""
    return found | ({"old": unique("user.name", old)} if old not in ("", command.name) else {})


def choose(command: ChooseName, states: States) -> Decided:
    if states["user"].name == command.name:
        return {}
    decided = {"user": [UserNamed(name=command.name)], "new": claim(states["new"], command.user, command.now)}
    if "old" in states:
        decided["old"] = release(states["old"], command.user, reserved_until=command.now + GRACE)
    return decided


CHOOSE_NAME = Decision(ChooseName, parties, choose)
REGISTRY = EventRegistry([UserNamed, *EVENTS])
