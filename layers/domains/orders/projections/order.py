"""The order in full."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from banyan import Event, StreamProjection
from orders.events import (
    Item,
    OrderCancelled,
    OrderCreated,
    OrderItemAdded,
    OrderPaid,
)
from orders.imported import FromLegacy, OrderContent
from orders.money import ZERO, Money
from orders.projections.moments import happened
from orders.state import Order, evolve


class OrderDetails(Order):
    """Row ``order``: all that is known about one order, read by its id.

    Parameters
    ----------
    items : tuple[Item, ...]
        Its lines, in the order in which they came.
    created_at, paid_at, cancelled_at : datetime, optional
        When it happened in the world, UTC.
    """

    items: tuple[Item, ...] = ()
    created_at: datetime | None = None
    paid_at: datetime | None = None
    payment_method: str | None = None
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    refunded_amount: Money = ZERO


def _evolve(order: OrderDetails, event: Event) -> OrderDetails:
    order = evolve(order, event.payload)
    match event.payload:
        case OrderCreated(items=items):
            return order.model_copy(update={"items": items, "created_at": happened(event)})
        case OrderItemAdded(item=item):
            return order.model_copy(update={"items": (*order.items, item)})
        case OrderPaid(method=method):
            return order.model_copy(update={"payment_method": method, "paid_at": happened(event)})
        case OrderCancelled(reason=reason, refunded_amount=refunded):
            return order.model_copy(
                update={"cancel_reason": reason, "refunded_amount": refunded, "cancelled_at": happened(event)}
            )
        case FromLegacy(order=content):
            return order.model_copy(update=_as_recorded(content))
    return order


def _as_recorded(content: OrderContent) -> Mapping[str, Any]:
    names = ("items", "created_at", "paid_at", "payment_method", "cancelled_at", "cancel_reason", "refunded_amount")
    return {name: getattr(content, name) for name in names}


ORDER_DETAILS: Final = StreamProjection(
    name="order", entity="order", state=OrderDetails, initial=OrderDetails, evolve=_evolve, version=2
)
