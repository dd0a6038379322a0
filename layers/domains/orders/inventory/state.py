"""What the rules need to remember of a stock, and how events change it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from banyan.events import CamelModel, DomainEvent
from orders.inventory.events import (
    ReservationConfirmed,
    ReservationReleased,
    StockReceived,
    StockRejected,
    StockReserved,
    StockReturned,
)


class Stock(CamelModel):
    """The stock of one SKU. It holds open reservations only, so it stays small.

    Parameters
    ----------
    sku : str
    tracked_since : datetime, optional
        When the first pieces came in; ``None`` for a SKU that is not tracked.
    available : int
        Pieces that can be reserved.
    reserved : Mapping[str, int]
        Pieces set aside, by reservation.
    rejected : Mapping[str, int]
        Pieces that were asked for in vain, by reservation, until its order is cancelled.
    """

    sku: str = ""
    tracked_since: datetime | None = None
    available: int = 0
    reserved: Mapping[str, int] = {}
    rejected: Mapping[str, int] = {}


def evolve(stock: Stock, event: DomainEvent) -> Stock:
    """State after one more event."""
    match event:
        case StockReceived(sku=sku, quantity=quantity, received_at=at):
            since = stock.tracked_since or at
            return _changed(stock, sku=sku, tracked_since=since, available=stock.available + quantity)
        case StockReserved(reservation=reservation, quantity=quantity):
            reserved = {**stock.reserved, reservation: quantity}
            return _changed(stock, reserved=reserved, available=stock.available - quantity)
        case StockRejected(reservation=reservation, quantity=quantity):
            return _changed(stock, rejected={**stock.rejected, reservation: quantity})
        case ReservationConfirmed(reservation=reservation):
            return _settled(stock, reservation, 0)
        case ReservationReleased(reservation=reservation, quantity=quantity):
            return _settled(stock, reservation, quantity)
        case StockReturned(quantity=quantity):
            return _changed(stock, available=stock.available + quantity)
    return stock


def _settled(stock: Stock, reservation: str, freed: int) -> Stock:
    return _changed(
        stock,
        reserved=_without(stock.reserved, reservation),
        rejected=_without(stock.rejected, reservation),
        available=stock.available + freed,
    )


def _without(quantities: Mapping[str, int], reservation: str) -> Mapping[str, int]:
    return {name: quantity for name, quantity in quantities.items() if name != reservation}


def _changed(stock: Stock, **update: object) -> Stock:
    return stock.model_copy(update=update)
