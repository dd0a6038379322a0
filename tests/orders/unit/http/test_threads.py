"""Requests that run at the same time do not see each other."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from unittest.mock import Mock

import pytest
from aws_lambda_powertools.event_handler.api_gateway import Route
from tests.orders.support.http import ITEM, Server, body_of
from tests.support.clocks import PATIENCE

from banyan.projections.memory import MemoryViews

WORKERS = 8


@pytest.fixture(autouse=True)
def _restless() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


class Meeting(MemoryViews):
    """Read models that answer only when all workers are asking, so that their requests overlap."""

    def __init__(self) -> None:
        super().__init__()
        self.barrier = Barrier(WORKERS, timeout=PATIENCE)

    def states(self, *arguments: Any) -> Any:
        self.barrier.wait()
        return super().states(*arguments)


def test_overlapping_requests_keep_their_callers_apart() -> None:
    server = Server(views=Meeting())
    tenants = [f"tenant-{number}" for number in range(WORKERS)]
    for tenant in tenants:
        body = {"orderId": "o-1", "customerId": tenant, "items": [ITEM]}
        assert server.post("/orders", body, tenant=tenant)["statusCode"] == 201

    def read(tenant: str) -> list[tuple[str, str]]:
        answers = [server.get("/orders/o-1", tenant=tenant, X_Correlation_Id=tenant) for _ in range(10)]
        return [(body_of(answer)["customerId"], answer["headers"]["X-Correlation-Id"]) for answer in answers]

    with ThreadPoolExecutor(WORKERS) as pool:
        found = list(pool.map(read, tenants))
    assert found == [[(tenant, tenant)] * 10 for tenant in tenants]


def test_what_threads_share_is_built_before_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    monkeypatch.setattr(Route, "_build_middleware_stack", Mock(side_effect=AssertionError("built at a request")))
    body = {"orderId": "o-1", "customerId": "c", "items": [ITEM]}
    assert server.post("/orders", body)["statusCode"] == 201
    assert server.get("/orders/o-1")["statusCode"] == 200


def test_first_requests_that_race_are_all_answered() -> None:
    for _ in range(5):
        server = Server()
        start = Barrier(WORKERS, timeout=PATIENCE)

        def create(number: int, server: Server = server, start: Barrier = start) -> int:
            start.wait()
            body = {"orderId": f"o-{number}", "customerId": "c", "items": [ITEM]}
            return int(server.post("/orders", body)["statusCode"])

        with ThreadPoolExecutor(WORKERS) as pool:
            assert set(pool.map(create, range(WORKERS))) == {201}
