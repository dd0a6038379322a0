"""Sales per day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from banyan import Add, Event, ViewProjection
from orders.events import OrderCancelled, OrderPaid, total
from orders.imported import FromLegacy, OrderContent, booked
from orders.projections.moments import happened


def _apply(event: Event) -> Sequence[Add]:
    match event.payload:
        case OrderPaid(amount=amount):
            return _book(happened(event), {"orders": 1, "gross": amount, "net": amount})
        case OrderCancelled(refunded_amount=refunded) if refunded:
            return _book(happened(event), {"cancelled": 1, "refunded": refunded, "net": -refunded})
        case FromLegacy() as event_of_legacy:
            return booked(event_of_legacy, _booked)
    return ()


def _booked(content: OrderContent, sign: int) -> Sequence[Add]:
    """What the events would have booked, had the order been recorded from its beginning."""
    amount, refunded = sign * total(content.items), sign * content.refunded_amount
    writes: Sequence[Add] = ()
    if content.paid_at:
        writes = _book(content.paid_at, {"orders": sign, "gross": amount, "net": amount})
    if content.cancelled_at and refunded:
        writes = (*writes, *_book(content.cancelled_at, {"cancelled": sign, "refunded": refunded, "net": -refunded}))
    return writes


def _book(moment: datetime, numbers: Mapping[str, int | Decimal]) -> Sequence[Add]:
    day = moment.astimezone(UTC).date().isoformat()
    return (Add(day[:7], day, numbers),)


DAILY_SALES: Final = ViewProjection(name="daily_sales", entity="order", apply=_apply)
"""One row per day on which something was booked: partition month ``YYYY-MM``, sort day ``YYYY-MM-DD`` (UTC).

A sale is booked on the day of its payment (``orders``, ``gross``), the refund of a paid order on the day of its
cancellation (``cancelled``, ``refunded``); ``net`` is ``gross - refunded``. Days are those on which it happened
in the world.
"""
