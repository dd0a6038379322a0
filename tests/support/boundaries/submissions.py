"""A form that was sent twice makes one order, though each sending would make an order of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from banyan import CamelModel, Decider, DomainEvent, EventRegistry
from banyan.deciders.unique import EVENTS, claim, unique
from banyan.decision import Decided, Decision, Participant, Participants, States


class OrderPlaced(DomainEvent):
    submission: str


class PlaceOrder(CamelModel):
    order: str
    submission: str


class Order(CamelModel):
    placed: bool = False


def alone(_: Any, __: Any) -> Sequence[DomainEvent]:
    return []


def order_after(_: Order, event: DomainEvent) -> Order:
    return Order(placed=isinstance(event, OrderPlaced))


ORDER = Decider("order", Order, alone, order_after, Order)


def parties(command: PlaceOrder, _: States) -> Participants:
    return {"order": Participant(ORDER, command.order), "submission": unique("submission", command.submission)}


def place(command: PlaceOrder, states: States) -> Decided:
    return {
        "submission": claim(states["submission"], owner=command.order),
        "order": [] if states["order"].placed else [OrderPlaced(submission=command.submission)],
    }


PLACE_ORDER = Decision(PlaceOrder, parties, place)
REGISTRY = EventRegistry([OrderPlaced, *EVENTS])
