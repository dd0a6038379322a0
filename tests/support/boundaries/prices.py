"""A product is bought at the price that was seen, while that is the price or was it until just now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from banyan import CamelModel, Conflict, Decider, DomainEvent, EventRegistry
from banyan.decision import Decided, Decision, Participant, Participants, States

GRACE = timedelta(minutes=10)


class PriceSet(DomainEvent):
    price: int
    since: datetime


class Bought(DomainEvent):
    product: str
    price: int
    change: int


class SetPrice(CamelModel):
    price: int
    now: datetime


class Buy(CamelModel):
    purchase: str
    product: str
    price: int
    now: datetime


class Product(CamelModel):
    price: int = 0
    since: datetime | None = None
    before: int = 0
    changes: int = 0


class Purchase(CamelModel):
    price: int = 0


def set_price(command: SetPrice, product: Product) -> Sequence[DomainEvent]:
    return [PriceSet(price=command.price, since=command.now)] if command.price != product.price else []


def product_after(product: Product, event: DomainEvent) -> Product:
    assert isinstance(event, PriceSet)
    return Product(price=event.price, since=event.since, before=product.price, changes=product.changes + 1)


def alone(_: Any, __: Any) -> Sequence[DomainEvent]:
    return []


def purchase_after(purchase: Purchase, event: DomainEvent) -> Purchase:
    return Purchase(price=event.price) if isinstance(event, Bought) else purchase


PRODUCT = Decider("product", Product, set_price, product_after, Product)
PURCHASE = Decider("purchase", Purchase, alone, purchase_after, Purchase)


def parties(command: Buy, _: States) -> Participants:
    return {"product": Participant(PRODUCT, command.product), "purchase": Participant(PURCHASE, command.purchase)}


def buy(command: Buy, states: States) -> Decided:
    """The product is only looked at: a price that changes meanwhile makes this decision be taken again."""
    product = states["product"]
    good = {product.price} | ({product.before} if product.since and command.now < product.since + GRACE else set())
    if states["purchase"].price:
        return {}
    if command.price not in good:
        raise Conflict("price_changed", f"the price is {product.price}")
    return {"purchase": [Bought(product=command.product, price=command.price, change=product.changes)]}


BUY = Decision(Buy, parties, buy)
REGISTRY = EventRegistry([PriceSet, Bought])
