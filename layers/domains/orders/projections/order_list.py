"""Orders in lists: by customer, by status, and all of them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from banyan import Event, Lookup, StreamProjection
from orders.events import OrderCreated
from orders.imported import FromLegacy
from orders.projections.moments import happened, sortable
from orders.state import Order, evolve

ALL: Final = "all"
END_OF_DAY: Final = "~"
"""Makes a day a sort that lies after all of its orders and before the next day's."""


class OrderSummary(Order):
    """Row ``order_list``: an order without its lines.

    Listed by ``customer`` (partition: customer id), by ``status`` (partition: status) and under ``all``
    (partition: ``ALL``), each by the moment it was created, then by id.

    Parameters
    ----------
    created_at : datetime, optional
        When it happened in the world, UTC.
    """

    created_at: datetime | None = None


def _evolve(summary: OrderSummary, event: Event) -> OrderSummary:
    summary = evolve(summary, event.payload)
    match event.payload:
        case OrderCreated():
            return summary.model_copy(update={"created_at": happened(event)})
        case FromLegacy(order=content):
            return summary.model_copy(update={"created_at": content.created_at})
    return summary


def _by_creation(summary: OrderSummary) -> str:
    created = sortable(summary.created_at) if summary.created_at else ""
    return f"{created}#{summary.order_id}"


ORDER_LIST: Final = StreamProjection(
    name="order_list",
    entity="order",
    state=OrderSummary,
    initial=OrderSummary,
    evolve=_evolve,
    version=2,
    lookups=(
        Lookup("customer", lambda summary: summary.customer_id, _by_creation),
        Lookup("status", lambda summary: str(summary.status), _by_creation),
        Lookup("all", lambda _: ALL, _by_creation),
    ),
)
