"""A rebuild on the running stack, as an operator asks for it, while customers go on ordering."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from tests.e2e.conftest import Stack
from tests.support import wait_until
from tools.local.token import make_token

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

TENANT = "rebuilt"
PROJECTIONS = ("order_list", "customer_totals")
PAUSE = 0.2


def client(stack: Stack, *scopes: str) -> httpx.Client:
    """A client of the tenant's."""
    token = make_token(TENANT, stack.data, scopes=scopes)
    return httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)


def order(shop: httpx.Client, number: int) -> None:
    """Order and pay."""
    items = [{"sku": "tea", "quantity": 1, "price": "2.00"}]
    body = {"orderId": f"o-{number}", "customerId": "c-1", "items": items}
    shop.post("/orders", json=body).raise_for_status()
    shop.post(f"/orders/o-{number}/pay", json={"amount": "2.00"}).raise_for_status()


class Customers:
    """Order without end, and look each time whether anything that was there is missing."""

    def __init__(self, stack: Stack) -> None:
        self.ordered = 0
        self.lost: list[Any] = []
        self._stack = stack
        self._stopping = Event()

    @contextmanager
    def ordering(self) -> Iterator[None]:
        thread = Thread(target=self._order)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    def _order(self) -> None:
        seen = 0
        with client(self._stack) as shop:
            for number in count():
                if self._stopping.wait(PAUSE):
                    return
                order(shop, number)
                self.ordered = number + 1
                now = totals(shop).get("paidOrders", 0)
                if now < seen:
                    self.lost.append((seen, now))
                seen = now


def totals(shop: httpx.Client) -> dict[str, Any]:
    """What the shared rows say of the customer."""
    answer = shop.get("/customers/c-1/totals")
    return dict(answer.json()) if answer.status_code == 200 else {}


def listed(shop: httpx.Client) -> list[Any]:
    """The customer's orders, to the last page."""
    orders: list[Any] = []
    query: dict[str, Any] = {"customer": "c-1", "limit": 200}
    while query.get("cursor", "") is not None:
        page = shop.get("/orders", params=query).raise_for_status().json()
        orders += page["orders"]
        query["cursor"] = page["cursor"]
    return orders


def generations(operator: httpx.Client, projection: str) -> dict[str, Any]:
    """How a projection's newest rebuild stands."""
    return dict(operator.get(f"/admin/projections/{projection}/rebuild").raise_for_status().json())


def test_a_rebuild_amid_orders_ends_equal_and_no_reader_sees_half_of_it(stack: Stack) -> None:
    customers = Customers(stack)
    with client(stack, "banyan/admin") as operator, client(stack) as shop, customers.ordering():
        wait_until(lambda: customers.ordered >= 5, "the first orders", 60)
        for projection in PROJECTIONS:
            path = f"/admin/projections/{projection}/rebuild"
            operator.post(path, json={"switchWhenEqual": True}).raise_for_status()
        for projection in PROJECTIONS:
            wait_until(lambda p=projection: generations(operator, p)["stage"] in {"live", "ready"}, projection, 120)  # type: ignore[misc]
        begun = customers.ordered
        wait_until(lambda: customers.ordered >= begun + 2, "orders behind the switch", 60)

    with client(stack, "banyan/admin") as operator, client(stack) as shop:
        for projection in PROJECTIONS:
            told = generations(operator, projection)
            assert (told["stage"], told["different"], told["failed"]) == ("live", 0, 0), told
        wait_until(lambda: totals(shop).get("paidOrders") == customers.ordered, "the last order", 60)
        wait_until(lambda: len(listed(shop)) == customers.ordered, "the list of all orders", 60)
    assert customers.lost == []
