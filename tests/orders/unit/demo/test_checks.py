"""What the demonstration proves is noticed when it is not so: the checks see what was lost, doubled or altered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.support.clocks import START
from tests.support.engines import DynamoDBEngine

from banyan.commands.handler import CommandHandler
from banyan.streams import StreamId
from orders import DOMAIN
from orders.commands import AddItem, CreateOrder, PayOrder
from orders.decider import ORDER
from orders.events import Item
from orders.legacy import LegacyLine, LegacyOrder
from orders.tools.demo.checks import Check, event_store, legacy_store, lost, versions
from orders.tools.demo.events import histories
from orders.tools.demo.ledger import Ledger, Standing
from orders.tools.demo.story import Outcome
from orders.tools.importer.commands import Command, Kind

MOMENT = datetime(2010, 12, 1, 8, 26, tzinfo=UTC)
STREAM = StreamId("acme", "order", "o-1")
TEA: Any = {"sku": "tea", "quantity": 2, "price": "4.50"}
CUP: Any = {"sku": "cup", "quantity": 1, "price": "3.25"}
BODIES = (
    (Kind.CREATE, {"orderId": "o-1", "customerId": "c-1", "items": [TEA]}),
    (Kind.ADD, CUP),
    (Kind.PAY, {"amount": "12.25"}),
)


def ledger() -> Ledger:
    """An order that was created, got a line and was paid, each acknowledged at its version."""
    book = Ledger()
    for version, (kind, body) in enumerate(BODIES, start=1):
        book.acknowledge(Command(kind, "o-1", version, "/orders", body, MOMENT), version, 10.0)
    return book


def sell(engine: DynamoDBEngine, *, add: int = 1, pay: bool = True) -> None:
    """The same in an event store, or not quite."""
    handler = CommandHandler(engine.store(DOMAIN.registry), ORDER)
    handler.handle(STREAM, CreateOrder(order_id="o-1", customer_id="c-1", items=(Item(**TEA),)))
    for _ in range(add):
        handler.handle(STREAM, AddItem(item=Item(**CUP)))
    if pay:
        handler.handle(STREAM, PayOrder(amount=Decimal("9.00") + add * Decimal("3.25")))


def faults(engine: DynamoDBEngine) -> list[int]:
    """How many faults each check sees."""
    told = histories(engine.client, engine.events, "acme")
    book = ledger()
    found: list[Check] = [event_store(book, told), versions(book, told, Outcome()), lost(book, told)]
    return [len(check.faults) for check in found]


def test_what_was_acknowledged_is_there(moto: DynamoDBEngine) -> None:
    sell(moto)
    assert faults(moto) == [0, 0, 0]


def test_a_lost_order_is_noticed(moto: DynamoDBEngine) -> None:
    assert moto.events
    assert faults(moto) == [1, 3, 3]


def test_a_lost_command_is_noticed(moto: DynamoDBEngine) -> None:
    sell(moto, pay=False)
    assert faults(moto) == [1, 1, 1]


def test_a_command_that_was_handled_twice_is_noticed(moto: DynamoDBEngine) -> None:
    sell(moto, add=2)
    assert faults(moto)[:2] == [1, 1]


def test_a_gap_is_noticed(moto: DynamoDBEngine) -> None:
    sell(moto)
    second = list(moto.store(DOMAIN.registry).commits(STREAM))[1]
    moto.remove(second)
    assert faults(moto) == [2, 2, 1]


def test_a_tampered_price_is_noticed(moto: DynamoDBEngine) -> None:
    sell(moto)
    first = next(moto.store(DOMAIN.registry).commits(STREAM))
    moto.put(replace(first, events=first.events.replace("4.50", "4.49")))
    assert faults(moto)[0] == 1


def test_a_legacy_row_may_lack_only_what_came_after_it_was_switched_off() -> None:
    book = ledger()
    paid_at = book.acknowledged[-1].at
    as_it_was = legacy("paid", "12.25")
    assert legacy_store(book, {"o-1": as_it_was}, paid_at).faults == ()
    assert len(legacy_store(book, {"o-1": legacy("open", "12.25")}, paid_at).faults) == 1
    assert legacy_store(book, {"o-1": legacy("open", "12.25")}, book.acknowledged[1].at).faults == ()
    assert len(legacy_store(book, {"o-1": legacy("paid", "12.24")}, paid_at).faults) == 1
    assert len(legacy_store(book, {}, paid_at).faults) == 1


def legacy(status: Any, total: str) -> LegacyOrder:
    """The order as a legacy row."""
    lines = tuple(LegacyLine(**item) for item in (TEA, CUP))
    return LegacyOrder(
        order_id="o-1", customer="c-1", status=status, total=Decimal(total), lines=lines, created_at=START
    )


def test_the_book_follows_commands() -> None:
    standing = ledger().standing("o-1")
    assert standing == Standing("c-1", "paid", (("tea", 2, Decimal("4.50")), ("cup", 1, Decimal("3.25"))))
    assert standing.total == Decimal("12.25")
