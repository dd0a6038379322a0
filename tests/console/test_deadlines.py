"""Deadlines in the console; what is done there is asked of the API."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from tests.console.support.axe import axe
from tests.console.support.page import Console
from tests.console.support.page import place as place_of
from tests.console.support.states import park_a_deadline, place, stream

pytestmark = pytest.mark.slow

PARKED, OTHER, WAITING = "hasty-d-parked", "hasty-d-other", "d-waiting"


def noticed(console: Console, text: str) -> None:
    """Wait until the console says that something was done."""
    expect(console.page.get_by_role("status").filter(has_text=text).first).to_be_visible()


def test_what_waits_and_what_is_parked_is_found_and_retried(own_console: Console) -> None:
    console, stack = own_console, own_console.stack
    place(stack, WAITING)
    for order in (PARKED, OTHER):
        park_a_deadline(stack, order)
    console.open("deadlines")
    parked = console.main.get_by_role("table", name="Parked deadlines")
    found = parked.get_by_role("row").filter(has_text=stream(PARKED))
    expect(found).to_contain_text("ZeroDivisionError")
    expect(found.get_by_role("link", name=stream(PARKED))).to_have_attribute(
        "href", place_of("streams", stream(PARKED))
    )
    (kept,) = (each for each in stack.admin.get("deadlines").content["parked"] if each["stream"] == stream(PARKED))
    trace = place_of("traces", kept["correlationId"], tenant="acme")
    expect(found.get_by_role("link", name="policy:expire_hasty")).to_have_attribute("href", trace)
    axe(console.page)

    console.main.get_by_role("searchbox").fill("D-Waiting")
    waiting = console.main.get_by_role("table", name="Waiting deadlines")
    expect(waiting.get_by_role("row")).to_have_count(2)
    expect(waiting).to_contain_text("in 24 h")
    expect(console.page).to_have_url(re.compile("#/deadlines.q=D-Waiting$"))
    console.page.reload()
    expect(waiting.get_by_role("row")).to_have_count(2)
    expect(parked).to_have_count(0)

    for order in (PARKED, OTHER):
        stack.mend_order(order)
    console.main.get_by_role("searchbox").clear()
    console.main.get_by_role("button", name=f"Retry haste of {stream(PARKED)}").click()
    expect(console.dialog()).to_contain_text("within a minute")
    console.confirm("Retry")
    noticed(console, f"haste of {stream(PARKED)} waits again.")
    assert [each["stream"] for each in stack.admin.get("deadlines").content["parked"]] == [stream(OTHER)]
    console.main.get_by_role("button", name="Retry all parked…").click()
    console.confirm("Retry all")
    noticed(console, "Waiting again: 1 deadline.")
    assert stack.admin.get("deadlines").content["parked"] == []
    stack.invoke("Deadlines")
    assert stack.http.get(f"/orders/{PARKED}", params={"minVersion": 2}).json()["status"] == "cancelled"
