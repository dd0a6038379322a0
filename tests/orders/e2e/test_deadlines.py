"""An order that no one pays, on the local stack: its deadline cancels it and its stock is free again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.orders.e2e.conftest import Stack, running
from tests.support.clocks import EVERYTHING, PATIENCE, wait_until
from tests.support.engines import dynamodb_client

from banyan.adapters.dynamodb.commits import DynamoDBTable
from banyan.adapters.dynamodb.gateway import Gateway
from banyan.adapters.dynamodb.traces import DynamoDBTraces
from banyan.store import EventStore
from banyan.traces import Timeline, Trace
from banyan_tools.local.engine import ENGINES
from orders import DOMAIN

pytestmark = pytest.mark.stack

LOCAL = re.compile(r"DynamoDB Local at (\S+) listens")


@pytest.fixture(params=ENGINES if EVERYTHING else [pytest.param(None, id="dynamodb")])
def impatient(request: pytest.FixtureRequest, dynamodb_endpoint: str | None, tmp_path: Path) -> Iterator[Stack]:
    """A stack on which an order must be paid within seconds, and no deadline fires unless a test says so."""
    engine = request.param or ("dynamodb-local" if dynamodb_endpoint else "moto")
    arguments = ("--engine", engine, "--parameter", "PaymentDeadlineMinutes=0.02", "--without", "Deadlines")
    with running(tmp_path / "data", *arguments) as stack:
        yield stack


def call(stack: Stack, method: str, path: str, body: Any = None) -> Any:
    """What the API answers."""
    headers = {
        "Authorization": f"Bearer {stack.token('acme')}",
        "X-Correlation-Id": f"{method}{path}".replace("/", "."),
    }
    answer = httpx.request(method, stack.url + path, json=body, headers=headers, timeout=PATIENCE, verify=False)
    assert answer.status_code < 300, answer.text
    return answer.json()


def traced(stack: Stack, correlation_id: str) -> Trace:
    """The trace of a request, read from the stack's own tables."""
    found = LOCAL.search(stack.screen())
    assert found, stack.screen()
    gateway = Gateway(dynamodb_client(found[1]))
    store = EventStore(DynamoDBTable(gateway, "banyan-EventsTable"), DOMAIN.registry)
    return Timeline(DynamoDBTraces(gateway, "banyan-TracesTable"), store).trace("acme", correlation_id)


@pytest.mark.slow
def test_an_unpaid_order_is_cancelled_by_its_deadline_and_releases_its_stock(impatient: Stack) -> None:
    item = {"sku": "PEN", "quantity": 2, "price": "2.50"}
    call(impatient, "POST", "/inventory/PEN/receive", {"quantity": 5})
    order = call(impatient, "POST", "/orders", {"customerId": "c-1", "items": [item]})["orderId"]

    def stock_at(version: int) -> Any:
        found = call(impatient, "GET", "/inventory/PEN")
        return found if found["version"] == version else None

    def cancelled() -> bool:
        call(impatient, "POST", "/_local/invoke/Deadlines", {})
        return bool(call(impatient, "GET", f"/orders/{order}")["status"] == "cancelled")

    wait_until(lambda: stock_at(2), "the reservation")
    wait_until(cancelled, "the deadline")
    assert wait_until(lambda: stock_at(3), "the release")["available"] == 5
    if impatient.engine == "dynamodb-local":
        check_trace(impatient, order)


def check_trace(stack: Stack, order: str) -> None:
    """Hold the trace of the order's request to the whole chain."""
    trace = wait_until(lambda: len((t := traced(stack, "POST.orders")).entries) == 4 and t, "the trace")
    assert isinstance(trace, Trace)
    created, reserved, ended, released = trace.entries
    types = ["OrderCreated", "StockReserved", "OrderCancelled", "ReservationReleased"]
    assert [entry.event_type for entry in trace.entries] == types
    assert [entry.parent for entry in trace.entries] == [None, created.event_id, created.event_id, ended.event_id]
    assert (ended.stream_id.id, ended.actor) == (order, "deadline:payment")
    assert reserved.stream_id == released.stream_id
