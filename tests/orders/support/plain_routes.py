"""The commands of orders by routes that promise nothing of their answers, as every route was before it could."""

# ruff: noqa: N803

from __future__ import annotations

from banyan.http import CurrentCall, Response, Router
from orders import routes
from orders.commands import CancelOrder, PayOrder
from orders.events import Item
from orders.messages import CommandAnswer, NewOrder

commands = Router()


@commands.post("/orders", operation_id="createOrder", status_code=201)
def create_order(body: NewOrder, call: CurrentCall) -> Response[CommandAnswer]:
    return routes.create_order(body, call)


@commands.post("/orders/<orderId>/items", operation_id="addItem")
def add_item(orderId: str, body: Item, call: CurrentCall) -> Response[CommandAnswer]:
    return routes.add_item(orderId, body, call)


@commands.post("/orders/<orderId>/pay", operation_id="payOrder")
def pay_order(orderId: str, body: PayOrder, call: CurrentCall) -> Response[CommandAnswer]:
    return routes.pay_order(orderId, body, call)


@commands.post("/orders/<orderId>/cancel", operation_id="cancelOrder")
def cancel_order(orderId: str, body: CancelOrder, call: CurrentCall) -> Response[CommandAnswer]:
    return routes.cancel_order(orderId, body, call)
