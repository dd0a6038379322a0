"""The workflow of an order: stock is reserved, then sold or released, and no order waits for ever.

Created or grown: reserve each SKU. Not enough of one: cancel the order. Paid: sell what is reserved. Cancelled:
release what is reserved, take back what was sold. Not paid in time: cancel.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any, Final

from banyan import Event, Policy, Schedule, Send
from orders.commands import CancelOrder, ExpireOrder
from orders.decider import ORDER
from orders.events import Item, OrderCancelled, OrderCreated, OrderItemAdded, OrderPaid
from orders.imported import OrderCorrected
from orders.inventory.commands import Confirm, Release, Reserve, Return, StockCommand
from orders.inventory.events import StockRejected
from orders.inventory.skus import ENTITY, stock_id
from orders.state import OrderStatus

OUT_OF_STOCK: Final = "out of stock: "
NOT_PAID: Final = "not paid in time"
PAYMENT: Final = "payment"

History = Callable[[], Sequence[Event]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one event of an order asks of one SKU."""

    reservation: str
    sku: str
    quantity: int
    ordered_at: datetime

    @property
    def as_asked(self) -> Mapping[str, Any]:
        """Members of the commands that repeat what was asked."""
        return {"reservation": self.reservation, "quantity": self.quantity, "ordered_at": self.ordered_at}

    def send(self, command: StockCommand) -> Send:
        """Send a command to the SKU's stock, if there is one: a SKU that is not tracked blocks nothing."""
        return Send(ENTITY, stock_id(self.sku), command, step=f"{self.reservation} {self.sku}", existing=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an order asked for and still holds: ``open`` until it is paid, then ``sold``."""

    open: tuple[Wanted, ...] = ()
    sold: tuple[Wanted, ...] = ()


def _reserve(event: Event, history: History) -> Sequence[Send]:  # noqa: ARG001
    return [
        each.send(Reserve(reservation=each.reservation, quantity=each.quantity, ordered_at=each.ordered_at))
        for each in _wanted(event)
    ]


def _confirm(event: Event, history: History) -> Sequence[Send]:
    if not _becomes(event, OrderStatus.PAID):
        return ()
    return [each.send(Confirm(reservation=each.reservation)) for each in _asked_before(history).open]


def _release(event: Event, history: History) -> Sequence[Send]:
    if not _becomes(event, OrderStatus.CANCELLED):
        return ()
    asked = _asked_before(history)
    releases = [each.send(Release(reservation=each.reservation)) for each in asked.open]
    return [*releases, *(each.send(Return(**each.as_asked)) for each in asked.sold)]


def _cancel(event: Event, history: History) -> Sequence[Send]:  # noqa: ARG001
    if not isinstance(event.payload, StockRejected):
        return ()
    order = event.payload.reservation.partition("/")[0]
    return [Send(ORDER.entity, order, CancelOrder(reason=OUT_OF_STOCK + event.payload.sku), step="cancel")]


def _expire(event: Event, history: History) -> Sequence[Schedule]:  # noqa: ARG001
    if not isinstance(event.payload, OrderCreated):
        return ()
    return [Schedule(PAYMENT, ORDER.entity, event.stream_id.id, ExpireOrder(reason=NOT_PAID))]


def _asked_before(history: History) -> Asked:
    return reduce(_asked, history()[:-1], Asked())


def _asked(asked: Asked, event: Event) -> Asked:
    if _becomes(event, OrderStatus.PAID):
        return Asked((), (*asked.sold, *asked.open))
    if _becomes(event, OrderStatus.CANCELLED):
        return Asked()
    return Asked((*asked.open, *_wanted(event)), asked.sold)


def _becomes(event: Event, status: OrderStatus) -> bool:
    match event.payload:
        case OrderPaid():
            return status is OrderStatus.PAID
        case OrderCancelled():
            return status is OrderStatus.CANCELLED
        case OrderCorrected(order=order, previous=previous):
            return order.status == status != previous.status
    return False


def _wanted(event: Event) -> Iterator[Wanted]:
    """One for each SKU of an event, however many lines name it."""
    quantities: Counter[str] = Counter()
    for item in _items(event):
        quantities[item.sku] += item.quantity
    reservation = f"{event.stream_id.id}/{event.version}"
    return (Wanted(reservation, sku, quantity, event.timestamp) for sku, quantity in quantities.items())


def _items(event: Event) -> Sequence[Item]:
    match event.payload:
        case OrderCreated(items=items):
            return items
        case OrderItemAdded(item=item):
            return (item,)
    return ()


RESERVE_STOCK: Final = Policy("reserve_stock", ORDER.entity, _reserve, sends_to=[ENTITY])
CONFIRM_STOCK: Final = Policy("confirm_stock", ORDER.entity, _confirm, sends_to=[ENTITY])
RELEASE_STOCK: Final = Policy("release_stock", ORDER.entity, _release, sends_to=[ENTITY])
CANCEL_WITHOUT_STOCK: Final = Policy("cancel_without_stock", ENTITY, _cancel, sends_to=[ORDER.entity])
CANCEL_UNPAID: Final = Policy("cancel_unpaid", ORDER.entity, _expire, schedules=[ExpireOrder])

POLICIES: Final = (RESERVE_STOCK, CONFIRM_STOCK, RELEASE_STOCK, CANCEL_WITHOUT_STOCK, CANCEL_UNPAID)
