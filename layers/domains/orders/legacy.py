"""The legacy order system: how its rows read, change, and become events. Another schema needs another such file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from banyan import DomainEvent
from banyan.migration.stores.adapter import LegacyAdapter, Lines, SqlMapping
from banyan.text import Composed
from orders.events import (
    Item,
    OrderCancelled,
    OrderCreated,
    OrderItemAdded,
    OrderPaid,
    Status,
    total,
)
from orders.imported import FromLegacy, OrderContent, OrderCorrected, OrderImported
from orders.money import ZERO, Money
from orders.projections.order import ORDER_DETAILS, OrderDetails
from orders.projections.order_list import ORDER_LIST, OrderSummary
from orders.state import Order, OrderStatus

LegacyStatus = Literal["open", "paid", "cancelled"]

STATUS: Final[Mapping[LegacyStatus, Status]] = {"open": "created", "paid": "paid", "cancelled": "cancelled"}
"""What the old program calls a status, and what everyone else does."""

LEGACY_STATUS: Final[Mapping[Status, LegacyStatus]] = {status: old for old, status in STATUS.items()}


class LegacyLine(BaseModel):
    """A row of ``order_items``."""

    model_config = ConfigDict(frozen=True)

    sku: str
    quantity: int
    price: Money


class LegacyOrder(BaseModel):
    """A row of ``orders`` with its lines."""

    model_config = ConfigDict(frozen=True)

    order_id: str
    customer: Annotated[str, Composed]
    status: LegacyStatus
    total: Money
    lines: tuple[LegacyLine, ...]
    payment_method: str | None = None
    cancel_reason: str | None = None
    refunded: Money = ZERO
    created_at: datetime
    paid_at: datetime | None = None
    cancelled_at: datetime | None = None


def evolve(row: LegacyOrder | None, event: DomainEvent, at: datetime) -> LegacyOrder:
    """The row after one more event."""
    match event:
        case OrderCreated(order_id=order_id, customer_id=customer, items=items):
            return _with_lines(
                LegacyOrder(order_id=order_id, customer=customer, status="open", total=ZERO, lines=(), created_at=at),
                items,
            )
        case FromLegacy(order_id=order_id, order=order):
            return _row(order_id, order)
    if row is None:
        raise ValueError(f"a {event.event_type()} is not the beginning of an order")
    match event:
        case OrderItemAdded(item=item):
            return _with_lines(row, (item,))
        case OrderPaid(method=method):
            return row.model_copy(update={"status": "paid", "payment_method": method, "paid_at": at})
        case OrderCancelled(reason=reason, refunded_amount=refunded):
            cancelled: Mapping[str, Any] = {"cancel_reason": reason, "refunded": refunded, "cancelled_at": at}
            return row.model_copy(update={"status": "cancelled", **cancelled})
    return row


def state(row: LegacyOrder) -> Order:
    """What the rules need to know of a row."""
    return Order(
        order_id=row.order_id,
        customer_id=row.customer,
        status=OrderStatus(STATUS[row.status]),
        total_amount=_total(row),
        item_count=len(row.lines),
    )


def imported(row: LegacyOrder, previous: LegacyOrder | None) -> DomainEvent:
    """The event that brings a stream from ``previous`` to a row."""
    content = _content(row)
    if previous is None:
        return OrderImported(order_id=row.order_id, order=content)
    return OrderCorrected(order_id=row.order_id, order=content, previous=_content(previous))


def details(row: LegacyOrder) -> OrderDetails:
    """The read model ``order`` as a row shows it."""
    return OrderDetails(
        **_shown(row),
        items=_content(row).items,
        created_at=row.created_at,
        paid_at=row.paid_at,
        payment_method=row.payment_method,
        cancelled_at=row.cancelled_at,
        cancel_reason=row.cancel_reason,
        refunded_amount=row.refunded,
    )


def summary(row: LegacyOrder) -> OrderSummary:
    """The read model ``order_list`` as a row shows it."""
    return OrderSummary(**_shown(row), created_at=row.created_at)


def _shown(row: LegacyOrder) -> Mapping[str, Any]:
    """What a reader sees: the total that the row says, where the rules need the one of its lines."""
    return {**dict(state(row)), "total_amount": row.total}


def _with_lines(row: LegacyOrder, items: tuple[Item, ...]) -> LegacyOrder:
    lines = tuple(LegacyLine(sku=item.sku, quantity=item.quantity, price=item.price) for item in items)
    return row.model_copy(update={"lines": row.lines + lines, "total": row.total + total(items)})


def _total(row: LegacyOrder) -> Decimal:
    return sum((line.quantity * line.price for line in row.lines), ZERO)


def _content(row: LegacyOrder) -> OrderContent:
    return OrderContent(
        customer_id=row.customer,
        items=tuple(Item(sku=line.sku, quantity=line.quantity, price=line.price) for line in row.lines),
        status=STATUS[row.status],
        payment_method=row.payment_method,
        cancel_reason=row.cancel_reason,
        refunded_amount=row.refunded,
        created_at=row.created_at,
        paid_at=row.paid_at,
        cancelled_at=row.cancelled_at,
    )


def _row(order_id: str, order: OrderContent) -> LegacyOrder:
    return LegacyOrder(
        order_id=order_id,
        customer=order.customer_id,
        status=LEGACY_STATUS[order.status],
        total=total(order.items),
        lines=tuple(LegacyLine(**dict(item)) for item in order.items),
        payment_method=order.payment_method,
        cancel_reason=order.cancel_reason,
        refunded=order.refunded_amount,
        created_at=order.created_at,
        paid_at=order.paid_at,
        cancelled_at=order.cancelled_at,
    )


ROW: Final = """jsonb_to_record(%(row)s) AS r(customer text, status text, total numeric, payment_method text,
    cancel_reason text, refunded numeric, created_at timestamptz, paid_at timestamptz, cancelled_at timestamptz)"""
LINES: Final = (
    """jsonb_to_recordset(%(row)s -> 'lines') AS l(line integer, sku text, quantity integer, price numeric)"""
)

SQL: Final = SqlMapping(
    schema="legacy.sql",
    rows="""
        SELECT o.tenant, o.order_id AS id, o.version, jsonb_build_object(
            'order_id', o.order_id, 'customer', o.customer, 'status', o.status, 'total', o.total::text,
            'payment_method', o.payment_method, 'cancel_reason', o.cancel_reason, 'refunded', o.refunded::text,
            'created_at', o.created_at, 'paid_at', o.paid_at, 'cancelled_at', o.cancelled_at,
            'lines', COALESCE((
                SELECT jsonb_agg(jsonb_build_object('line', i.line, 'sku', i.sku, 'quantity', i.quantity,
                                                    'price', i.price::text) ORDER BY i.line)
                FROM order_items i WHERE i.tenant = o.tenant AND i.order_id = o.order_id), '[]')
        ) AS row
        FROM orders o""",
    lock="SELECT 1 FROM orders WHERE tenant = %(tenant)s AND order_id = %(id)s FOR UPDATE",
    write=(
        f"""
        UPDATE orders AS o SET
            customer = r.customer, status = r.status, total = r.total, payment_method = r.payment_method,
            cancel_reason = r.cancel_reason, refunded = r.refunded, created_at = r.created_at, paid_at = r.paid_at,
            cancelled_at = r.cancelled_at, version = %(version)s
        FROM {ROW} WHERE o.tenant = %(tenant)s AND o.order_id = %(id)s""",
        f"""
        INSERT INTO orders (tenant, order_id, customer, status, total, payment_method, cancel_reason, refunded,
                            created_at, paid_at, cancelled_at, version)
        SELECT %(tenant)s, %(id)s, r.customer, r.status, r.total, r.payment_method, r.cancel_reason, r.refunded,
               r.created_at, r.paid_at, r.cancelled_at, %(version)s
        FROM {ROW}
        WHERE NOT EXISTS (SELECT FROM orders WHERE tenant = %(tenant)s AND order_id = %(id)s)""",
        f"""
        DELETE FROM order_items WHERE tenant = %(tenant)s AND order_id = %(id)s
            AND line NOT IN (SELECT l.line FROM {LINES})""",
        f"""
        UPDATE order_items AS i SET sku = l.sku, quantity = l.quantity, price = l.price
        FROM {LINES} WHERE i.tenant = %(tenant)s AND i.order_id = %(id)s AND i.line = l.line
            AND (i.sku, i.quantity, i.price) IS DISTINCT FROM (l.sku, l.quantity, l.price)""",
        f"""
        INSERT INTO order_items (tenant, order_id, line, sku, quantity, price)
        SELECT %(tenant)s, %(id)s, l.line, l.sku, l.quantity, l.price FROM {LINES}
        WHERE NOT EXISTS (SELECT FROM order_items AS i
                          WHERE i.tenant = %(tenant)s AND i.order_id = %(id)s AND i.line = l.line)""",
    ),
    tables=("orders", "order_items"),
)

LEGACY: Final = LegacyAdapter(
    entity="order",
    row=LegacyOrder,
    evolve=evolve,
    state=state,
    imported=imported,
    lines={"lines": Lines(identity=("sku",), number="line")},
    views={ORDER_DETAILS.name: details, ORDER_LIST.name: summary},
    sql=SQL,
)
