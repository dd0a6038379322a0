"""The rules of an order."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from banyan import Decider, DomainEvent
from orders.commands import AddItem, CancelOrder, Command, CreateOrder, ExpireOrder, PayOrder
from orders.events import Item, OrderCancelled, OrderCreated, OrderItemAdded, OrderPaid, total
from orders.money import MAX_AMOUNT, ZERO, as_text
from orders.rejections import Code, conflict, not_found, rejected
from orders.state import Order, OrderStatus, evolve

MAX_QUANTITY: Final = 1_000_000
MAX_ITEMS_PER_COMMAND: Final = 1_000
MAX_ITEMS_PER_ORDER: Final = 2_000


def decide(command: Command, order: Order) -> Sequence[DomainEvent]:
    """Events that follow from a command.

    Raises
    ------
    CommandRejected, NotFound, Conflict
        With a code of ``orders.rejections.Code``.
    """
    match command:
        case CreateOrder():
            return _create(command, order)
        case AddItem():
            return _add_item(command, order)
        case PayOrder():
            return _pay(command, order)
        case CancelOrder():
            return _cancel(command, order)
        case ExpireOrder(reason=reason):
            return _cancel(CancelOrder(reason=reason), order) if order.status is OrderStatus.CREATED else ()


def _create(command: CreateOrder, order: Order) -> Sequence[DomainEvent]:
    if order.status is not None:
        raise conflict(Code.ORDER_EXISTS, "there is an order with this id already")
    if not command.items:
        raise rejected(Code.ORDER_EMPTY, "an order needs at least one item", "items")
    if len(command.items) > MAX_ITEMS_PER_COMMAND:
        raise rejected(
            Code.TOO_MANY_ITEMS, f"at most {MAX_ITEMS_PER_COMMAND} items at once: add the others later", "items"
        )
    for index, item in enumerate(command.items):
        _check_item(item, f"items.{index}.")
    _check_total(order, command.items, "items")
    return [_created(command, total(command.items))]


def _created(command: CreateOrder, amount: Decimal) -> OrderCreated:
    if command.total_amount not in (None, amount):
        raise rejected(Code.TOTAL_MISMATCH, f"the items add up to {as_text(amount)}", "totalAmount")
    return OrderCreated(
        order_id=command.order_id, customer_id=command.customer_id, items=command.items, total_amount=amount
    )


def _add_item(command: AddItem, order: Order) -> Sequence[DomainEvent]:
    _check_open(order)
    if order.item_count >= MAX_ITEMS_PER_ORDER:
        raise rejected(Code.TOO_MANY_ITEMS, f"an order has at most {MAX_ITEMS_PER_ORDER} items", "item")
    _check_item(command.item)
    _check_total(order, (command.item,), "quantity")
    return [OrderItemAdded(order_id=order.order_id, customer_id=order.customer_id, item=command.item)]


def _pay(command: PayOrder, order: Order) -> Sequence[DomainEvent]:
    _check_open(order)
    if command.amount != order.total_amount:
        raise rejected(Code.AMOUNT_MISMATCH, f"pay the exact total, {as_text(order.total_amount)}", "amount")
    return [
        OrderPaid(order_id=order.order_id, customer_id=order.customer_id, amount=command.amount, method=command.method)
    ]


def _cancel(command: CancelOrder, order: Order) -> Sequence[DomainEvent]:
    _check_not_cancelled(order)
    return [
        OrderCancelled(
            order_id=order.order_id,
            customer_id=order.customer_id,
            reason=command.reason,
            refunded_amount=order.total_amount if order.status is OrderStatus.PAID else ZERO,
        )
    ]


def _check_open(order: Order) -> None:
    _check_not_cancelled(order)
    if order.status is OrderStatus.PAID:
        raise conflict(Code.ORDER_ALREADY_PAID, "the order is paid: it can only be cancelled")


def _check_not_cancelled(order: Order) -> None:
    if order.status is None:
        raise not_found()
    if order.status is OrderStatus.CANCELLED:
        raise conflict(Code.ORDER_CANCELLED, "the order is cancelled")


def _check_item(item: Item, path: str = "") -> None:
    if not 1 <= item.quantity <= MAX_QUANTITY:
        raise rejected(Code.QUANTITY_OUT_OF_RANGE, f"a quantity is between 1 and {MAX_QUANTITY}", f"{path}quantity")
    if item.price <= 0:
        raise rejected(Code.PRICE_NOT_POSITIVE, "a price is more than 0", f"{path}price")


def _check_total(order: Order, items: tuple[Item, ...], field: str) -> None:
    if order.total_amount + total(items) > MAX_AMOUNT:
        raise rejected(Code.TOTAL_TOO_LARGE, f"an order's total is at most {as_text(MAX_AMOUNT)}", field)


ORDER: Final[Decider[Order, Command]] = Decider(
    entity="order",
    initial=Order,
    decide=decide,
    evolve=evolve,
    state=Order,
    state_version=2,
    deferred=(ExpireOrder,),
)
