"""A retailer's file through the running stack: what the read models say equals sums made another way."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import httpx
import pytest
from tests.orders.unit.importer.files import ROOT, chosen
from tests.orders.unit.importer.independent import Independent, Sold
from tests.support.clocks import EVERYTHING, PATIENCE, lengthy, wait_until

from banyan_tools.local.process import lag
from orders.tools.importer.api import Api
from orders.tools.importer.planning import plan
from orders.tools.importer.reading import read_file
from orders.tools.importer.sending import send_all

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

PROJECTOR = "ProjectorCommits"
SPAN = {"sample": ("2011-03-01", "2011-03-03"), "real": ("2010-12-01", "2010-12-07")}


class Stack(Protocol):
    """The running local stack."""

    url: str
    engine: str

    def token(self, tenant: str) -> str:
        """A token that the stack accepts."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A file that a tenant of its own has imported, its report, and its sums made another way."""

    file: Path
    span: tuple[str, str]
    command: Sequence[str]
    environment: Mapping[str, str]
    client: httpx.Client
    sums: Independent
    report: Mapping[str, Any]

    def get(self, path: str, **params: Any) -> Any:
        """What the API answers once the read models are up to date."""
        return self.client.get(path, params=params).raise_for_status().json()

    def daily(self) -> Any:
        """The sales of the file's days."""
        first, last = self.span
        return self.get("/sales/daily", **{"from": first, "to": last})["days"]

    def again(self) -> Mapping[str, Any]:
        """The report of a further import."""
        return _import(self.command, self.environment, self.client)


@pytest.fixture(scope="module", params=["sample", pytest.param("real", marks=lengthy)])
def imported(request: pytest.FixtureRequest, stack: Stack) -> Iterator[Imported]:
    """Each file in turn, imported for a tenant of its own."""
    if stack.engine != "moto" and not EVERYTHING:
        pytest.skip("moto has it, DynamoDB Local in `make test-all`")
    file, tenant = chosen(request.param), f"{request.param}-{uuid4().hex[:8]}"
    token = stack.token(tenant)
    command = [sys.executable, "-m", "orders.tools.importer", str(file), "--url", stack.url, "--json"]
    environment = {**os.environ, "TOKEN": token}
    headers = {"Authorization": f"Bearer {token}"}
    with (
        httpx.Client(base_url=stack.url, headers=headers, timeout=PATIENCE) as client,
        closing(Independent(file)) as sums,
    ):
        report = _import(command, environment, client)
        yield Imported(file, SPAN[request.param], command, environment, client, sums, report)


def _import(command: Sequence[str], environment: Mapping[str, str], client: httpx.Client) -> Mapping[str, Any]:
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    wait_until(lambda: lag(str(client.base_url), PROJECTOR) == 0, "the read models to be up to date", seconds=600)
    report: Mapping[str, Any] = json.loads(done.stdout)
    return report


def test_every_order_of_the_file_is_created_paid_and_cancelled_as_it_should(imported: Imported) -> None:
    counts = _commands(imported.sums)
    assert imported.report["sent"] == {kind: {"now": count, "before": 0} for kind, count in counts.items()}


def test_the_sales_of_each_day_agree_to_the_penny(imported: Imported) -> None:
    found = {
        day["day"]: (day["orders"], day["cancelled"], *map(Decimal, (day["gross"], day["refunded"], day["net"])))
        for day in imported.daily()
    }
    assert found == {day: _booked(sold) for day, sold in imported.sums.daily().items()}


def test_the_totals_of_customers_agree_to_the_penny(imported: Imported) -> None:
    customers = imported.sums.customers()
    returned = [customer for customer, sold in customers.items() if sold.cancelled]
    for customer in {*returned, *list(customers)[:10], "guest"}:
        totals = imported.get(f"/customers/{customer}/totals")
        sold = customers[customer]
        assert (totals["orders"], totals["paidOrders"], totals["cancelledOrders"]) == (
            sold.orders,
            sold.orders,
            sold.cancelled,
        )
        assert (Decimal(totals["paidAmount"]), Decimal(totals["refundedAmount"])) == (
            _money(sold.gross),
            _money(sold.refunded),
        )


def test_orders_hold_the_lines_of_their_invoices(imported: Imported) -> None:
    for order_id in _interesting(imported.sums):
        order = imported.get(f"/orders/{order_id}")
        items = [(item["sku"], item["quantity"], Decimal(item["price"])) for item in order["items"]]
        planned = [(sku, quantity, _money(price)) for sku, quantity, price in imported.sums.items(order_id)]
        assert items == planned
        assert Decimal(order["totalAmount"]) == sum(quantity * price for _, quantity, price in planned)
        assert order["status"] == ("cancelled" if order_id in imported.sums.cancelled() else "paid")


def test_events_happened_when_the_file_says_and_were_recorded_now(imported: Imported) -> None:
    for order_id in _interesting(imported.sums):
        events = imported.get(f"/orders/{order_id}/events", limit=200)["events"]
        happened = [event["metadata"]["occurredAt"] for event in events]
        assert happened == [f"{minute.replace(' ', 'T')}:00Z" for minute in imported.sums.moments(order_id)]
        assert all(datetime.fromisoformat(event["timestamp"]).year > 2011 for event in events)


def test_a_second_import_changes_nothing(imported: Imported) -> None:
    days = imported.daily()
    report = imported.again()
    assert {kind: sent["now"] for kind, sent in report["sent"].items()} == dict.fromkeys(report["sent"], 0)
    assert imported.daily() == days


@pytest.mark.parametrize("imported", ["sample"], indirect=True)
def test_an_import_whose_keys_are_forgotten_changes_nothing(imported: Imported) -> None:
    days = imported.daily()
    imported.client.event_hooks = {"request": [_under_a_new_key]}
    outcomes = send_all(Api(imported.client), plan(read_file(imported.file)).orders, workers=4)
    imported.client.event_hooks = {}
    assert [outcome.failure for outcome in outcomes] == [None] * len(outcomes)
    assert [outcome.now for outcome in outcomes] == [{}] * len(outcomes)
    assert sum((outcome.before for outcome in outcomes), Counter()) == _commands(imported.sums)
    assert imported.daily() == days


def _under_a_new_key(request: httpx.Request) -> None:
    if "Idempotency-Key" in request.headers:
        request.headers["Idempotency-Key"] = str(uuid4())


def _commands(sums: Independent) -> Mapping[str, int]:
    orders = len(sums.invoices("true"))
    later = sums.number("SELECT count(*) FROM sale JOIN invoice USING (invoice) WHERE sale.minute > created")
    return {"create": orders, "add": later, "pay": orders, "cancel": len(sums.cancelled())}


def _interesting(sums: Independent) -> Sequence[str]:
    """The first orders, those with later lines, those cancelled, the one worth most."""
    several, most = sums.invoices("paid > created"), sums.invoices("worth = (SELECT max(worth) FROM invoice)")
    return [*sums.invoices("true")[:3], *several, *sums.cancelled(), *most]


def _booked(sold: Sold) -> tuple[int, int, Decimal, Decimal, Decimal]:
    return sold.orders, sold.cancelled, _money(sold.gross), _money(sold.refunded), _money(sold.gross - sold.refunded)


def _money(ten_thousandths: int) -> Decimal:
    return Decimal(ten_thousandths).scaleb(-4)
