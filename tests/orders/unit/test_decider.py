"""Every rule of an order, given / when / then."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import ValidationError
from tests.orders.unit.samples import (
    ADDED,
    CANCELLED,
    CREATED,
    HANGER,
    LANTERN,
    PAID,
    REFUNDED,
    add,
    cancel,
    create,
    created,
    expire,
    line,
    pay,
)

from banyan.errors import Conflict, NotFound
from banyan.events import DomainEvent
from banyan.testing import DeciderSpec
from orders.commands import Command
from orders.decider import MAX_ITEMS_PER_COMMAND, MAX_ITEMS_PER_ORDER, MAX_QUANTITY, ORDER
from orders.events import Item, OrderCreated, OrderItemAdded
from orders.projections.order import OrderDetails
from orders.rejections import Code
from orders.state import Order, OrderStatus

SPEC = DeciderSpec(ORDER)
UNPAID = SPEC.given(CREATED)
DEAR = line(quantity=MAX_QUANTITY, price="999999999.0000")


def test_creates_an_order_with_its_total() -> None:
    state = SPEC.when(create(LANTERN, HANGER)).then(created(LANTERN, HANGER))

    assert state == Order(
        order_id="536365",
        customer_id="17850",
        status=OrderStatus.CREATED,
        total_amount=Decimal("42.34"),
        item_count=2,
    )


@pytest.mark.parametrize("history", [(CREATED,), (CREATED, PAID), (CREATED, CANCELLED)])
def test_creates_an_order_once(history: tuple[OrderCreated, ...]) -> None:
    SPEC.given(*history).when(create()).then_rejected("order_exists", kind=Conflict)


def test_refuses_an_empty_order() -> None:
    empty = create().model_copy(update={"items": ()})
    SPEC.when(empty).then_rejected("order_empty", "items")


@pytest.mark.parametrize("given", ["42.34", "42.3400"])
def test_takes_the_total_that_its_items_add_up_to(given: str) -> None:
    told = create(LANTERN, HANGER).model_copy(update={"total_amount": Decimal(given)})
    SPEC.when(told).then(created(LANTERN, HANGER))


@pytest.mark.parametrize("given", ["42.33", "42.3401", "0", "-42.34", "20.34"])
def test_refuses_another_total(given: str) -> None:
    told = create(LANTERN, HANGER).model_copy(update={"total_amount": Decimal(given)})
    SPEC.when(told).then_rejected("total_mismatch", "totalAmount")


def test_an_event_is_not_made_with_another_total() -> None:
    with pytest.raises(ValidationError, match="not the sum of the items"):
        OrderCreated.model_validate({**CREATED.model_dump(), "total_amount": "20.35"})


def test_refuses_more_items_at_once_than_a_commit_should_hold() -> None:
    most = create(*[LANTERN] * MAX_ITEMS_PER_COMMAND)
    SPEC.when(most).then(created(*most.items))
    SPEC.when(create(*most.items, LANTERN)).then_rejected("too_many_items", "items")


def test_refuses_more_items_than_a_row_holds() -> None:
    grown = UNPAID.given(*[ADDED] * (MAX_ITEMS_PER_ORDER - 2))
    grown.when(add()).then(ADDED)
    grown.given(ADDED).when(add()).then_rejected("too_many_items")


def test_the_largest_order_fits_a_row() -> None:
    widest = Item(sku='"' * 64, quantity=MAX_QUANTITY, price=Decimal("999999999999.9999"))
    row = OrderDetails(items=(widest,) * MAX_ITEMS_PER_ORDER)

    assert len(row.model_dump_json()) < 399 * 1024


@pytest.mark.parametrize("quantity", [0, -1, MAX_QUANTITY + 1])
def test_refuses_a_quantity_out_of_range(quantity: int) -> None:
    SPEC.when(create(LANTERN, line(quantity=quantity))).then_rejected("quantity_out_of_range", "items.1.quantity")
    UNPAID.when(add(line(quantity=quantity))).then_rejected("quantity_out_of_range", "quantity")


@pytest.mark.parametrize("quantity", [1, MAX_QUANTITY])
def test_accepts_a_quantity_at_either_end(quantity: int) -> None:
    item = line(quantity=quantity)
    UNPAID.when(add(item)).then(ADDED.model_copy(update={"item": item}))


@pytest.mark.parametrize("price", ["0", "-0.01"])
def test_refuses_a_price_that_is_not_positive(price: str) -> None:
    SPEC.when(create(line(price=price))).then_rejected("price_not_positive", "items.0.price")
    UNPAID.when(add(line(price=price))).then_rejected("price_not_positive", "price")


def test_refuses_a_total_that_could_not_be_paid() -> None:
    SPEC.when(create(DEAR)).then_rejected("total_too_large", "items")
    UNPAID.when(add(DEAR)).then_rejected("total_too_large", "quantity")


def test_adds_a_line_to_an_open_order() -> None:
    state = UNPAID.when(add()).then(OrderItemAdded(order_id="536365", customer_id="17850", item=HANGER))

    assert (state.total_amount, state.item_count) == (Decimal("42.34"), 2)


@pytest.mark.parametrize("amount", ["20.34", "20.3400"])
def test_is_paid_with_the_exact_total(amount: str) -> None:
    assert UNPAID.when(pay(amount)).then(PAID).status is OrderStatus.PAID


@pytest.mark.parametrize("amount", ["20.33", "20.3401", "0", "-20.34"])
def test_refuses_any_other_amount(amount: str) -> None:
    UNPAID.when(pay(amount)).then_rejected("amount_mismatch", "amount")


def test_adds_exactly_what_binary_floats_do_not() -> None:
    dime = Item(sku="dime", quantity=1, price=Decimal("0.1"))
    SPEC.given(created(dime, dime, dime)).when(pay("0.3")).then(PAID.model_copy(update={"amount": Decimal("0.30")}))


def test_cancels_an_unpaid_order_without_a_refund() -> None:
    assert UNPAID.when(cancel()).then(CANCELLED).status is OrderStatus.CANCELLED


def test_cancels_a_paid_order_and_refunds_it() -> None:
    assert UNPAID.given(PAID).when(cancel()).then(REFUNDED).status is OrderStatus.CANCELLED


def test_expires_an_open_order() -> None:
    expired = CANCELLED.model_copy(update={"reason": "not paid in time"})
    assert UNPAID.when(expire()).then(expired).status is OrderStatus.CANCELLED


@pytest.mark.parametrize("history", [(), (CREATED, PAID), (CREATED, CANCELLED), (CREATED, PAID, REFUNDED)])
def test_expires_nothing_else(history: tuple[DomainEvent, ...]) -> None:
    SPEC.given(*history).when(expire()).then()


@pytest.mark.parametrize("command", [add(), pay(), cancel()])
def test_knows_nothing_of_an_order_that_was_never_created(command: Command) -> None:
    SPEC.when(command).then_rejected("order_not_found", kind=NotFound)


@pytest.mark.parametrize("command", [add(), pay(), pay("1.00"), add(line(quantity=0))])
def test_a_paid_order_does_not_change(command: Command) -> None:
    UNPAID.given(PAID).when(command).then_rejected("order_already_paid", kind=Conflict)


@pytest.mark.parametrize("command", [add(), pay(), cancel()])
@pytest.mark.parametrize("history", [(CANCELLED,), (PAID, REFUNDED)])
def test_a_cancelled_order_does_not_change(command: Command, history: tuple[OrderCreated, ...]) -> None:
    UNPAID.given(*history).when(command).then_rejected("order_cancelled", kind=Conflict)


def test_codes_are_stable() -> None:
    assert {code.value for code in Code} == {
        "order_not_found",
        "sku_not_tracked",
        "order_exists",
        "order_already_paid",
        "order_cancelled",
        "order_empty",
        "too_many_items",
        "quantity_out_of_range",
        "price_not_positive",
        "total_mismatch",
        "total_too_large",
        "amount_mismatch",
    }
