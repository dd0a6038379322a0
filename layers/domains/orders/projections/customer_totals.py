"""What each customer ordered, paid and got back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from banyan import Add, Event, ViewProjection
from orders.events import OrderCancelled, OrderCreated, OrderPaid, total
from orders.imported import FromLegacy, OrderContent, booked

TOTALS: Final = "totals"


def _apply(event: Event) -> Sequence[Add]:
    match event.payload:
        case OrderCreated(customer_id=customer):
            return _add(customer, {"orders": 1})
        case OrderPaid(customer_id=customer, amount=amount):
            return _add(customer, {"paidOrders": 1, "paidAmount": amount})
        case OrderCancelled(customer_id=customer, refunded_amount=refunded):
            return _add(customer, {"cancelledOrders": 1, "refundedAmount": refunded})
        case FromLegacy() as event_of_legacy:
            return booked(event_of_legacy, _booked)
    return ()


def _numbers(content: OrderContent) -> Mapping[str, int | Decimal]:
    """What the events would have added up to, had the order been recorded from its beginning."""
    numbers: dict[str, int | Decimal] = {"orders": 1}
    if content.paid_at:
        numbers |= {"paidOrders": 1, "paidAmount": total(content.items)}
    if content.cancelled_at:
        numbers |= {"cancelledOrders": 1, "refundedAmount": content.refunded_amount}
    return numbers


def _booked(content: OrderContent, sign: int) -> Sequence[Add]:
    return _add(content.customer_id, {name: sign * number for name, number in _numbers(content).items()})


def _add(customer: str, numbers: Mapping[str, int | Decimal]) -> Sequence[Add]:
    return (Add(customer, TOTALS, numbers),)


CUSTOMER_TOTALS: Final = ViewProjection(name="customer_totals", entity="order", apply=_apply)
"""One row per customer: partition customer id, sort ``TOTALS``.

``orders``, ``paidOrders`` and ``cancelledOrders`` count orders that ever were created, paid and cancelled;
``paidAmount`` and ``refundedAmount`` are sums of money.
"""
