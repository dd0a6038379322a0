"""The rows that an old order program would hold of a file: one for each order, as it stands in the end."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from orders.legacy import LegacyLine, LegacyOrder
from orders.tools.importer.planning import Order

METHOD = "unspecified"


def rows(orders: Iterable[Order]) -> list[LegacyOrder]:
    """Return the row of each order: paid, or cancelled where a credit note says so."""
    return [row(order) for order in orders]


def row(order: Order) -> LegacyOrder:
    """Return the row of one order."""
    return LegacyOrder(
        order_id=order.id,
        customer=order.customer,
        status="cancelled" if order.note else "paid",
        total=order.total,
        lines=tuple(LegacyLine(sku=line.sku, quantity=line.quantity, price=line.price) for line in order.lines),
        payment_method=METHOD,
        created_at=order.lines[0].moment,
        paid_at=order.finished,
        **_cancelled(order),
    )


def _cancelled(order: Order) -> dict[str, Any]:
    if order.note is None:
        return {"refunded": Decimal(0)}
    return {
        "cancel_reason": f"credit note {order.note.id}",
        "refunded": order.total,
        "cancelled_at": order.note.moment,
    }
