"""Sales per day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from banyan.events import Event
from banyan.projections.base import Add, RowWrite, ViewProjection
from orders.events import OrderCancelled, OrderPaid
from orders.projections.moments import happened


def _apply(event: Event) -> Sequence[RowWrite]:
    match event.payload:
        case OrderPaid(amount=amount):
            return _book(event, {"orders": 1, "gross": amount, "net": amount})
        case OrderCancelled(refunded_amount=refunded) if refunded:
            return _book(event, {"cancelled": 1, "refunded": refunded, "net": -refunded})
    return ()


def _book(event: Event, numbers: Mapping[str, int | Decimal]) -> Sequence[RowWrite]:
    day = happened(event).date().isoformat()
    return (Add(day[:7], day, numbers),)


DAILY_SALES: Final = ViewProjection(name="daily_sales", entity="order", apply=_apply)
"""One row per day on which something was booked: partition month ``YYYY-MM``, sort day ``YYYY-MM-DD`` (UTC).

A sale is booked on the day of its payment (``orders``, ``gross``), the refund of a paid order on the day of its
cancellation (``cancelled``, ``refunded``); ``net`` is ``gross - refunded``. Days are those on which it happened
in the world.
"""
