"""What a page of a list costs, however many orders there are."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from tests.orders.support.http import CONTEXT, ITEM, Answer, body_of, event
from tests.support.engines import DynamoDBEngine
from tests.support.wire import Capacity

from banyan.bootstrap import bootstrap
from banyan.entrypoints.http.api import command_api, query_api
from banyan.projections.processor import ProjectionProcessor

LIMIT = 5
HALF = {"customer": "c-1", "status": "paid"}
"""What every other order is."""


class Orders:
    """As many orders of one customer as wanted: the rows of the first two, one of them paid, over and over."""

    def __init__(self, engine: DynamoDBEngine) -> None:
        self.engine = engine
        tables = {f"{name.upper()}_TABLE": table for name, table in engine.tables.model_dump().items()}
        self.app = bootstrap(
            {**tables, "BANYAN_DOMAIN": "orders", "BANYAN_CONTROL_CACHE_MS": "600000"}, client=lambda: engine.client
        )
        self.queries = query_api(self.app)
        self._make()

    def get(self, **query: Any) -> Answer:
        answer: Answer = self.queries(event("GET", "/orders", query={"limit": LIMIT, **query}), CONTEXT)
        assert answer["statusCode"] == 200
        return answer

    def multiply(self, count: int) -> None:
        """Let there be so many pairs of them."""
        table = self.engine.tables.views
        items = [item for item in self.engine.client.scan(TableName=table)["Items"] if "o-0000" in str(item)]
        items = [item for item in items if "lookup3" in item]
        assert len(items) == 2
        pairs = [(item, number) for number in range(1, count) for item in items]
        puts = [{"PutRequest": {"Item": _numbered(item, number)}} for item, number in pairs]
        for first in range(0, len(puts), 25):
            self.engine.client.batch_write_item(RequestItems={table: puts[first : first + 25]})  # type: ignore[dict-item]

    def _make(self) -> None:
        commands = command_api(self.app)
        for name in ("o-0000-a", "o-0000-b"):
            order = {"orderId": name, "customerId": "c-1", "items": [ITEM]}
            request = event("POST", "/orders", order, x_occurred_at="2026-01-05T09:00:00Z")
            assert commands(request, CONTEXT)["statusCode"] == 201
        assert commands(event("POST", "/orders/o-0000-a/pay", {"amount": 5}), CONTEXT)["statusCode"] == 200
        processor = ProjectionProcessor(self.app.store, self.app.views, self.app.domain.projections)
        for stream in self.app.store.streams():
            assert not processor.project(self.app.store.commits(stream))


def _numbered(item: Any, number: int) -> Any:
    return {name: _renamed(value, "o-0000", f"o-{number:04}") for name, value in item.items()}


def _renamed(value: Any, old: str, new: str) -> Any:
    if "B" in value:
        return {"B": zlib.compress(zlib.decompress(value["B"]).replace(old.encode(), new.encode()))}
    return {"S": value["S"].replace(old, new)} if "S" in value else value


@pytest.fixture
def orders(dynamodb_local: DynamoDBEngine) -> Orders:
    return Orders(dynamodb_local)


pytestmark = pytest.mark.dynamodb_local


@pytest.mark.parametrize("query", [{}, {"customer": "c-1"}, {"status": "paid"}, {"status": "created"}])
def test_a_page_costs_the_same_among_twelve_orders_and_a_thousand(orders: Orders, query: dict[str, str]) -> None:
    capacity = Capacity(orders.engine.client)
    costs = []
    for count in (6, 500):
        orders.multiply(count)
        orders.get(**query)
        orders.engine.wire.clear()
        capacity.units.clear()
        page = body_of(orders.get(**query))
        costs.append((list(orders.engine.wire.sent), dict(capacity.units)))
        assert (len(page["orders"]), page["cursor"] is None) == (LIMIT, False)
    assert costs[0] == costs[1]
    assert costs[0][0] == ["Query"]


def test_a_page_through_a_filter_costs_few_requests(orders: Orders) -> None:
    """Of the rows of a customer it reads what it is likely to need, and ten times its length at most."""
    orders.multiply(500)
    capacity = Capacity(orders.engine.client)
    for status, found, most in (("paid", LIMIT, 3), ("cancelled", 0, 2)):
        orders.engine.wire.clear()
        capacity.units.clear()
        page = body_of(orders.get(customer="c-1", status=status))
        assert (len(page["orders"]), page["cursor"] is None) == (found, False)
        assert len(orders.engine.wire.sent) <= most
        assert 0 < capacity.units["Query"] <= 10


def test_pages_through_a_filter_have_every_order_once(orders: Orders) -> None:
    orders.multiply(40)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = body_of(orders.get(**HALF, **cursor))
        seen += [order["orderId"] for order in page["orders"]]
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}
    assert seen == [f"o-{number:04}-a" for number in reversed(range(40))]
