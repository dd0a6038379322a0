"""What can be asked of the stock of a SKU."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, StrictInt

from banyan import CamelModel
from orders.events import Sku


class ReceiveStock(CamelModel):
    """Receive pieces."""

    sku: Sku
    quantity: StrictInt
    at: AwareDatetime


class Reserve(CamelModel):
    """Set pieces aside for an order.

    Parameters
    ----------
    reservation : str
        ``<order>/<version of the event that asks>``.
    quantity : int
        Pieces.
    ordered_at : datetime
        When that event was recorded: what is older than the tracking of the SKU is none of its concern.
    """

    reservation: str
    quantity: int
    ordered_at: datetime


class Confirm(CamelModel):
    """Sell what is set aside."""

    reservation: str


class Release(CamelModel):
    """Give free what is set aside for an order that was not paid."""

    reservation: str


class Return(CamelModel):
    """Take back what was sold to an order that was paid; parameters as in ``Reserve``."""

    reservation: str
    quantity: int
    ordered_at: datetime


StockCommand = ReceiveStock | Reserve | Confirm | Release | Return
