"""A route that handles its command without a read first, on what its process saw last."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.orders.support.http import ITEM, ORDER, Server, body_of

from banyan.http import CurrentCall, Response, Router, tagged
from banyan.store import Commit, Snapshot
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId
from orders.commands import AddItem
from orders.events import Item
from orders.messages import CommandAnswer

commands = Router()


@commands.post("/orders/<orderId>/items", operation_id="addItem")
def add_item(orderId: str, body: Item, call: CurrentCall) -> Response[CommandAnswer]:  # noqa: N803
    outcome = call.handle(call.stream("order", orderId, "orderId"), AddItem(item=body), optimistic=True)
    version, order = outcome.head.version, outcome.state
    answer = CommandAnswer(order_id=orderId, version=version, status=order.status, total_amount=order.total_amount)
    return tagged(answer, version)


class CountedTable(MemoryTable):
    """Counts the reads of streams."""

    reads = 0

    def forward(self, stream: StreamId, after: int) -> Iterator[Commit | Snapshot]:
        self.reads += 1
        return super().forward(stream, after)

    def backward(
        self, stream: StreamId, upto: int | None = None, page: int | None = None
    ) -> Iterator[Commit | Snapshot]:
        self.reads += 1
        return super().backward(stream, upto, page)


@pytest.mark.parametrize("others", [0, 1])
def test_the_write_finds_out(others: int) -> None:
    table = CountedTable()
    Server(table).post("/orders", ORDER)
    server, other = Server(table, commands=commands), Server(table)
    server.post("/orders/o-1/items", {**ITEM, "sku": "B"})
    for _ in range(others):
        other.post("/orders/o-1/items", {**ITEM, "sku": "C"})
    before = table.reads

    answer = server.post("/orders/o-1/items", {**ITEM, "sku": "D"})

    assert (answer["statusCode"], body_of(answer)["version"]) == (200, 3 + others)
    assert (table.reads > before) is bool(others)
