"""The workflow of an order from end to end, however commits are delivered and wherever a process dies."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from pydantic import BaseModel

from banyan.testing import DomainSpec
from banyan.testing.domains import START
from orders import DOMAIN
from orders.commands import AddItem, CancelOrder, CreateOrder, PayOrder
from orders.events import Item
from orders.inventory.commands import ReceiveStock
from orders.inventory.decider import INVENTORY
from orders.inventory.skus import stock_id
from orders.projections.order_list import ORDER_LIST
from orders.settings import OrderSettings
from orders.state import Order, OrderStatus

TEA = f"{INVENTORY.entity}:{stock_id('tea')}"
PRICE = Decimal("2.00")


def tea(quantity: int) -> Item:
    return Item(sku="tea", quantity=quantity, price=PRICE)


def spec(pieces: int) -> DomainSpec:
    """A shop with some tea, received long ago."""
    return DomainSpec(DOMAIN).when(TEA, ReceiveStock(sku="tea", quantity=pieces, at=START)).passes(timedelta(hours=1))


def order(status: OrderStatus, quantity: int, lines: int = 1) -> Order:
    total = PRICE * quantity
    return Order(order_id="o-1", customer_id="c-1", status=status, total_amount=total, item_count=lines)


CREATE = CreateOrder(order_id="o-1", customer_id="c-1", items=(tea(3),))


def left(of: DomainSpec, pieces: int) -> None:
    """Expect so many pieces to be free, and none to be reserved."""
    stock = INVENTORY.initial().model_copy(
        update={"sku": "tea", "tracked_since": START, "available": pieces, "reserved": {}, "rejected": {}, "early": ()}
    )
    of.then_state(TEA, stock)


def test_a_paid_order_takes_its_pieces() -> None:
    paid = spec(5).when("order:o-1", CREATE).when("order:o-1", PayOrder(amount=PRICE * 3))
    paid.then_state("order:o-1", order(OrderStatus.PAID, 3))
    left(paid, 2)


def test_an_order_that_finds_no_stock_is_cancelled_and_holds_nothing() -> None:
    refused = spec(2).when("order:o-1", CREATE)
    refused.then_state("order:o-1", order(OrderStatus.CANCELLED, 3))
    left(refused, 2)


def test_an_order_that_grows_beyond_the_stock_gives_everything_back() -> None:
    grown = spec(5).when("order:o-1", CREATE).when("order:o-1", AddItem(item=tea(4)))
    grown.then_state("order:o-1", order(OrderStatus.CANCELLED, 7, lines=2))
    left(grown, 5)


def test_a_paid_order_that_is_cancelled_returns_its_pieces() -> None:
    paid = spec(5).when("order:o-1", CREATE).when("order:o-1", PayOrder(amount=PRICE * 3))
    left(paid.when("order:o-1", CancelOrder(reason="changed my mind")), 5)


@pytest.mark.parametrize(
    ("settings", "hours", "status"),
    [
        (OrderSettings(), 25, OrderStatus.CANCELLED),
        (OrderSettings(), 23, OrderStatus.CREATED),
        (OrderSettings(payment_deadline_minutes=30), 1, OrderStatus.CANCELLED),
    ],
)
def test_an_order_that_is_not_paid_in_time_is_cancelled(settings: BaseModel, hours: int, status: OrderStatus) -> None:
    made = partial(DomainSpec, DOMAIN, settings=settings)
    waited = made().when("order:o-1", CREATE).passes(timedelta(hours=hours))
    waited.then_state("order:o-1", order(status, 3))


def test_a_paid_order_outlives_its_deadline_and_is_listed() -> None:
    paid = spec(5).when("order:o-1", CREATE).when("order:o-1", PayOrder(amount=PRICE * 3)).passes(timedelta(days=2))
    paid.then_state("order:o-1", order(OrderStatus.PAID, 3)).then_row(ORDER_LIST, "order:none", None)
