"""What README and guides say about orders."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.docs.sandbox import Sandbox
from tests.docs.snippets import ROOT, section, snippets
from tests.support.clocks import wait_until

from orders.rejections import Code

README = ROOT / "README.md"
ORDER = 'curl -s http://127.0.0.1:3000/orders/o-1 -H "Authorization: Bearer $(make -s token TENANT=acme)"'


def test_every_code_of_an_order_is_documented() -> None:
    page = (ROOT / "docs" / "http.md").read_text()

    assert [code for code in Code if f"`{code.value}`" not in page] == []


@pytest.mark.slow
@pytest.mark.stack
def test_the_readmes_first_order_is_paid(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    text = section(README, "The first order in a minute")
    calls = "".join(block.code for block in snippets(README) if block.code in text)

    with sandbox.serving("make run"):
        created, paid, _, before, events, *_ = sandbox.answers(calls)
        order = wait_until(lambda: at_version(sandbox, 2), "the read model")
        wait_until(lambda: all(imported(sandbox, calls)), "what was imported")

    assert (created["orderId"], created["version"], Decimal(created["totalAmount"])) == ("o-1", 1, Decimal(9))
    assert (paid["version"], paid["status"]) == (2, "paid")
    assert (order["status"], order["servedFrom"]) == ("paid", "projection")
    assert (before["version"], before["status"]) == (1, "created")
    assert [event["eventType"] for event in events["events"]] == ["OrderCreated", "OrderPaid"]


def at_version(sandbox: Sandbox, version: int) -> dict[str, Any]:
    """The README's order once its read model has come that far; empty before."""
    order: dict[str, Any] = sandbox.answers(ORDER)[0]
    return order if order["version"] == version else {}


def imported(sandbox: Sandbox, calls: str) -> tuple[list[Any], int]:
    """Days with sales and a customer's orders, as the README asks for them behind ``make import``."""
    token, queries = calls.splitlines()[0], calls.partition("make import\n")[2]
    sales, totals = sandbox.answers(f"{token}\n{queries}")
    return sales["days"], totals["orders"]
