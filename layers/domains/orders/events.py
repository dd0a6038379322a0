"""What can happen to an order. Each event carries all that a read model needs of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar, Literal, Self

from pydantic import StrictInt, StringConstraints, model_validator

from banyan import CamelModel, DomainEvent
from banyan.text import Composed
from orders.money import ZERO, Money

OrderId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
_LETTER = r"(?:[\p{L}\p{N}.@_+:'&,()-]\p{M}*(?:[\x{200C}\x{200D}]\p{L}\p{M}*)*)"
CustomerId = Annotated[str, Composed, StringConstraints(pattern=f"^{_LETTER}+(?: {_LETTER}+)*$", max_length=128)]
Sku = Annotated[str, StringConstraints(pattern=r"^[!-~]([ -~]{0,62}[!-~])?$")]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Method = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)]
Status = Literal["created", "paid", "cancelled"]


class Item(CamelModel):
    """One line of an order.

    Parameters
    ----------
    sku : str
        1 to 64 printable ASCII characters, no space at either end.
    quantity : int
        Pieces.
    price : Decimal
        Of one piece.
    """

    sku: Sku
    quantity: StrictInt
    price: Money

    @property
    def amount(self) -> Money:
        """Price of all pieces."""
        return self.price * self.quantity


def total(items: tuple[Item, ...]) -> Decimal:
    """Sum over lines."""
    return sum((item.amount for item in items), ZERO)


class OrderCreated(DomainEvent):
    """A customer ordered something; ``total_amount`` is the sum over its items, and nothing else is accepted.

    Schema version 3 has the total. Since version 2 every order has a customer: in version 1 ``customerId`` was missing
    or null for a sale over the counter.
    """

    schema_version: ClassVar[int] = 3

    order_id: OrderId
    customer_id: CustomerId
    items: tuple[Item, ...]
    total_amount: Money

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.total_amount != total(self.items):
            raise ValueError("totalAmount is not the sum of the items")
        return self


class OrderItemAdded(DomainEvent):
    """A line was added to an order that is neither paid nor cancelled."""

    order_id: OrderId
    customer_id: CustomerId
    item: Item


class OrderPaid(DomainEvent):
    """An order was paid in full."""

    order_id: OrderId
    customer_id: CustomerId
    amount: Money
    method: Method


class OrderCancelled(DomainEvent):
    """An order was cancelled; ``refunded_amount`` is what had been paid for it, 0 for an unpaid one."""

    order_id: OrderId
    customer_id: CustomerId
    reason: Reason
    refunded_amount: Money
