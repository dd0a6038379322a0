"""What the rules need to remember of an order, and how events change it."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from banyan.events import CamelModel, DomainEvent
from orders.events import (
    Item,
    OrderCancelled,
    OrderContent,
    OrderCorrected,
    OrderCreated,
    OrderImported,
    OrderItemAdded,
    OrderPaid,
)
from orders.money import ZERO, Money


class OrderStatus(StrEnum):
    """Where an order stands."""

    OPEN = "open"
    PAID = "paid"
    CANCELLED = "cancelled"


class Order(CamelModel):
    """The state of an order: as small for a thousand lines as for one.

    Parameters
    ----------
    order_id, customer_id : str
    status : OrderStatus, optional
        ``None`` as long as the order was not created.
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
        case OrderCreated(order_id=order_id, customer_id=customer_id, items=items):
            born = order.model_copy(
                update={"order_id": order_id, "customer_id": customer_id, "status": OrderStatus.OPEN}
            )
            return _with_lines(born, items)
        case OrderItemAdded(item=item):
            return _with_lines(order, (item,))
        case OrderPaid():
            return order.model_copy(update={"status": OrderStatus.PAID})
        case OrderCancelled():
            return order.model_copy(update={"status": OrderStatus.CANCELLED})
        case OrderImported(order_id=order_id, order=content) | OrderCorrected(order_id=order_id, order=content):
            return _as_told(order, order_id, content)
    return order


def total(items: tuple[Item, ...]) -> Decimal:
    """Sum over lines."""
    return sum((item.amount for item in items), ZERO)


def _with_lines(order: O, items: tuple[Item, ...]) -> O:
    return order.model_copy(
        update={
            "total_amount": order.total_amount + total(items),
            "item_count": order.item_count + len(items),
        }
    )


def _as_told(order: O, order_id: str, content: OrderContent) -> O:
    return order.model_copy(
        update={
            "order_id": order_id,
            "customer_id": content.customer_id,
            "status": OrderStatus(content.status),
            "total_amount": total(content.items),
            "item_count": len(content.items),
        }
    )
