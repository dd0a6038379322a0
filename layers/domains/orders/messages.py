"""What requests and answers of the API look like, except the commands."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import FailFast, StrictInt

from banyan import CamelModel
from banyan.answers import Provenance
from banyan.events import Metadata
from banyan.text import Day
from orders.events import CustomerId, Item, OrderId
from orders.money import ZERO, Money
from orders.projections.order import OrderDetails
from orders.projections.order_list import OrderSummary
from orders.projections.stock import StockLevel
from orders.state import OrderStatus


class NewOrder(CamelModel):
    """Body of ``POST /orders``; without ``orderId`` it gets one, and ``totalAmount`` must be the sum of the items."""

    order_id: OrderId | None = None
    customer_id: CustomerId
    items: Annotated[tuple[Item, ...], FailFast()]
    total_amount: Money | None = None


class CommandAnswer(CamelModel):
    """Where an order stands after a command."""

    order_id: str
    version: int
    status: OrderStatus
    total_amount: Money


class ReceivedStock(CamelModel):
    """Body of ``POST /inventory/{sku}/receive``."""

    quantity: StrictInt


class StockCommandAnswer(CamelModel):
    """What is in stock after a command."""

    sku: str
    version: int
    available: int


class StockAnswer(StockLevel, Provenance):
    """The stock of a SKU."""


class OrderAnswer(OrderDetails, Provenance):
    """An order in full."""


class ListedOrder(OrderSummary):
    """An order in a list."""

    version: int


class OrderPage(Provenance):
    """A page of orders, and the cursor of the next one."""

    orders: tuple[ListedOrder, ...]
    cursor: str | None


class EventAnswer(CamelModel):
    """One event of an order."""

    event_id: str
    event_type: str
    version: int
    timestamp: datetime
    payload: dict[str, Any]
    metadata: Metadata


class EventPage(Provenance):
    """Events of an order; ``next`` is the ``after`` of the next page."""

    events: tuple[EventAnswer, ...]
    next: int | None


class CustomerTotals(Provenance):
    """What a customer ordered, paid and got back."""

    customer_id: str
    orders: int = 0
    paid_orders: int = 0
    paid_amount: Money = ZERO
    cancelled_orders: int = 0
    refunded_amount: Money = ZERO


class DaySales(CamelModel):
    """What was booked on one day."""

    day: Day
    orders: int = 0
    gross: Money = ZERO
    cancelled: int = 0
    refunded: Money = ZERO
    net: Money = ZERO


class DailySales(Provenance):
    """The days on which something was booked, and the cursor of the next page."""

    days: tuple[DaySales, ...]
    cursor: str | None
