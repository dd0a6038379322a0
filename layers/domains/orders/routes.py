"""The HTTP routes of orders and stock. Path parameters are spelled as in the API."""

# ruff: noqa: N803

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Final

from aws_lambda_powertools.event_handler.openapi.params import Query

from banyan import CommandRejected, Event
from banyan.http import (
    BadRequest,
    Call,
    CurrentCall,
    PageOrder,
    Replayable,
    ReplayableCall,
    Response,
    Router,
    merged,
    tagged,
)
from banyan.streams import StreamId
from banyan.text import Day, Moment
from orders.commands import AddItem, CancelOrder, Command, CreateOrder, PayOrder
from orders.events import CustomerId, Item, OrderId, Sku
from orders.inventory.commands import ReceiveStock
from orders.inventory.skus import ENTITY, stock_id
from orders.messages import (
    CommandAnswer,
    CustomerTotals,
    DailySales,
    DaySales,
    EventAnswer,
    EventPage,
    ListedOrder,
    NewOrder,
    OrderAnswer,
    OrderPage,
    ReceivedStock,
    StockAnswer,
    StockCommandAnswer,
)
from orders.projections import CUSTOMER_TOTALS, DAILY_SALES, ORDER_DETAILS, ORDER_LIST, STOCK
from orders.projections.order_list import ALL, END_OF_DAY
from orders.rejections import not_found, not_tracked
from orders.state import OrderStatus

MAX_DAYS: Final = 366

commands = Router()
queries = Router()

AtVersion = Annotated[int | None, Query(alias="atVersion", ge=1)]
MinVersion = Annotated[int, Query(alias="minVersion", ge=0)]
After = Annotated[int, Query(ge=0)]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=2048)]
OfOrder = Annotated[OrderId | None, Query(alias="orderId")]


@commands.post("/orders", operation_id="createOrder", summary="Order something", status_code=201)
def create_order(body: NewOrder, call: ReplayableCall) -> Response[CommandAnswer]:
    """Create an order of at least one item."""
    order_id = body.order_id or call.new_id
    call.require_path_id(body.customer_id, "customerId")
    for index, item in enumerate(body.items):
        call.require_path_id(item.sku, f"items.{index}.sku")
    command = CreateOrder(
        order_id=order_id, customer_id=body.customer_id, items=body.items, total_amount=body.total_amount
    )
    return _handle(call, order_id, command, 201)


@commands.post("/orders/<orderId>/items", operation_id="addItem", summary="Add a line to an order")
def add_item(orderId: str, body: Item, call: ReplayableCall) -> Response[CommandAnswer]:
    """Add an item to an order that is neither paid nor cancelled."""
    call.require_path_id(body.sku, "sku")
    return _handle(call, orderId, AddItem(item=body))


@commands.post("/orders/<orderId>/pay", operation_id="payOrder", summary="Pay an order in full")
def pay_order(orderId: str, body: PayOrder, call: ReplayableCall) -> Response[CommandAnswer]:
    """Pay the exact total of an order that is neither paid nor cancelled."""
    return _handle(call, orderId, body)


@commands.post("/orders/<orderId>/cancel", operation_id="cancelOrder", summary="Cancel an order")
def cancel_order(orderId: str, body: CancelOrder, call: ReplayableCall) -> Response[CommandAnswer]:
    """Cancel an order; a paid one is refunded."""
    return _handle(call, orderId, body)


@commands.post("/inventory/<sku>/receive", operation_id="receiveStock", summary="Receive pieces of a SKU")
def receive_stock(sku: Sku, body: ReceivedStock, call: ReplayableCall) -> Response[StockCommandAnswer]:
    """Add to the stock of a SKU; from the first time on it is tracked, and orders reserve what they want of it."""
    command = ReceiveStock(sku=sku, quantity=body.quantity, at=call.now())
    outcome = call.handle(_stock(call, sku), command)
    version = outcome.head.version
    return tagged(StockCommandAnswer(sku=sku, version=version, available=outcome.state.available), version)


