"""Projections and the reactor in the console, operated as an operator does; what it did is asked of the API."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Route, expect
from tests.console.conftest import tab
from tests.console.support.axe import axe
from tests.console.support.page import Console
from tests.console.support.stack import PATIENCE, Stack, running
from tests.console.support.states import falsify, park_by_payment, pay, place, stream
from tests.support.clocks import lengthy, wait_until

from banyan.adapters.dynamodb.documents import LOG_CHECKPOINTS, DynamoDBDocuments
from banyan.adapters.dynamodb.gateway import Gateway
from banyan.projections.catchup import LogCheckpoints
from banyan.projections.views import Generation
from banyan_tools.cli.client import SCOPE

pytestmark = pytest.mark.slow


def api(stack: Stack, name: str) -> Any:
    """How a projection stands by the API."""
    return stack.admin.get("projections", name).content


def press(within: Console | Locator, name: str) -> None:
    """Press a button by its whole name."""
    place = within.main if isinstance(within, Console) else within
    place.get_by_role("button", name=name, exact=True).click()


def row(console: Console, table: str, *texts: str) -> Locator:
    """The row of a table that has these texts."""
    rows = console.main.get_by_role("table", name=table).get_by_role("row")
    for text in texts:
        rows = rows.filter(has_text=text)
    return rows


def stages(stack: Stack, name: str) -> dict[int, str]:
    """The stage of each generation by the API."""
    return {each["number"]: each["stage"] for each in api(stack, name)["generations"]}


def noticed(console: Console, text: str | re.Pattern[str]) -> None:
    """Wait until the console says that something was done."""
    expect(console.page.get_by_role("status").filter(has_text=text).first).to_be_visible()


def test_a_stream_that_cannot_be_applied_is_found_with_its_event_and_retried(own_console: Console) -> None:
    console, stack, name = own_console, own_console.stack, stream("p-broken")
    park_by_payment(stack, "p-broken")
    console.sign_in(stack.token(scopes=[SCOPE]))
    console.open("projections", "order_list", event=name)
    expect(console.main.get_by_role("alert")).to_contain_text("Contents need the scope banyan/events")
    console.sign_in()
    console.open("projections")
    expect(row(console, "Projections and reactor", "order_list")).to_contain_text("1")
    console.main.get_by_role("link", name="order_list", exact=True).click()
    found = row(console, "Parked streams", name)
    expect(found).to_contain_text("ZeroDivisionError")
    expect(found.get_by_role("link", name=name)).to_have_attribute(
        "href", re.compile(r"#/streams/acme%3Aorder%3Ap-broken\?version=2$")
    )

    press(found, f"Event of {name}")
    event = console.main.get_by_role("region", name="OrderPaid, version 2")
    expect(event.get_by_role("group", name="Payload")).to_contain_text("2.50")
    axe(console.page)

    press(found, f"Retry {name}")
    console.confirm("Retry")
    noticed(console, f"{name} is parked again at version 2: ZeroDivisionError")
    stack.mend_order("p-broken")
    press(found, f"Retry {name}")
    console.confirm("Retry")
    noticed(console, f"{name} is up to date.")
    expect(console.main).to_contain_text("None: every stream continues.")
    assert api(stack, "order_list")["parked"] == []

    console.open("projections", "reactor")
    expect(console.main.get_by_role("heading", name="Generations")).to_have_count(0)
    expect(console.main.get_by_role("button", name="Rebuild…")).to_have_count(0)
    press(console, "Retry all…")
    console.confirm("Retry all")
    expect(console.main).to_contain_text("1 stream retried: 1 up to date, 0 parked again.")
    assert api(stack, "reactor")["parked"] == []
    assert stack.admin.post("projections", "daily_sales", "retry", stream=name).content == {"parked": None}


def test_a_projection_is_paused_lags_and_is_resumed(own_console: Console) -> None:
    console, stack = own_console, own_console.stack
    console.open("projections", "daily_sales")
    press(console, "Pause…")
    expect(console.dialog()).to_contain_text("Nothing is lost")
    console.confirm("Pause", Reason="looking into it")
    expect(console.main).to_contain_text("looking into it")
    expect(console.main.get_by_role("heading", level=1)).to_be_focused()
    assert (api(stack, "daily_sales")["pause"]["reason"], api(stack, "daily_sales")["status"]) == (
        "looking into it",
        "paused",
    )
    place(stack, "p-late")
    expect(console.main.get_by_role("table", name=re.compile("^Events not applied"))).to_contain_text("1")
    console.main.get_by_role("link", name="Projections and reactor").click()
    found = row(console, "Projections and reactor", "daily_sales")
    expect(found).to_contain_text("paused")
    expect(found.get_by_role("img", name=re.compile("^Lag of daily_sales"))).to_be_visible()
    found.get_by_role("link").click()
    press(console, "Resume…")
    console.confirm("Resume")
    noticed(console, "daily_sales is up to date")
    expect(console.main.get_by_role("button", name="Pause…")).to_be_visible()
    assert (api(stack, "daily_sales")["status"], api(stack, "daily_sales")["lag"]["events"]) == ("active", 0)


def test_a_question_is_withdrawn_when_its_screen_is_left(own_console: Console) -> None:
    console, stack = own_console, own_console.stack
    console.open("deadlines")
    console.open("projections", "stock")
    press(console, "Pause…")
    expect(console.dialog()).to_have_count(1)
    console.page.go_back()
    expect(console.dialog()).to_have_count(0)
    expect(console.main.get_by_role("heading", level=1)).to_have_text("Deadlines")
    expect(console.main.get_by_role("heading", level=1)).to_be_focused()
    assert api(stack, "stock")["pause"] is None


def test_what_is_under_way_when_its_screen_is_left_is_done_and_no_longer_looked_at(own_console: Console) -> None:
    console, stack, held = own_console, own_console.stack, list[Route]()
    console.page.route("**/admin/projections/stock/pause", lambda route: held.append(route))
    console.open("deadlines")
    console.open("projections", "stock")
    press(console, "Pause…")
    console.dialog().get_by_label("Reason").fill("left meanwhile")
    with console.page.expect_request("**/admin/projections/stock/pause"):
        console.dialog().get_by_role("button", name="Pause", exact=True).click()
    console.page.go_back()
    expect(console.main.get_by_role("heading", level=1, include_hidden=True)).to_have_text("Deadlines")
    left = len(console.requests)
    expect(console.dialog().get_by_role("button", name="Working…")).to_be_disabled()
    held.pop().continue_()
    noticed(console, "stock is paused.")
    expect(console.dialog()).to_have_count(0)
    console.open("streams")
    stack.admin.post("projections", "stock", "resume")
    assert [each.url for each in console.requests[left:] if "/admin/projections/stock" in each.url] == []


def test_a_rebuild_that_begins_when_its_screen_is_left_is_not_looked_for_on_another(own_console: Console) -> None:
    console, stack, held = own_console, own_console.stack, list[Route]()
    begins = "**/admin/projections/daily_sales/rebuild"
    console.page.route(begins, lambda route: held.append(route))
    console.open("projections", "reactor")
    console.open("projections", "daily_sales")
    press(console, "Rebuild…")
    with console.page.expect_request(begins):
        console.dialog().get_by_role("button", name="Rebuild", exact=True).click()
    console.page.go_back()
    expect(console.main.get_by_role("heading", level=1, include_hidden=True)).to_have_text("reactor")
    held.pop().continue_()
    noticed(console, "The rebuild of daily_sales has begun.")
    expect(console.dialog()).to_have_count(0)
    expect(console.page).to_have_url(f"{console.url}#/projections/reactor")
    stack.admin.post("projections", "daily_sales", "cancel")


def test_a_dialog_cannot_be_closed_while_its_work_is_under_way_which_may_be_refused(own_console: Console) -> None:
    console, held = own_console, list[Route]()
    console.page.route("**/admin/projections/stock/pause", lambda route: held.append(route))
    console.expect_failure(409, "/admin/projections/stock/pause")
    console.open("projections", "stock")
    press(console, "Pause…")
    console.dialog().get_by_label("Reason").fill("why not")
    with console.page.expect_request("**/admin/projections/stock/pause"):
        console.dialog().get_by_role("button", name="Pause", exact=True).click()
    expect(console.dialog().get_by_role("button", name="Working…")).to_be_disabled()
    for _ in range(3):
        console.page.keyboard.press("Escape")
    held.pop().fulfill(status=409, json={"code": "not_now", "detail": "It cannot be paused now."})
    expect(console.dialog().get_by_role("alert")).to_contain_text("It cannot be paused now.")
    console.page.keyboard.press("Escape")
    expect(console.dialog()).to_have_count(0)


def test_streams_are_parked_by_hand_and_all_are_retried(own_console: Console) -> None:
    console, stack, orders = own_console, own_console.stack, [f"p-hand-{number}" for number in range(3)]
    for order in orders:
        place(stack, order)
    stack.settle()
    console.open("projections", "customer_totals")
    for order in orders:
        press(console, "Park a stream…")
        console.confirm("Park", Stream=stream(order), Reason="wrong customer")
    expect(row(console, "Parked streams", "wrong customer")).to_have_count(len(orders))
    assert [each["stream"] for each in api(stack, "customer_totals")["parked"]] == [stream(each) for each in orders]
    press(console, "Retry a stream…")
    console.confirm("Retry", Stream=stream(orders[0]))
    noticed(console, f"{stream(orders[0])} is up to date.")
    expect(row(console, "Parked streams", "wrong customer")).to_have_count(2)
    press(console, "Retry all…")
    expect(console.dialog()).to_contain_text("Retries 2 streams")
    console.confirm("Retry all")
    expect(console.main).to_contain_text("2 streams retried: 2 up to date, 0 parked again.")
    assert api(stack, "customer_totals")["parked"] == []

    console.expect_failure(404, "/admin/projections/customer_totals/park")
    press(console, "Park a stream…")
    console.dialog().get_by_label("Stream").fill(stream("p-nobody"))
    console.dialog().get_by_label("Reason").fill("none")
    press(console.dialog(), "Park")
    expect(console.dialog().get_by_role("alert")).to_contain_text(f"there are no events of {stream('p-nobody')}")
    press(console.dialog(), "Cancel")


def test_a_rebuild_is_previewed_followed_switched_to_and_back_and_dropped(own_console: Console) -> None:
    console, stack = own_console, own_console.stack
    stack.post("/inventory/p-tea/receive", {"quantity": 5})
    stack.settle()
    console.open("projections", "stock")
    console.main.get_by_label("Write units per second, at most").fill("500")
    console.main.get_by_label("Switch as soon as it proves equal").check()
    press(console, "Preview")
    expect(console.main.get_by_role("group", name="Preview")).to_contain_text("Write units")
    assert stages(stack, "stock") == {1: "live"}, "nothing was written"

    press(console, "Rebuild…")
    expect(console.dialog()).to_contain_text("By the preview it consumes about")
    expect(console.dialog()).to_contain_text("at 500 write units per second at most")
    console.confirm("Rebuild")
    followed = console.main.get_by_role("region", name="Rebuild", exact=True)
    expect(followed.get_by_role("progressbar", name="Streams applied")).to_be_visible()
    expect(console.page).to_have_url(re.compile("rebuild=2"))
    expect(followed).to_contain_text("all equal.")
    axe(console.page)
    expect(row(console, "Generations", "kept")).to_contain_text("1")
    assert stages(stack, "stock") == {1: "kept", 2: "live"}

    press(console, "Switch to generation 1")
    console.confirm("Read generation 1")
    expect(row(console, "Generations", "queries read it")).to_contain_text("with the projection")
    assert stages(stack, "stock") == {1: "live", 2: "kept"}
    press(console, "Drop generation 2")
    expect(console.dialog()).to_contain_text("There is no way back to them")
    console.confirm("Drop")
    expect(row(console, "Generations", "dropping")).to_have_count(1)
    assert stages(stack, "stock") == {1: "live", 2: "dropping"}
    press(console, "Retry the deletion of generation 2")
    console.confirm("Retry")
    noticed(console, "The deletion of generation 2 of stock was sent again.")


def test_rows_that_differ_are_read_only_once_that_is_accepted(own_console: Console) -> None:
    console, stack = own_console, own_console.stack
    place(stack, "p-false")
    stack.settle()
    stack.invoke("Projector")
    falsify(stack, "p-false")
    console.open("projections", "order")
    console.main.get_by_label("Switch as soon as it proves equal").check()
    press(console, "Rebuild…")
    expect(console.dialog()).to_contain_text("as soon as they prove equal; otherwise it waits for your decision")
    console.confirm("Rebuild")
    found = console.main.get_by_role("region", name="Rebuild", exact=True)
    expect(found).to_contain_text("1 differs")
    expect(found.get_by_role("table", name="Rows that differ")).to_contain_text("p-false")
    expect(row(console, "Generations", "waits for its switch")).to_contain_text("2")
    assert stages(stack, "order") == {1: "live", 2: "ready"}, "it did not switch by itself"

    console.expect_failure(409, "/admin/projections/order/switch")
    press(found, "Switch…")
    press(console.dialog(), "Read generation 2")
    expect(console.dialog().get_by_role("alert")).to_contain_text(
        "generation 2 is not equal: 1 different row, 0 failed streams"
    )
    expect(console.dialog().get_by_role("alert")).to_contain_text("generation_differs")
    axe(console.page)
    console.dialog().get_by_label("Accept that 1 row differs").check()
    console.confirm("Read generation 2")
    expect(row(console, "Generations", "live")).to_contain_text("2")
    assert api(stack, "order")["live"] == 2


def test_the_rebuild_of_another_operator_is_not_cancelled_in_place_of_the_one_asked_about(
    own_console: Console,
) -> None:
    console, stack = own_console, own_console.stack
    asked = stack.admin.post("projections", "daily_sales", "rebuild").content["generation"]
    console.open("projections", "daily_sales", rebuild=asked)
    press(console, "Cancel the rebuild…")
    expect(console.dialog()).to_contain_text(f"Gives generation {asked} up")
    stack.admin.post("projections", "daily_sales", "cancel")
    stack.admin.post("projections", "daily_sales", "rebuild")
    console.expect_failure(409, "/admin/projections/daily_sales/cancel")
    with console.page.expect_response("**/admin/projections/daily_sales/cancel"):
        console.dialog().get_by_role("button", name="Cancel the rebuild", exact=True).click()
    assert stages(stack, "daily_sales")[asked + 1] in ("building", "ready")
    stack.admin.post("projections", "daily_sales", "cancel")


def test_a_rebuild_is_resumed_and_cancelled_and_a_stream_is_rebuilt(own_console: Console) -> None:
    console, stack, name = own_console, own_console.stack, stream("p-alone")
    place(stack, "p-alone")
    stack.settle()
    console.open("projections", "order_list")
    press(console, "Rebuild a stream…")
    console.confirm("Rebuild", Stream=name)
    noticed(console, f"{name} is rebuilt from its events.")

    console.main.get_by_label("Write units per second, at most").fill("1")
    press(console, "Rebuild…")
    console.confirm("Rebuild")
    found = console.main.get_by_role("region", name="Rebuild", exact=True)
    press(found, "Send the work again…")
    console.confirm("Send the work again")
    noticed(console, "The work on generation 2 of order_list was sent again.")
    press(found, "Cancel the rebuild…")
    expect(console.dialog()).to_contain_text("Gives generation 2 up")
    console.confirm("Cancel the rebuild")
    expect(row(console, "Generations", "dropping")).to_have_count(1)
    expect(console.main.get_by_role("button", name="Preview")).to_be_visible()
    assert stages(stack, "order_list") == {1: "live", 2: "dropping"}


def test_what_is_declared_is_not_removed_and_what_is_left_of_others_is(own_console: Console) -> None:
    console, stack = own_console, own_console.stack
    documents = DynamoDBDocuments(Gateway(stack.dynamodb), "banyan-CursorsTable", LOG_CHECKPOINTS)
    LogCheckpoints(documents).put(Generation("p_former"), 0, datetime.now(UTC))
    console.open("projections")
    console.expect_failure(409, "/admin/projections/order/remove")
    press(console, "Remove an undeclared projection…")
    console.dialog().get_by_label("Its name").fill("order")
    press(console.dialog(), "Remove")
    expect(console.dialog().get_by_role("alert")).to_contain_text("projection_in_use")
    console.confirm("Remove", **{"Its name": "p_former"})
    noticed(console, "All that is left of p_former is being deleted")
    wait_until(lambda: stack.admin.post("projections", "p_former", "remove").content, "its removal", PATIENCE)


@lengthy
@pytest.mark.stack
@pytest.mark.timeout(600)
def test_more_streams_than_are_listed_are_all_retried(browser: Browser, tmp_path: Path) -> None:
    with running(tmp_path / "data", "moto", BreakerParkedStreams="1000") as stack:
        orders = [f"p-many-{number}" for number in range(105)]
        by_hand, by_payment = orders[:98], orders[98:]
        for order in orders:
            place(stack, order)
        for order in by_hand:
            stack.admin.post("projections", "order_list", "park", stream=stream(order), reason="one of many")
        for order in by_payment:
            stack.break_order(order)
            pay(stack, order)
        wait_until(lambda: not api(stack, "order_list")["parkedComplete"], "more to be parked than is listed", PATIENCE)
        for console in tab(browser, stack):
            console.open("projections", "order_list")
            expect(console.main).to_contain_text("The oldest 100 of each generation; there may be more.")
            for order in by_payment:
                stack.mend_order(order)
            press(console, "Retry all…")
            expect(console.dialog()).to_contain_text("Retries 100 or more streams")
            console.confirm("Retry all")
            press(console, "Stop")
            expect(console.main).to_contain_text("0 parked again.")
            press(console, "Retry all…")
            console.confirm("Retry all")
            expect(console.main).to_contain_text("None: every stream continues.", timeout=PATIENCE * 2000)
            assert api(stack, "order_list")["parked"] == []
