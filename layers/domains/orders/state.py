"""What the rules need to remember of an order, and how events change it."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from banyan import CamelModel, DomainEvent
from orders.events import (
    OrderCancelled,
    OrderCreated,
    OrderItemAdded,
    OrderPaid,
    total,
)
from orders.imported import FromLegacy, OrderContent
from orders.money import ZERO, Money


class OrderStatus(StrEnum):
    """Where an order stands."""

    CREATED = "created"
    PAID = "paid"
    CANCELLED = "cancelled"


class Order(CamelModel):
    """The state of an order: as small for a thousand lines as for one.

    Parameters
    ----------
    status : OrderStatus, optional
        ``None`` until the order is created.
    total_amount : Decimal
        Sum over its lines.
    item_count : int
        Number of its lines.
    """

    order_id: str = ""
    customer_id: str = ""
    status: OrderStatus | None = None
    total_amount: Money = ZERO
    item_count: int = 0


O = TypeVar("O", bound=Order)  # noqa: E741


def evolve(order: O, event: DomainEvent) -> O:
    """State after one more event; works for every model that extends ``Order``."""
    match event:
        case OrderCreated():
            return _as_created(order, event)
        case OrderItemAdded(item=item):
            grown = {"total_amount": order.total_amount + item.amount, "item_count": order.item_count + 1}
            return order.model_copy(update=grown)
        case OrderPaid():
            return order.model_copy(update={"status": OrderStatus.PAID})
        case OrderCancelled():
            return order.model_copy(update={"status": OrderStatus.CANCELLED})
        case FromLegacy(order_id=order_id, order=content):
            return _as_recorded(order, order_id, content)
    return order


def _as_created(order: O, event: OrderCreated) -> O:
    return order.model_copy(
        update={
            "order_id": event.order_id,
            "customer_id": event.customer_id,
            "status": OrderStatus.CREATED,
            "total_amount": event.total_amount,
            "item_count": len(event.items),
        }
    )


def _as_recorded(order: O, order_id: str, content: OrderContent) -> O:
    return order.model_copy(
        update={
            "order_id": order_id,
            "customer_id": content.customer_id,
            "status": OrderStatus(content.status),
            "total_amount": total(content.items),
            "item_count": len(content.items),
        }
    )
