"""Orders as tests need them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from orders.commands import AddItem, CancelOrder, CreateOrder, ExpireOrder, PayOrder
from orders.events import Item, OrderCancelled, OrderCreated, OrderItemAdded, OrderPaid, total

LANTERN = Item(sku="71053", quantity=6, price=Decimal("3.39"))
HANGER = Item(sku="84406B", quantity=8, price=Decimal("2.75"))


def created(*items: Item, order_id: str = "536365", customer_id: str = "17850") -> OrderCreated:
    """The order was created, of one lantern line unless told otherwise."""
    items = items or (LANTERN,)
    return OrderCreated(order_id=order_id, customer_id=customer_id, items=items, total_amount=total(items))


CREATED = created()
ADDED = OrderItemAdded(order_id="536365", customer_id="17850", item=HANGER)
PAID = OrderPaid(order_id="536365", customer_id="17850", amount=Decimal("20.34"), method="card")
CANCELLED = OrderCancelled(order_id="536365", customer_id="17850", reason="damaged", refunded_amount=Decimal("0.00"))
REFUNDED = CANCELLED.model_copy(update={"refunded_amount": Decimal("20.34")})


def create(*items: Item) -> CreateOrder:
    """Create the order, of one lantern line unless told otherwise."""
    return CreateOrder(order_id="536365", customer_id="17850", items=items or (LANTERN,))


def add(item: Item = HANGER) -> AddItem:
    """Add a line."""
    return AddItem(item=item)


def pay(amount: str = "20.34", method: str = "card") -> PayOrder:
    """Pay."""
    return PayOrder(amount=Decimal(amount), method=method)


def cancel(reason: str = "damaged") -> CancelOrder:
    """Cancel."""
    return CancelOrder(reason=reason)


def expire(reason: str = "not paid in time") -> ExpireOrder:
    """Let the order's time run out."""
    return ExpireOrder(reason=reason)


def line(**changes: Any) -> Item:
    """A lantern line with some fields changed."""
    return Item.model_validate({**LANTERN.model_dump(), **changes})
