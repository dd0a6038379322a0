"""What each customer ordered, paid and got back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from banyan.events import Event
from banyan.projections.base import Add, RowWrite, ViewProjection
from orders.events import OrderCancelled, OrderCreated, OrderPaid

TOTALS: Final = "totals"


def _apply(event: Event) -> Sequence[RowWrite]:
    match event.payload:
        case OrderCreated(customer_id=customer):
            return _add(customer, {"orders": 1})
        case OrderPaid(customer_id=customer, amount=amount):
            return _add(customer, {"paidOrders": 1, "paidAmount": amount})
        case OrderCancelled(customer_id=customer, refunded_amount=refunded):
            return _add(customer, {"cancelledOrders": 1, "refundedAmount": refunded})
    return ()


def _add(customer: str, numbers: Mapping[str, int | Decimal]) -> Sequence[RowWrite]:
    return (Add(customer, TOTALS, numbers),)


CUSTOMER_TOTALS: Final = ViewProjection(name="customer_totals", entity="order", apply=_apply)
"""One row per customer: partition customer id, sort ``TOTALS``.

``orders``, ``paidOrders`` and ``cancelledOrders`` count orders that ever were created, paid and cancelled;
``paidAmount`` and ``refundedAmount`` are sums of money.
"""
