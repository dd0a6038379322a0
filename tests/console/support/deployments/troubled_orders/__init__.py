"""The orders' domain with troubles that a test turns on and off, and with notes, which hold any text.

An order is broken while a file of its name stands in the folder that TROUBLES names: its payment can be neither
projected nor reacted to, and it cannot expire. An order whose id begins with ``hasty`` expires at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from banyan import CamelModel, Decider, DomainEvent, Event, EventRegistry, Policy, Schedule
from orders import EVENTS
from orders.commands import ExpireOrder
from orders.decider import ORDER
from orders.events import OrderCreated, OrderPaid
from orders.imported import UPCASTERS as OF_IMPORTS
from orders.state import Order
from orders.tools.drill.tripping import tripping
from orders.upcasters import UPCASTERS

TROUBLES: Final = Path(os.environ.get("TROUBLES", os.devnull))
HASTY: Final = "hasty"


class NoteTaken(DomainEvent):
    """Any text, and anything beside it."""

    text: str
    more: Any = None


class Notebook(CamelModel):
    """What was noted last, and how often something was."""

    count: int = 0
    last: str = ""


def _note(notes: Notebook, event: DomainEvent) -> Notebook:
    return Notebook(count=notes.count + 1, last=event.text if isinstance(event, NoteTaken) else "")


def _nothing(command: object, notes: Notebook) -> Sequence[DomainEvent]:  # noqa: ARG001
    return ()


NOTES: Final[Decider[Notebook, object]] = Decider("note", Notebook, _nothing, _note, Notebook)


def _trip(order_id: str) -> None:
    if (TROUBLES / order_id).exists():
        raise ZeroDivisionError


def _trip_over_payment(event: Event) -> None:
    if isinstance(event.payload, OrderPaid):
        _trip(event.stream_id.id)


def _decide(command: Any, order: Order) -> Sequence[DomainEvent]:
    if isinstance(command, ExpireOrder):
        _trip(order.order_id)
    return ORDER.decide(command, order)


def _expire_at_once(event: Event, history: Callable[[], Sequence[Event]]) -> Sequence[Schedule]:  # noqa: ARG001
    hasty = isinstance(event.payload, OrderCreated) and event.stream_id.id.startswith(HASTY)
    command = ExpireOrder(reason="too hasty")
    return [Schedule("haste", ORDER.entity, event.stream_id.id, command, timedelta())] if hasty else []


_TRIPPING: Final = tripping(_trip_over_payment)
DOMAIN: Final = replace(
    _TRIPPING,
    registry=EventRegistry([*EVENTS, NoteTaken], [*UPCASTERS, *OF_IMPORTS]),
    deciders=[
        replace(ORDER, decide=_decide),
        *(each for each in _TRIPPING.deciders if each.entity != ORDER.entity),
        NOTES,
    ],
    policies=[*_TRIPPING.policies, Policy("expire_hasty", ORDER.entity, _expire_at_once, schedules=[ExpireOrder])],
)
