"""What belongs to the migration: events that say how an order stands in the legacy system, and how to fold them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import ClassVar, Final

from banyan import Add, CamelModel, DomainEvent, Upcaster
from banyan.events import Data
from orders.events import CustomerId, Item, OrderId, Status
from orders.money import ZERO, Money


class OrderContent(CamelModel):
    """All that a legacy system says about an order."""

    customer_id: CustomerId
    items: tuple[Item, ...]
    status: Status
    payment_method: str | None = None
    cancel_reason: str | None = None
    refunded_amount: Money = ZERO
    created_at: datetime
    paid_at: datetime | None = None
    cancelled_at: datetime | None = None


class FromLegacy(DomainEvent):
    """The whole order as the legacy system holds it, in place of all that was known before.

    Schema version 1 called the status ``created`` ``open``.
    """

    schema_version: ClassVar[int] = 2

    order_id: OrderId
    order: OrderContent


class OrderImported(FromLegacy):
    """An order came from the legacy system, as it stood there."""


class OrderCorrected(FromLegacy):
    """The legacy system holds an order otherwise than its events say; ``previous`` is what they said."""

    previous: OrderContent


EVENTS: Final = (OrderImported, OrderCorrected)


def booked(event: FromLegacy, book: Callable[[OrderContent, int], Sequence[Add]]) -> Sequence[Add]:
    """What an event adds to sums: its content counts once, and what it corrects is taken back, with the sign -1."""
    taken_back = book(event.previous, -1) if isinstance(event, OrderCorrected) else ()
    return (*taken_back, *book(event.order, 1))


def _imported_from_1(data: Data) -> Data:
    return {**data, "order": _with_status(data["order"])}


def _corrected_from_1(data: Data) -> Data:
    return {**data, "order": _with_status(data["order"]), "previous": _with_status(data["previous"])}


def _with_status(content: Data) -> Data:
    return {**content, "status": "created"} if content["status"] == "open" else content


UPCASTERS: Final = (
    Upcaster("OrderImported", 1, _imported_from_1),
    Upcaster("OrderCorrected", 1, _corrected_from_1),
)
