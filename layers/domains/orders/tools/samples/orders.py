"""The history of a few orders, the same each time it is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache

from banyan.adapters.settings import Settings
from banyan.commands.handler import CommandHandler
from banyan.events import Metadata
from banyan.store import Commit, EventStore
from banyan.store.eventstore import write_snapshot
from banyan.store.items import Item, commit_item, snapshot_item
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId
from orders import DOMAIN
from orders.commands import AddItem, CancelOrder, Command, CreateOrder, PayOrder
from orders.decider import ORDER
from orders.events import Item as Line

TENANT = "acme"
ACTOR = "user-1"
START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
STEP = timedelta(minutes=1)
BUCKETS = Settings().log_buckets

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


class Clock:
    """Moves on by a minute each time it is read."""

    def __init__(self) -> None:
        self._now = START

    def __call__(self) -> datetime:
        self._now += STEP
        return self._now


@cache
def store() -> EventStore:
    """An event store with the whole history in it."""
    made = EventStore(MemoryTable(BUCKETS), DOMAIN.registry, Clock())
    handler = CommandHandler(made, ORDER)
    for order, commands in HISTORY.items():
        for number, command in enumerate(commands, start=1):
            name = f"{order}-{number}"
            metadata = Metadata(correlation_id=f"correlation-{name}", causation_id=f"request-{name}", actor=ACTOR)
            handler.handle(stream(order), command, commit_id=f"commit-{name}", metadata=metadata)
    return made


def stream(order: str) -> StreamId:
    """The stream of a sample order."""
    return StreamId(TENANT, "order", order)


def commits(order: str) -> Sequence[Commit]:
    """The commits of a sample order."""
    return tuple(store().commits(stream(order)))


def sample_items() -> Iterator[Item]:
    """Every commit of the history as an item of the event table."""
    return (commit_item(commit, BUCKETS) for order in HISTORY for commit in commits(order))


@cache
def snapshot_of(order: str) -> Item:
    """A snapshot of a sample order at its head, as an item of the event table."""
    snapshot = write_snapshot(store(), ORDER, stream(order))
    assert snapshot is not None
    return snapshot_item(snapshot)
