"""The stock of a SKU."""

from __future__ import annotations

from typing import Final

from banyan import CamelModel, Event, StreamProjection
from orders.inventory.events import (
    ReservationConfirmed,
    ReservationReleased,
    StockReceived,
    StockRejected,
    StockReserved,
    StockReturned,
)
from orders.inventory.skus import ENTITY


class StockLevel(CamelModel):
    """Row ``stock``: pieces of one SKU; what was received is available, reserved or sold.

    Parameters
    ----------
    available, reserved, sold : int
        Pieces.
    rejections : int
        How often there were not enough.
    """

    sku: str = ""
    available: int = 0
    reserved: int = 0
    sold: int = 0
    rejections: int = 0


def _evolve(level: StockLevel, event: Event) -> StockLevel:
    match event.payload:
        case StockReceived(sku=sku, quantity=quantity):
            return _moved(level.model_copy(update={"sku": sku}), available=quantity)
        case StockReserved(quantity=quantity):
            return _moved(level, available=-quantity, reserved=quantity)
        case StockRejected():
            return _moved(level, rejections=1)
        case ReservationConfirmed(quantity=quantity):
            return _moved(level, reserved=-quantity, sold=quantity)
        case ReservationReleased(quantity=quantity):
            return _moved(level, reserved=-quantity, available=quantity)
        case StockReturned(quantity=quantity):
            return _moved(level, sold=-quantity, available=quantity)
    return level


def _moved(level: StockLevel, **by: int) -> StockLevel:
    return level.model_copy(update={name: getattr(level, name) + amount for name, amount in by.items()})


STOCK: Final = StreamProjection("stock", ENTITY, StockLevel, StockLevel, _evolve)
