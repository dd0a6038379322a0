"""The history of a few orders, the same each time it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache

from banyan.store import Commit
from banyan.store.eventstore import write_snapshot
from banyan.store.items import Item, snapshot_item
from banyan.streams import StreamId
from banyan_tools.samples.history import TENANT, History
from orders import DOMAIN
from orders.commands import AddItem, CancelOrder, Command, CreateOrder, PayOrder
from orders.decider import ORDER
from orders.events import Item as Line

PENS = Line(sku="PEN-BLUE", quantity=4, price=Decimal("2.50"))
PAPER = Line(sku="PAPER-A4", quantity=2, price=Decimal("7.75"))


def created(order: str, customer: str, *lines: Line) -> CreateOrder:
    """A command that creates an order."""
    return CreateOrder(order_id=order, customer_id=customer, items=lines)


HISTORY: Mapping[str, Sequence[Command]] = {
    "order-1001": [created("order-1001", "customer-1", PENS)],
    "order-1002": [created("order-1002", "customer-1", PENS, PAPER)],
    "order-1003": [created("order-1003", "customer-2", PAPER), AddItem(item=PENS)],
    "order-1004": [
        created("order-1004", "customer-1", PAPER),
        AddItem(item=PENS),
        PayOrder(amount=Decimal("25.50"), method="card"),
    ],
    "order-1005": [created("order-1005", "customer-2", PENS), CancelOrder(reason="ordered twice")],
    "order-1006": [created("order-1006", "customer-3", PAPER), AddItem(item=PENS)],
}


@cache
def history() -> History:
    """The orders, with their whole history."""
    made = History(DOMAIN)
    for order, commands in HISTORY.items():
        for number, command in enumerate(commands, start=1):
            made.handle("order", order, f"{order}-{number}", command)
    return made


def stream(order: str) -> StreamId:
    """The stream of a sample order."""
    return StreamId(TENANT, "order", order)


def commits(order: str) -> Sequence[Commit]:
    """The commits of a sample order."""
    return history().commits(stream(order))


def sample_items() -> Sequence[Item]:
    """Every commit of the history as an item of the event table."""
    return history().items(map(stream, HISTORY))


@cache
def snapshot_of(order: str) -> Item:
    """A snapshot of a sample order at its head, as an item of the event table."""
    snapshot = write_snapshot(history().store, ORDER, stream(order))
    assert snapshot is not None
    return snapshot_item(snapshot)
