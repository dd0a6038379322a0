"""Orders: the example domain, and the folder to copy for the next one."""

from typing import Final

from banyan import Domain, DomainEvent, EventRegistry
from banyan.domain import Example
from orders.decider import ORDER
from orders.events import (
    OrderCancelled,
    OrderCreated,
    OrderItemAdded,
    OrderPaid,
)
from orders.imported import EVENTS as LEGACY_EVENTS
from orders.imported import UPCASTERS as LEGACY_UPCASTERS
from orders.inventory.decider import INVENTORY
from orders.inventory.events import EVENTS as STOCK_EVENTS
from orders.inventory.events import ReservationReleased, StockReturned
from orders.projections import PROJECTIONS
from orders.sagas import POLICIES
from orders.settings import OrderSettings
from orders.upcasters import UPCASTERS

EVENTS: Final[tuple[type[DomainEvent], ...]] = (
    OrderCreated,
    OrderItemAdded,
    OrderPaid,
    OrderCancelled,
    *LEGACY_EVENTS,
    *STOCK_EVENTS,
)

DOMAIN: Final = Domain(
    name="orders",
    registry=EventRegistry(EVENTS, [*UPCASTERS, *LEGACY_UPCASTERS]),
    deciders=[ORDER, INVENTORY],
    projections=PROJECTIONS,
    routes="orders.routes",
    legacy="orders.legacy",
    policies=POLICIES,
    published=dict.fromkeys(EVENTS, True),
    compensations=[OrderCancelled, ReservationReleased, StockReturned],
    settings=OrderSettings,
    example=Example(
        "Post a first order",
        "/orders",
        {"customerId": "c-1", "items": [{"sku": "tea", "quantity": 2, "price": "4.50"}]},
    ),
)

__all__ = ["DOMAIN"]
