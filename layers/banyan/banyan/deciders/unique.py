"""Unique values: an e-mail address, a user name, a licence plate that belongs to one owner at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from banyan.decider import Decider
from banyan.decision import Participant
from banyan.errors import ConfigurationError, Conflict
from banyan.events import CamelModel, DomainEvent

_KIND = re.compile(r"[A-Za-z0-9][A-Za-z0-9._]*")


class ValueClaimed(DomainEvent):
    """A value belongs to an owner from now on."""

    owner: str


class ValueReleased(DomainEvent):
    """A value belongs to its owner no longer.

    Parameters
    ----------
    reserved_until : datetime, optional
        Until when only the same owner may claim it again.
    """

    reserved_until: datetime | None = None


class UniqueValue(CamelModel):
    """Who has a value, or had it last.

    Parameters
    ----------
    owner : str
        Empty for a value that was never claimed.
    held : bool
        Whether the owner has it now.
    """

    owner: str = ""
    held: bool = False
    reserved_until: datetime | None = None


def unique(kind: str, value: str) -> Participant:
    """The participant that stands for a value.

    Parameters
    ----------
    kind : str
        Letters, digits, ``.`` and ``_``; values of two kinds have nothing to do with each other.
    value : str
        Any text, as it is to be compared: fold case and spaces before. Only its sha256 is stored, which whoever
        guesses the value can recognise.

    Raises
    ------
    ConfigurationError
        The kind is not a name.
    """
    if not _KIND.fullmatch(kind):
        raise ConfigurationError(f"the kind {kind!r} of a unique value: use letters, digits, '.' and '_'")
    return Participant(UNIQUE, f"{kind}-{sha256(value.encode()).hexdigest()}")


def claim(value: UniqueValue, owner: str, now: datetime | None = None) -> Sequence[DomainEvent]:
    """What gives a value to an owner; nothing when it has it already.

    Parameters
    ----------
    now : datetime, optional
        The time of the command; without it, a reservation has no end.

    Raises
    ------
    Conflict
        ``value_taken``, by another owner; ``value_reserved`` for the one who had it last.
    """
    if value.held:
        if value.owner == owner:
            return []
        raise Conflict("value_taken", "this value belongs to another owner: choose a different one")
    if value.owner not in ("", owner) and value.reserved_until and (now is None or now < value.reserved_until):
        raise Conflict("value_reserved", "this value was given up a short time ago: choose a different one")
    return [ValueClaimed(owner=owner)]


def release(value: UniqueValue, owner: str, reserved_until: datetime | None = None) -> Sequence[DomainEvent]:
    """What gives a value up; nothing when the owner does not have it.

    Parameters
    ----------
    reserved_until : datetime, optional
        Until when only the same owner may claim it again.
    """
    return [ValueReleased(reserved_until=reserved_until)] if value.held and value.owner == owner else []


def _evolve(value: UniqueValue, event: DomainEvent) -> UniqueValue:
    if isinstance(event, ValueClaimed):
        return UniqueValue(owner=event.owner, held=True)
    until = event.reserved_until if isinstance(event, ValueReleased) else None
    return UniqueValue(owner=value.owner, reserved_until=until)


def _alone(_: Any, __: UniqueValue) -> Sequence[DomainEvent]:
    raise ConfigurationError("a unique value takes no commands of its own: claim it in a decision")


EVENTS: Final = (ValueClaimed, ValueReleased)
UNIQUE: Final[Decider[UniqueValue, Any]] = Decider("unique", UniqueValue, _alone, _evolve, UniqueValue)