@queries.get("/inventory/<sku>", operation_id="getStock", summary="The stock of a SKU")
def get_stock(sku: Sku, call: CurrentCall, minVersion: MinVersion = 0) -> Response[StockAnswer]:
    """Read what is available, reserved and sold of a SKU, at ``minVersion`` or later."""
    found = call.queries.get(STOCK, _stock(call, sku), minVersion)
    if found is None:
        raise not_tracked()
    return tagged(merged(StockAnswer, found.provenance, dict(found.value)), found.provenance.version)


@queries.get("/orders/<orderId>", operation_id="getOrder", summary="An order")
def get_order(
    orderId: str,
    call: CurrentCall,
    minVersion: MinVersion = 0,
    atVersion: AtVersion = None,
    at: Annotated[Moment | None, Query()] = None,
    effectiveAt: Annotated[Moment | None, Query(alias="effectiveAt")] = None,
) -> Response[OrderAnswer]:
    """Read an order, at ``minVersion`` or later, or as it was.

    At a version (``atVersion``), by what was recorded up to a moment (``at``), or by what had happened by a moment,
    however late it was recorded (``effectiveAt``); one of these alone.
    """
    stream, queries = _order(call, orderId), call.queries
    if sum(each is not None for each in (minVersion or None, atVersion, at, effectiveAt)) > 1:
        raise CommandRejected("ambiguous_time", "minVersion, atVersion, at and effectiveAt exclude one another")
    if atVersion is not None:
        found = queries.at(ORDER_DETAILS, stream, atVersion)
    elif at is not None:
        found = queries.as_recorded(ORDER_DETAILS, stream, at)
    elif effectiveAt is not None:
        found = queries.as_happened(ORDER_DETAILS, stream, effectiveAt)
    else:
        found = queries.get(ORDER_DETAILS, stream, minVersion)
    if found is None:
        raise not_found()
    return tagged(merged(OrderAnswer, found.provenance, dict(found.value)), found.provenance.version)


@queries.get("/orders/<orderId>/events", operation_id="getEvents", summary="What happened to an order")
def get_events(orderId: str, call: CurrentCall, after: After = 0, limit: Limit = 50) -> EventPage:
    """List the events of an order behind a version, oldest first."""
    found = call.queries.events(_order(call, orderId), after, limit)
    if found is None:
        raise not_found()
    last = found.value[-1].version if found.value else after
    more = last if found.value and last < found.provenance.version else None
    return merged(EventPage, found.provenance, {"events": tuple(map(_event, found.value)), "next": more})


