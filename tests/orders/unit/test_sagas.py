"""What each policy of the order workflow does, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Literal

import pytest
from tests.orders.unit.samples import ADDED, CANCELLED, CREATED, HANGER, LANTERN, PAID, REFUNDED, created, line
from tests.orders.unit.stock import (
    confirm,
    confirmed,
    received,
    rejected,
    release,
    released,
    reserve,
    reserved,
    returned,
    take_back,
)

from banyan.events import DomainEvent
from banyan.reactions.base import Schedule, Send
from banyan.testing import PolicySpec
from banyan.testing.specs import START
from orders.commands import CancelOrder, ExpireOrder
from orders.imported import OrderContent, OrderCorrected, OrderImported
from orders.inventory.commands import StockCommand
from orders.sagas import CANCEL_UNPAID, CANCEL_WITHOUT_STOCK, CONFIRM_STOCK, RELEASE_STOCK, RESERVE_STOCK

Status = Literal["created", "paid", "cancelled"]

ORDER = "536365"
FIRST, SECOND = f"{ORDER}/1", f"{ORDER}/2"
SECOND_LATER = START + timedelta(seconds=1)
BOTH = created(LANTERN, HANGER, line(quantity=2, price=Decimal("3.00")))


def to_stock(reservation: str, sku: str, command: StockCommand) -> Send:
    """A command to the stock of a SKU."""
    return Send("inventory", f"sku.{sku}", command, f"{reservation} {sku}", existing=True)


def content(status: Status) -> OrderContent:
    """The order as legacy holds it."""
    return OrderContent(customer_id="17850", items=(LANTERN,), status=status, created_at=START)


def corrected(before: Status, after: Status) -> OrderCorrected:
    """Legacy moves the order from one status to another."""
    return OrderCorrected(order_id=ORDER, order=content(after), previous=content(before))


def test_reserves_each_sku_of_a_new_order_once_for_all_its_lines() -> None:
    PolicySpec(RESERVE_STOCK, ORDER).when(BOTH).then(
        to_stock(FIRST, "71053", reserve(FIRST, 8, START)), to_stock(FIRST, "84406B", reserve(FIRST, 8, START))
    )


def test_reserves_a_line_that_is_added() -> None:
    spec = PolicySpec(RESERVE_STOCK, ORDER).given(CREATED)
    spec.when(ADDED).then(to_stock(SECOND, "84406B", reserve(SECOND, 8, SECOND_LATER)))


@pytest.mark.parametrize("event", [PAID, CANCELLED])
def test_reserves_nothing_for_anything_else(event: DomainEvent) -> None:
    PolicySpec(RESERVE_STOCK, ORDER).given(CREATED).when(event).then()


def test_sells_all_that_a_paid_order_asked_for() -> None:
    PolicySpec(CONFIRM_STOCK, ORDER).given(CREATED, ADDED).when(PAID).then(
        to_stock(FIRST, "71053", confirm(FIRST)), to_stock(SECOND, "84406B", confirm(SECOND))
    )


@pytest.mark.parametrize("event", [CREATED, ADDED, CANCELLED])
def test_sells_nothing_before(event: DomainEvent) -> None:
    PolicySpec(CONFIRM_STOCK, ORDER).given(CREATED).when(event).then()


def test_releases_all_that_an_unpaid_order_asked_for() -> None:
    PolicySpec(RELEASE_STOCK, ORDER).given(CREATED, ADDED).when(CANCELLED).then(
        to_stock(FIRST, "71053", release(FIRST)), to_stock(SECOND, "84406B", release(SECOND))
    )


def test_takes_back_all_that_a_paid_order_asked_for() -> None:
    PolicySpec(RELEASE_STOCK, ORDER).given(CREATED, ADDED, PAID).when(REFUNDED).then(
        to_stock(FIRST, "71053", take_back(FIRST, 6, START)),
        to_stock(SECOND, "84406B", take_back(SECOND, 8, SECOND_LATER)),
    )


def test_an_order_that_legacy_cancels_or_pays_is_treated_alike() -> None:
    PolicySpec(RELEASE_STOCK, ORDER).given(CREATED).when(corrected("created", "cancelled")).then(
        to_stock(FIRST, "71053", release(FIRST))
    )
    PolicySpec(CONFIRM_STOCK, ORDER).given(CREATED).when(corrected("created", "paid")).then(
        to_stock(FIRST, "71053", confirm(FIRST))
    )
    sold = PolicySpec(RELEASE_STOCK, ORDER).given(CREATED, corrected("created", "paid"))
    sold.when(corrected("paid", "cancelled")).then(to_stock(FIRST, "71053", take_back(FIRST, 6, START)))


def test_what_is_released_is_neither_released_nor_taken_back_again() -> None:
    revived = PolicySpec(RELEASE_STOCK, ORDER).given(CREATED, CANCELLED, corrected("cancelled", "created"), PAID)
    revived.when(REFUNDED).then()


def test_an_imported_order_holds_only_what_it_asked_for_since() -> None:
    imported = OrderImported(order_id=ORDER, order=content("created"))
    PolicySpec(RESERVE_STOCK, ORDER).when(imported).then()
    PolicySpec(CONFIRM_STOCK, ORDER).given(imported, ADDED).when(PAID).then(to_stock(SECOND, "84406B", confirm(SECOND)))


@pytest.mark.parametrize("event", [CREATED, ADDED, PAID])
def test_releases_nothing_before(event: DomainEvent) -> None:
    PolicySpec(RELEASE_STOCK, ORDER).given(CREATED).when(event).then()


def test_cancels_an_order_for_which_there_is_not_enough() -> None:
    spec = PolicySpec(CANCEL_WITHOUT_STOCK, "sku.71053").given(received(5))
    spec.when(rejected(FIRST, 6, 5)).then(Send("order", ORDER, CancelOrder(reason="out of stock: 71053"), "cancel"))


@pytest.mark.parametrize("event", [received, reserved, confirmed, released, returned])
def test_cancels_no_order_for_anything_else(event: Callable[..., DomainEvent]) -> None:
    happened = event(5) if event is received else event(FIRST, 5)
    PolicySpec(CANCEL_WITHOUT_STOCK, "sku.71053").when(happened).then()


def test_an_order_must_be_paid_in_time() -> None:
    deadline = Schedule("payment", "order", ORDER, ExpireOrder(reason="not paid in time"))
    PolicySpec(CANCEL_UNPAID, ORDER).when(CREATED).then(deadline)


@pytest.mark.parametrize("event", [ADDED, PAID, CANCELLED])
def test_the_time_to_pay_is_counted_from_the_beginning(event: DomainEvent) -> None:
    PolicySpec(CANCEL_UNPAID, ORDER).given(CREATED).when(event).then()


def test_an_order_of_one_item_is_known_by_its_own_id_whatever_it_holds() -> None:
    odd = created(line(sku="a/b c"), order_id="o.1-A_b", customer_id="c")
    PolicySpec(RESERVE_STOCK, "o.1-A_b").when(odd).then(
        Send("inventory", "sku.a_2Fb_20c", reserve("o.1-A_b/1", 6, START), "o.1-A_b/1 a/b c", existing=True)
    )
