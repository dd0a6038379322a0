"""A day of an operator: one event cannot be projected, it is mended, and read models are rebuilt under live traffic."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.orders.e2e.conftest import Stack, running
from tests.orders.support.platform import InProcessPlatform
from tests.orders.unit.importer.files import SAMPLE, real_file
from tests.support.clocks import PATIENCE, lengthy, meanwhile, wait_until
from tests.support.engines import DynamoDBEngine
from typer.testing import CliRunner

from banyan.entrypoints.http.identity import ADMIN
from banyan.notices import PROJECTION_PAUSED
from banyan.streams import StreamId
from banyan_tools.cli.app import app
from banyan_tools.local.token import make_token
from orders.tools.importer.api import Api
from orders.tools.importer.planning import Order, plan
from orders.tools.importer.reading import read_file
from orders.tools.importer.sending import send_all

ORDERS = 25


def banyan(url: str, token: str, line: str) -> tuple[int, Any]:
    """Run the command; its exit code and what it says as JSON."""
    done = CliRunner().invoke(app, [*line.split(), "--json"], env={"BANYAN_URL": url, "BANYAN_TOKEN": token})
    return done.exit_code, json.loads(done.stdout or done.stderr)


def retail_orders() -> Sequence[Order]:
    """Orders of the real retailer's week where it is at hand, else of the sample."""
    try:
        file = real_file()
    except pytest.skip.Exception:
        file = SAMPLE
    return plan(read_file(file)).orders[:ORDERS]


@pytest.mark.slow
def test_a_poisoned_event_stops_its_stream_alone_until_it_is_mended(dynamodb: DynamoDBEngine, tmp_path: Path) -> None:
    orders = retail_orders()
    poisoned = orders[len(orders) // 2].id
    platform = InProcessPlatform(dynamodb, poisoned)
    token = make_token("acme", tmp_path, scopes=[ADMIN])
    with (
        platform.serving(tmp_path) as url,
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE) as client,
    ):
        assert [o.failure for o in send_all(Api(client), orders, workers=2, done=lambda _: None) if o.failure] == []
        platform.deliver()
        stream = next(s for s in platform.app.store.streams() if s.id == poisoned)
        assert platform.counts.counted["ProjectionParked"] == 1, "the metric that the alarm looks at"
        assert [(kind, detail["stream"]) for kind, detail in platform.notices.sent] == [
            (PROJECTION_PAUSED, str(stream))
        ]
        assert platform.differing() == [stream], "all the others went on"
        code, shown = banyan(url, token, "projections show order_list")
        assert (code, [each["stream"] for each in shown["parked"]]) == (0, [str(stream)])

        platform.mended = True
        assert banyan(url, token, f"projections retry order_list {stream}") == (0, {"parked": None})
        assert platform.differing() == []

        passed: list[StreamId] = []

        def traffic() -> None:
            live = StreamId("acme", "order", f"live-{len(passed)}")
            platform.order(live.id)
            platform.deliver(live)
            platform.work_off()
            passed.append(live)

        with meanwhile(traffic):
            wait_until(lambda: passed, "traffic")
            code, done = banyan(url, token, "projections rebuild order_list --switch --every 0.05")
        platform.deliver()
        assert (code, done["stage"], done["different"], done["failed"]) == (0, "live", 0, 0)
        assert banyan(url, token, "projections show order_list")[1]["live"] == 2
        assert platform.differing() == []
        assert len(passed) > 1, "the rebuild was worked off by traffic that came after its beginning"


@lengthy
@pytest.mark.stack
@pytest.mark.timeout(600)
def test_a_running_stack_is_rebuilt_while_people_order_and_read(stack: Stack) -> None:
    tenant = f"operated-{uuid4().hex[:8]}"
    headers = {"Authorization": f"Bearer {stack.token(tenant)}"}
    token = make_token(tenant, stack.data, scopes=[ADMIN])
    body = {"customerId": "c-1", "items": [{"sku": "A", "quantity": 1, "price": "2.50"}]}
    ordered: list[str] = []
    with httpx.Client(base_url=stack.url, headers=headers, timeout=PATIENCE) as client:

        def order_and_read() -> None:
            answer = client.post("/orders", json=body).raise_for_status().json()
            ordered.append(answer["orderId"])
            found = client.get(f"/orders/{ordered[0]}").raise_for_status().json()
            assert (found["orderId"], found["totalAmount"]) == (ordered[0], "2.50"), "half-built rows were read"

        before = banyan(stack.url, token, "projections show order")[1]["live"]
        with meanwhile(order_and_read):
            code, done = banyan(stack.url, token, "projections rebuild order --switch --every 0.5 --writes 5000")
        assert (code, done["stage"], done["different"], done["failed"]) == (0, "live", 0, 0)
        assert banyan(stack.url, token, "projections show order")[1]["live"] == before + 1

        def projected() -> bool:
            found = client.get(f"/orders/{ordered[-1]}").raise_for_status().json()
            return bool(found["servedFrom"] == "projection")

        wait_until(projected, "the newest order in the new rows")


@pytest.mark.stack
@lengthy
def test_a_rebuild_of_more_segments_than_a_chain_may_have_ends(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--parameter", "LogBuckets=18", "--parameter", "ControlCacheMs=100") as stack:
        token = make_token("acme", stack.data, scopes=[ADMIN])
        code, done = banyan(stack.url, token, "projections rebuild order --switch --every 0.2")
        assert (code, done.get("stage")) == (0, "live"), stack.screen()
    assert "RecursiveLoop" not in stack.screen()
