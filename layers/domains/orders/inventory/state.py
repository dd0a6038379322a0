"""What the rules need to remember of a stock, and how events change it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from banyan import CamelModel, DomainEvent
from orders.inventory.events import (
    ReservationConfirmed,
    ReservationReleased,
    StockReceived,
    StockRejected,
    StockReserved,
    StockReturned,
)

IN_FLIGHT: Final = timedelta(minutes=2)
"""Longer than the first pieces are on their way into the stream, and than clocks differ, together."""


class Stock(CamelModel):
    """The stock of one SKU. It holds open reservations only, so it stays small.

    Parameters
    ----------
    tracked_since : datetime, optional
        When the first pieces came in; ``None`` for a SKU that is not tracked.
    available : int
        Pieces that can be reserved.
    reserved : Mapping[str, int]
        Pieces set aside, by reservation.
    rejected : Mapping[str, int]
        Pieces that were asked for in vain, by reservation, until its order is cancelled.
    early : tuple[str, ...]
        Reservations of orders from about the beginning of the tracking, until they are released or returned. Other
        orders of that time may have found no stock to ask, so only these can have anything to return.
    """

    sku: str = ""
    tracked_since: datetime | None = None
    available: int = 0
    reserved: Mapping[str, int] = {}
    rejected: Mapping[str, int] = {}
    early: tuple[str, ...] = ()

    def surely_asked(self, ordered_at: datetime) -> bool:
        """Whether an order came so long after the first pieces that it must have found them."""
        return self.tracked_since is not None and ordered_at >= self.tracked_since + IN_FLIGHT


def evolve(stock: Stock, event: DomainEvent) -> Stock:
    """State after one more event."""
    match event:
        case StockReceived(sku=sku, quantity=quantity, received_at=at):
            since = stock.tracked_since or at
            return _changed(stock, sku=sku, tracked_since=since, available=stock.available + quantity)
        case StockReserved(reservation=reservation, quantity=quantity, ordered_at=ordered_at):
            reserved = {**stock.reserved, reservation: quantity}
            early = stock.early if stock.surely_asked(ordered_at) else (*stock.early, reservation)
            return _changed(stock, reserved=reserved, early=early, available=stock.available - quantity)
        case StockRejected(reservation=reservation, quantity=quantity):
            return _changed(stock, rejected={**stock.rejected, reservation: quantity})
        case ReservationConfirmed(reservation=reservation):
            return _changed(stock, reserved=_without(stock.reserved, reservation))
        case ReservationReleased(reservation=reservation, quantity=quantity):
            return _back(stock, reservation, quantity)
        case StockReturned(reservation=reservation, quantity=quantity):
            return _back(stock, reservation, quantity)
    return stock


def _back(stock: Stock, reservation: str, freed: int) -> Stock:
    return _changed(
        stock,
        reserved=_without(stock.reserved, reservation),
        rejected=_without(stock.rejected, reservation),
        early=tuple(name for name in stock.early if name != reservation),
        available=stock.available + freed,
    )


def _without(quantities: Mapping[str, int], reservation: str) -> Mapping[str, int]:
    return {name: quantity for name, quantity in quantities.items() if name != reservation}


def _changed(stock: Stock, **update: object) -> Stock:
    return stock.model_copy(update=update)