@queries.get("/orders", operation_id="listOrders", summary="Orders, newest first")
def list_orders(
    call: CurrentCall,
    customer: Annotated[CustomerId | None, Query()] = None,
    status: Annotated[OrderStatus | None, Query()] = None,
    first: Annotated[Day | None, Query(alias="from")] = None,
    last: Annotated[Day | None, Query(alias="to")] = None,
    order: Annotated[PageOrder, Query()] = "descending",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> OrderPage:
    """List the orders of a customer, those with a status, those with both, or all; created from one day to another.

    Days are UTC and both included. A cursor continues the list it came from: with other filters begin without one.
    """
    if first and last and last < first:
        raise CommandRejected("invalid_range", "'to' must not lie before 'from'", "to")
    found = call.queries.lookup(
        ORDER_LIST,
        call.caller.tenant,
        *_lookup(customer, status),
        limit,
        cursor,
        where=lambda listed: status in (None, listed.status),
        from_sort=first.isoformat() if first else "",
        to_sort=f"{last}{END_OF_DAY}" if last else None,
        order=order,
    )
    orders = tuple(ListedOrder(**dict(listed), version=version) for listed, version in found.value)
    return merged(OrderPage, found.provenance, {"orders": orders, "cursor": found.value.cursor})


@queries.get("/customers/<customerId>/totals", operation_id="getTotals", summary="What a customer ordered and paid")
def get_totals(
    customerId: CustomerId, call: CurrentCall, orderId: OfOrder = None, minVersion: MinVersion = 0
) -> CustomerTotals:
    """Read the totals of a customer; all are 0 for one who never ordered.

    They show the order ``orderId`` at ``minVersion`` or later, or the answer is 503 ``read_model_lagging``.
    """
    shown = _shown(call, orderId, minVersion)
    found = call.queries.rows(CUSTOMER_TOTALS, call.caller.tenant, [customerId], min_versions=shown)
    totals = dict(found.value[0].fields) if found.value else {}
    return merged(CustomerTotals, found.provenance, {"customerId": customerId, **totals})


@queries.get("/sales/daily", operation_id="getDailySales", summary="Sales per day")
def get_daily_sales(
    call: CurrentCall,
    first: Annotated[Day, Query(alias="from")],
    last: Annotated[Day, Query(alias="to")],
    order: Annotated[PageOrder, Query()] = "ascending",
    limit: Annotated[int, Query(ge=1, le=MAX_DAYS)] = MAX_DAYS,
    cursor: Cursor = None,
    orderId: OfOrder = None,
    minVersion: MinVersion = 0,
) -> DailySales:
    """List what was booked from one day to another, both included, at most 366 days; idle days are left out.

    They show the order ``orderId`` at ``minVersion`` or later, or the answer is 503 ``read_model_lagging``.
    """
    if not 0 <= (last - first).days < MAX_DAYS:
        raise CommandRejected("invalid_range", f"'to' must lie 0 to {MAX_DAYS - 1} days after 'from'", "to")
    found = call.queries.rows(
        DAILY_SALES,
        call.caller.tenant,
        _months(first, last),
        first.isoformat(),
        last.isoformat(),
        order=order,
        limit=limit,
        cursor=cursor,
        min_versions=_shown(call, orderId, minVersion),
    )
    days = tuple(DaySales.model_validate({"day": row.sort, **row.fields}) for row in found.value)
    return merged(DailySales, found.provenance, {"days": days, "cursor": found.value.cursor})


def _shown(call: Call, order_id: str | None, min_version: int) -> Mapping[StreamId, int]:
    """What rows that many orders share have to show."""
    if min_version and order_id is None:
        raise BadRequest("order_missing", "minVersion is the version of one order: name it in orderId", "orderId")
    return {_order(call, order_id): min_version} if order_id else {}


def _order(call: Replayable, order_id: str) -> StreamId:
    return call.stream("order", order_id, "orderId")


def _stock(call: Replayable, sku: str) -> StreamId:
    call.require_path_id(sku, "sku")
    return call.stream(ENTITY, stock_id(sku), "sku")


def _handle(call: Replayable, order_id: str, command: Command, status: int = 200) -> Response[CommandAnswer]:
    outcome = call.handle(_order(call, order_id), command)
    version, order = outcome.head.version, outcome.state
    answer = CommandAnswer(order_id=order_id, version=version, status=order.status, total_amount=order.total_amount)
    return tagged(answer, version, status)


def _event(event: Event) -> EventAnswer:
    return EventAnswer(
        event_id=event.event_id,
        event_type=event.event_type,
        version=event.version,
        timestamp=event.timestamp,
        payload=event.payload.model_dump(mode="json", by_alias=True),
        metadata=event.metadata,
    )


def _lookup(customer: str | None, status: OrderStatus | None) -> tuple[str, str]:
    if customer:
        return "customer", customer
    return ("status", str(status)) if status else ("all", ALL)


def _months(first: date, last: date) -> Iterator[str]:
    """Months between two days, ``YYYY-MM``."""
    for month in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        yield f"{month // 12:04}-{month % 12 + 1:02}"
