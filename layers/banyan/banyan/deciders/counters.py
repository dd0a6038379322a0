"""Counters without gaps: invoice numbers that follow one another, each used by what was recorded with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from banyan.decider import Decider
from banyan.decision import Participant
from banyan.errors import ConfigurationError
from banyan.events import CamelModel, DomainEvent


class NumberDrawn(DomainEvent):
    """A number is used from now on."""

    number: int


class Counter(CamelModel):
    """The last number that was drawn, 0 before the first."""

    last: int = 0


def counter(name: str) -> Participant:
    """The participant that counts under a name, a part of a stream's name. All who draw from it wait for each other."""
    return Participant(COUNTER, name)


def draw(counted: Counter) -> NumberDrawn:
    """The next number, for the counter's role; it is used only if the whole decision is recorded."""
    return NumberDrawn(number=counted.last + 1)


def _evolve(_: Counter, event: DomainEvent) -> Counter:
    assert isinstance(event, NumberDrawn)
    return Counter(last=event.number)


def _alone(_: Any, __: Counter) -> Sequence[DomainEvent]:
    raise ConfigurationError("a counter takes no commands of its own: draw from it in a decision")


EVENTS: Final = (NumberDrawn,)
COUNTER: Final[Decider[Counter, Any]] = Decider("counter", Counter, _alone, _evolve, Counter)
