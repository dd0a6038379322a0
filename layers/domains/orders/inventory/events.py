"""What can happen to the stock of a SKU."""

from __future__ import annotations

from datetime import datetime

from banyan import DomainEvent
from orders.events import Sku


class StockReceived(DomainEvent):
    """Pieces came in. The first time begins the tracking of the SKU."""

    sku: Sku
    quantity: int
    received_at: datetime


class StockReserved(DomainEvent):
    """Pieces were set aside for an order."""

    sku: Sku
    reservation: str
    quantity: int
    ordered_at: datetime


class StockRejected(DomainEvent):
    """There were not enough pieces to set aside."""

    sku: Sku
    reservation: str
    quantity: int
    available: int


class ReservationConfirmed(DomainEvent):
    """Pieces that were set aside are sold."""

    sku: Sku
    reservation: str
    quantity: int


class ReservationReleased(DomainEvent):
    """A reservation is over without a sale; ``quantity`` pieces are free again, 0 of a rejected one."""

    sku: Sku
    reservation: str
    quantity: int


class StockReturned(DomainEvent):
    """Pieces that were sold came back."""

    sku: Sku
    reservation: str
    quantity: int


EVENTS: tuple[type[DomainEvent], ...] = (
    StockReceived,
    StockReserved,
    StockRejected,
    ReservationConfirmed,
    ReservationReleased,
    StockReturned,
)
