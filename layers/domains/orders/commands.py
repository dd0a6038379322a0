"""What can be asked of an order. Ids and times come with the command; nothing is made up here."""

from __future__ import annotations

from typing import Annotated

from banyan import CamelModel
from banyan.text import Composed, Readable
from orders.events import CustomerId, Item, Method, OrderId, Reason
from orders.money import Money


class CreateOrder(CamelModel):
    """Order something; ``total_amount``, where it is given, must be the sum of the items."""

    order_id: OrderId
    customer_id: CustomerId
    items: tuple[Item, ...]
    total_amount: Money | None = None


class AddItem(CamelModel):
    """Add a line to an order that is neither paid nor cancelled."""

    item: Item


class PayOrder(CamelModel):
    """Pay the exact total of an order."""

    amount: Money
    method: Annotated[Method, Composed, Readable] = "unspecified"


class CancelOrder(CamelModel):
    """Cancel an order; a paid one is refunded."""

    reason: Annotated[Reason, Composed, Readable]


class ExpireOrder(CamelModel):
    """Cancel an order that still waits for its payment; one that is paid or cancelled stays as it is."""

    reason: Reason


Command = CreateOrder | AddItem | PayOrder | CancelOrder | ExpireOrder
