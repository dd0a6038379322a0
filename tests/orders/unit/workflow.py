"""Orders, stock, deadlines and reactors over one memory, and what must be true of them when all is quiet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.support.clocks import ManualClock, no_sleep
from tests.support.interruptions import Killed, Outside

from banyan.commands.handler import CommandHandler, ConflictRetries
from banyan.deadlines.base import MemoryDeadlines
from banyan.deadlines.runner import DeadlineRunner
from banyan.domain import deadline_durations
from banyan.errors import CommandRejected, StoreUnavailable
from banyan.events import Event, Metadata
from banyan.projections.memory import MemoryViews
from banyan.projections.retries import RetryPolicy
from banyan.projections.views import Views
from banyan.reactions.base import REACTOR
from banyan.reactions.policies import Policies
from banyan.reactions.reactor import Reactor
from banyan.store import Commit, CommitTable, EventStore
from banyan.store.eventstore import write_snapshot
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId
from banyan.telemetry import NoTelemetry
from orders import DOMAIN
from orders.commands import AddItem, CancelOrder, CreateOrder, PayOrder
from orders.decider import ORDER
from orders.events import Item, OrderCreated, OrderItemAdded
from orders.inventory.commands import ReceiveStock
from orders.inventory.decider import INVENTORY
from orders.inventory.events import StockReceived
from orders.inventory.skus import stock_id
from orders.inventory.state import Stock
from orders.state import Order, OrderStatus

PRICE = Decimal("1.00")
ROUNDS = 40
DURATIONS = deadline_durations([DOMAIN.settings()])


class WorkflowFixture:
    """A workflow of one tenant."""

    def __init__(self, table: CommitTable | None = None, views: Views | None = None) -> None:
        self.clock = ManualClock()
        self.table = table or MemoryTable()
        self.views = views or MemoryViews()
        self.deadlines = MemoryDeadlines()
        self.store = self._store(self.table)
        self._handlers = _handlers(self.store)
        self._requests = 0

    def create(self, order: str, *lines: tuple[str, int]) -> None:
        """A customer orders pieces of SKUs."""
        items = tuple(Item(sku=sku, quantity=quantity, price=PRICE) for sku, quantity in lines)
        self._ask(_order(order), CreateOrder(order_id=order, customer_id="c", items=items))

    def add(self, order: str, sku: str, quantity: int) -> None:
        """A customer orders more."""
        self._ask(_order(order), AddItem(item=Item(sku=sku, quantity=quantity, price=PRICE)))

    def pay(self, order: str) -> None:
        """A customer pays what is to be paid."""
        self._ask(_order(order), PayOrder(amount=self.order(order).total_amount))

    def cancel(self, order: str) -> None:
        """A customer changes his mind."""
        self._ask(_order(order), CancelOrder(reason="changed my mind"))

    def receive(self, sku: str, quantity: int, at: datetime | None = None) -> None:
        """Pieces come in, now or by a request from before that took its time."""
        self._ask(_stock(sku), ReceiveStock(sku=sku, quantity=quantity, at=at or self.clock()))

    def expire(self, outside: Outside | None = None) -> None:
        """Let the time to pay run out for every order there is."""
        self.clock.move(DURATIONS["payment"] + timedelta(minutes=1))
        for _ in range(ROUNDS):
            if not list(self.deadlines.due(self.clock())):
                return
            self._fire(outside or Outside())
        raise AssertionError("there is always something due")

    def reactor(self, outside: Outside | None = None) -> Reactor:
        """A reactor in a new process, which reaches everything through ``outside``."""
        tap = outside or Outside()
        store = self._store(tap.tap(self.table))
        deadlines = tap.tap(self.deadlines)
        policies = Policies(
            DOMAIN.policies, DOMAIN.deciders, store, _handlers(store), deadlines, DURATIONS, NoTelemetry()
        )
        return Reactor(
            store, tap.tap(self.views), [policies], retry_policy=RetryPolicy(clock=self.clock, sleep=no_sleep)
        )

    def commits(self) -> list[Commit]:
        """Every commit, in the order of recording."""
        found = [commit for stream in self.store.streams() for commit in self.store.commits(stream)]
        return sorted(found, key=lambda commit: (commit.recorded_at, str(commit.stream), commit.position))

    def deliver(self, batch: Iterable[Commit], outside: Outside | None = None) -> None:
        """Hand a batch to a reactor; a process that is killed, or told to try again, leaves it at that."""
        try:
            self.reactor(outside).project(batch)
        except (Killed, StoreUnavailable):
            return

    def settle(self, outside: Outside | None = None) -> None:
        """Deliver the last commit of each stream until all reactions to it and to what they cause have come.

        The commits before it are lost: only the event table still holds them.
        """
        for _ in range(ROUNDS):
            behind = self._behind()
            if not behind:
                return
            self.deliver(behind, outside)
            self.snapshot()
        raise AssertionError("the workflow never comes to rest")

    def snapshot(self) -> None:
        """Take a snapshot of each stock: what was committed before can only be found by looking for it."""
        for stream in self.store.streams():
            if stream.entity == INVENTORY.entity:
                write_snapshot(self.store, INVENTORY, stream)

    def close(self, outside: Outside | None = None) -> None:
        """Let everything happen that is still to happen."""
        self.settle(outside)
        self.expire(outside)
        self.settle(outside)

    def events(self) -> list[Event]:
        """Every event."""
        return [event for stream in self.store.streams() for event in self.store.read(stream)]

    def order(self, order: str) -> Order:
        """State of an order."""
        return ORDER.fold(event.payload for event in self.store.read(_order(order)))

    def stock(self, sku: str) -> Stock:
        """State of a stock."""
        return INVENTORY.fold(event.payload for event in self.store.read(_stock(sku)))

    def told(self) -> dict[str, list[Any]]:
        """What happened in each stream, without times and ids."""
        told: dict[str, list[Any]] = {}
        for event in self.events():
            content = event.payload.model_dump(exclude={"ordered_at"})
            told.setdefault(str(event.stream_id), []).append((event.event_type, content))
        return told

    def _ask(self, stream: StreamId, command: Any) -> None:
        self._requests += 1
        metadata = Metadata(correlation_id=f"request-{self._requests}", causation_id=f"gateway-{self._requests}")
        try:
            self._handlers[stream.entity].handle(stream, command, metadata=metadata)
        except CommandRejected:
            return

    def _fire(self, outside: Outside) -> None:
        handlers = _handlers(self._store(outside.tap(self.table)))
        runner = DeadlineRunner(outside.tap(self.deadlines), DOMAIN.deciders, handlers, clock=self.clock)
        try:
            runner.run(lambda: 1e9)
        except Killed:
            return

    def _behind(self) -> Sequence[Commit]:
        streams = list(self.store.streams())
        reached = self.views.checkpoints(REACTOR, streams)
        last = [next(each for each in self.table.backward(stream) if isinstance(each, Commit)) for stream in streams]
        return [commit for commit in last if reached.get(commit.stream, 0) < commit.last]

    def _store(self, table: CommitTable) -> EventStore:
        return EventStore(table, DOMAIN.registry, self.clock, no_sleep)


def check_closed(workflow: WorkflowFixture) -> None:
    """No order is stuck, no stock is lost or reserved for ever, nothing happened twice, and all has its reason."""
    events = workflow.events()
    _check_orders(workflow, events)
    _check_stock(workflow, events)
    _check_reservations(events)
    check_chains(events)


def check_chains(events: Sequence[Event]) -> None:
    """Everything that was not asked for by a client names the event that caused it, and keeps its correlation id."""
    known = {event.event_id: event for event in events}
    for event in events:
        if event.metadata.actor:
            cause = known[event.metadata.causation_id]
            assert event.metadata.correlation_id == cause.metadata.correlation_id
            assert event.timestamp >= cause.timestamp
            assert event.stream_id.tenant == cause.stream_id.tenant
        else:
            assert event.metadata.causation_id.startswith("gateway-")


def _check_orders(workflow: WorkflowFixture, events: Sequence[Event]) -> None:
    for order in {event.stream_id.id for event in events if event.stream_id.entity == ORDER.entity}:
        assert workflow.order(order).status in (OrderStatus.PAID, OrderStatus.CANCELLED), order


def _check_stock(workflow: WorkflowFixture, events: Sequence[Event]) -> None:
    for sku in {event.payload.sku for event in events if isinstance(event.payload, StockReceived)}:
        stock = workflow.stock(sku)
        received = sum(
            e.payload.quantity for e in events if isinstance(e.payload, StockReceived) and e.payload.sku == sku
        )
        assert (stock.reserved, stock.rejected) == ({}, {}), sku
        assert 0 <= stock.available == received - _sold(workflow, events, stock), sku


def _sold(workflow: WorkflowFixture, events: Sequence[Event], stock: Stock) -> int:
    """Pieces that paid orders asked for since the SKU is tracked."""
    return sum(
        item.quantity
        for event in events
        for item in _items(event)
        if item.sku == stock.sku
        and stock.tracked_since
        and event.timestamp >= stock.tracked_since
        and workflow.order(event.stream_id.id).status is OrderStatus.PAID
    )


def _check_reservations(events: Sequence[Event]) -> None:
    """One answer to each request, and one end of each reservation, or a return behind it."""
    told = Counter(
        (event.stream_id, event.event_type, reservation)
        for event in events
        if (reservation := getattr(event.payload, "reservation", None))
    )
    assert all(count == 1 for count in told.values()), told


def _items(event: Event) -> Sequence[Item]:
    match event.payload:
        case OrderCreated(items=items):
            return items
        case OrderItemAdded(item=item):
            return (item,)
    return ()


def _handlers(store: EventStore) -> dict[str, CommandHandler[Any, Any]]:
    return {
        decider.entity: CommandHandler(store, decider, retries=ConflictRetries(sleep=no_sleep))
        for decider in DOMAIN.deciders
    }


def _order(order: str) -> StreamId:
    return StreamId("acme", ORDER.entity, order)


def _stock(sku: str) -> StreamId:
    return StreamId("acme", INVENTORY.entity, stock_id(sku))
