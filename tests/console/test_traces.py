"""Traces: found by id or among the newest requests, shown as a tree beside a time axis."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, expect
from tests.console.support import states
from tests.console.support.axe import axe
from tests.console.support.page import Console
from tests.console.support.stack import PATIENCE, SCOPES, Stack
from tests.support.clocks import wait_until

pytestmark = pytest.mark.slow


def entries(stack: Stack, correlation: str) -> Sequence[Mapping[str, Any]]:
    """What the API says of a trace."""
    found: Sequence[Mapping[str, Any]] = stack.admin.get("correlations", correlation).content["entries"]
    return found


def rows(main: Locator) -> Locator:
    return main.get_by_role("listbox", name="Events of the trace").get_by_role("option")


@pytest.fixture
def saga(console: Console) -> Locator:
    """The trace of an order for which there are not enough cups."""
    return console.open("traces", states.SAGA, tenant="acme")


def test_a_saga_and_its_compensation_are_a_tree(saga: Locator, stack: Stack) -> None:
    expected = entries(stack, states.SAGA)
    expect(rows(saga)).to_have_count(len(expected))
    order = stack_of(saga)
    assert order[0] == (1, "OrderCreated", "")
    assert (2, "StockRejected", "OrderCreated") in order
    rejected = order.index((2, "StockRejected", "OrderCreated"))
    assert order[rejected + 1] == (3, "OrderCancelled", "StockRejected")
    assert (4, "ReservationReleased", "OrderCancelled") in order[rejected:]
    marked = rows(saga).filter(has=saga.page.get_by_text("compensation", exact=True))
    taken_back = [each for each in expected if each["compensation"]]
    expect(marked).to_have_count(len(taken_back))
    expect(marked.first).to_contain_text("policy cancel_without_stock")


def stack_of(main: Locator) -> list[tuple[int, str, str]]:
    """Level, type and cause of each event, as a screen reader reads them."""
    said = re.compile(r"^\s*(\w+)\s*, level (\d+)(?:, caused by (\w+))?, at ")
    found = [said.match(text) for text in rows(main).all_text_contents()]
    return [(int(each[2]), each[1], each[3] or "") for each in found if each]


def test_events_that_name_each_other_as_their_cause_are_shown_once(console: Console) -> None:
    """What no part of Banyan writes, and what a damaged event may say."""
    trace = console.stack.admin.get("correlations", states.SAGA).content
    first, second, *others = trace["entries"]
    first["parent"], second["parent"] = second["eventId"], first["eventId"]
    console.page.route("**/admin/correlations/**", lambda route: route.fulfill(json=trace))
    main = console.open("traces", states.SAGA, tenant="acme")
    expect(rows(main)).to_have_count(len(others) + 2)
    assert stack_of(main)[0] == (1, first["eventType"], second["eventType"])


def test_a_deadline_that_a_request_set_is_still_to_come(own_console: Console) -> None:
    states.place(own_console.stack, "o-unpaid", "trace-of-an-unpaid-order")
    own_console.stack.settle()
    main = own_console.open("traces", "trace-of-an-unpaid-order", tenant="acme")
    expect(main.get_by_role("region", name="Still to come")).to_contain_text(
        "waiting ◔ deadline payment of acme:order:o-unpaid"
    )


def test_a_young_trace_is_followed_again_once_its_tab_is_visible_again(own_console: Console) -> None:
    page, trace = own_console.page, "trace-behind-another-tab"
    states.place(own_console.stack, "o-behind", trace)
    own_console.stack.settle()
    found = own_console.stack.admin.get("correlations", trace).content
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        newest = datetime.now(UTC).isoformat()
        route.fulfill(json=found | {"entries": [each | {"timestamp": newest} for each in found["entries"]]})

    page.route("**/admin/correlations/*", answer)
    own_console.open("traces", trace, tenant="acme")
    page.evaluate("Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true})")
    page.wait_for_timeout(1000)
    before = len(asked)
    page.wait_for_timeout(4000)
    assert len(asked) == before
    page.evaluate("delete document.visibilityState; document.dispatchEvent(new Event('visibilitychange'))")
    wait_until(lambda: bool(page.evaluate("1")) and len(asked) > before, "the trace to be loaded again", PATIENCE)


def test_events_stand_at_their_times(saga: Locator) -> None:
    first, *_, last = rows(saga).all()
    expect(first.locator("svg.time text")).to_have_text("+0 ms")
    places = [each.locator("svg.time > svg").get_attribute("x") for each in (first, last)]
    assert places[0] == "2%"
    assert float((places[1] or "").rstrip("%")) > 2
    expect(last.locator("svg.time > line.link")).to_have_count(1)


def test_an_event_is_chosen_by_keys_and_leads_to_its_stream(console: Console, saga: Locator, stack: Stack) -> None:
    rejected = next(each for each in entries(stack, states.SAGA) if each["eventType"] == "StockRejected")
    saga.get_by_role("listbox").focus()
    console.page.keyboard.press("End")
    details = saga.get_by_role("complementary", name="The chosen event")
    shown = rows(saga).all_inner_texts()
    for _ in range(len(shown) - 1 - next(at for at, text in enumerate(shown) if "StockRejected" in text)):
        console.page.keyboard.press("ArrowUp")
    expect(details.get_by_role("heading", name="StockRejected")).to_be_visible()
    expect(console.page).to_have_url(re.compile(f"event={rejected['eventId']}"))

    details.get_by_role("button", name="Show the payload").press("Enter")
    expect(details.get_by_role("group", name="Payload")).to_contain_text("cups")
    expect(details.get_by_role("heading", name="Payload")).to_be_focused()
    for scheme in ("light", "dark"):
        console.theme(scheme)
        axe(console.page)
    details.get_by_role("button", name="OrderCreated").click()
    expect(details.get_by_role("heading", level=2)).to_have_text("OrderCreated")
    expect(details.get_by_role("button", name="Show the payload")).to_be_visible()
    details.get_by_role("link", name=f"acme:order:{states.SHORT}").click()
    expect(console.page).to_have_url(re.compile(rf"#/streams/acme%3Aorder%3A{states.SHORT}\?version=1"))


def test_the_newest_requests_are_listed_on_demand(console: Console) -> None:
    main = console.open("traces")
    assert not [each for each in console.requests if "/admin/events" in each.url]
    main.get_by_role("button", name="Load the newest requests").press("Enter")
    console.loaded()
    expect(main.get_by_role("heading", name="Newest requests")).to_be_focused()
    row = main.get_by_role("row").filter(has=console.page.get_by_role("link", name=states.SAGA, exact=True))
    expect(row).to_contain_text("OrderCreated")
    expect(row).to_contain_text("customer")
    row.get_by_role("link").click()
    expect(main.get_by_role("heading", level=1)).to_contain_text(states.SAGA)
    console.page.go_back()
    expect(main.get_by_role("link", name=states.SAGA, exact=True)).to_be_visible()


def test_older_requests_follow_page_by_page(console: Console) -> None:
    def shorter(route: Route) -> None:
        route.continue_(url=route.request.url.replace("limit=100", "limit=5&entity=order"))

    console.page.route("**/admin/events?*", shorter)
    main = console.open("traces", newest="yes", tenant="acme")
    listed = main.get_by_role("region", name="Newest requests").get_by_role("link")
    newest = listed.all_inner_texts()
    main.get_by_role("button", name="Show older ones").click()
    expect(main.get_by_role("button", name="Show older ones")).to_be_enabled()
    more = listed.all_inner_texts()
    assert more[: len(newest)] == newest
    assert len(set(more)) == len(more) > len(newest)


def test_a_request_whose_metadata_are_damaged_is_listed_too(console: Console) -> None:
    damaged = {"eventId": "e-odd", "eventType": "Odd", "version": 1, "timestamp": "2026-01-31T12:00:00Z"}
    damaged |= {
        "stream": "acme:note:odd",
        "payload": None,
        "metadata": {"actor": 5, "correlationId": {}},
        "error": "it",
    }
    answer = {"events": [damaged], "next": "", "atEnd": True}
    console.page.route("**/admin/events?*", lambda route: route.fulfill(json=answer))
    main = console.open("traces", newest="yes", tenant="acme")
    expect(main.get_by_role("row").filter(has_text="Odd").get_by_role("link")).to_have_text("e-odd")


def test_older_requests_that_come_late_are_not_shown_among_those_of_another_tenant(console: Console) -> None:
    held: list[Route] = []

    def slower(route: Route) -> None:
        if "after=" in route.request.url:
            held.append(route)
        else:
            route.continue_(url=route.request.url.replace("limit=100", "limit=5"))

    console.page.route("**/admin/events?*", slower)
    main = console.open("traces", newest="yes", tenant="acme")
    main.get_by_role("button", name="Show older ones").click()
    console.open("traces", newest="yes", tenant="globex")
    expect(main).to_contain_text("No requests")
    with console.page.expect_response(lambda answer: "after=" in answer.url) as late:
        held.pop().continue_()
    late.value.finished()
    console.page.evaluate("() => new Promise(requestAnimationFrame)")
    expect(main).to_contain_text("No requests")
    expect(main.get_by_role("link")).to_have_count(0)


def test_a_trace_is_found_by_its_id_and_tenant(console: Console) -> None:
    main = console.open("traces")
    main.get_by_label("Correlation id").fill(states.SAGA)
    main.get_by_role("button", name="Show the trace").click()
    expect(rows(main).first).to_contain_text("OrderCreated")
    assert console.page.url.endswith(f"#/traces/{states.SAGA}?tenant=acme")

    console.expect_failure(404, "/admin/correlations/")
    console.open("traces", states.SAGA, tenant="globex")
    expect(main.get_by_role("alert")).to_contain_text("tenant 'globex' has no events under")


def test_without_the_scope_of_contents_a_trace_is_shown_and_no_payload(console: Console) -> None:
    console.sign_in(console.stack.token(scopes=SCOPES[:1]))
    main = console.open("traces")
    expect(main).to_contain_text("needs the scope banyan/events")
    main = console.open("traces", states.SAGA, tenant="acme")
    rows(main).first.click()
    expect(main.get_by_role("complementary")).to_contain_text("which your token lacks")


def test_who_acts_under_a_name_of_markup_is_shown_by_that_name(own_console: Console) -> None:
    stack, name = own_console.stack, '<img src=x onerror=alert(1)> & "co"'
    body = {"orderId": "o-markup", "customerId": "c-1", "items": [{"sku": "<b>", "quantity": 1, "price": "1"}]}
    headers = {"Authorization": f"Bearer {stack.token(actor=name)}", "X-Correlation-Id": "<i>&\"'#%"}
    stack.http.post("/orders", json=body, headers=headers).raise_for_status()
    stack.settle()
    main = own_console.open("traces", headers["X-Correlation-Id"], tenant="acme")
    expect(main.get_by_role("heading", level=1)).to_have_text(f"Trace {headers['X-Correlation-Id']}")
    expect(main).to_contain_text(f"set off by {name}.")
    rows(main).first.click()
    main.get_by_role("button", name="Show the payload").click()
    main.get_by_text("3 fields").click()
    expect(main.get_by_role("group", name="Payload")).to_contain_text('"<b>"')
    expect(main.locator("img, b, i")).to_have_count(0)


def test_a_deadline_long_after_its_cause_is_shown_behind_a_cut_and_a_trace_without_its_end_says_so(
    own_console: Console,
) -> None:
    """The expiry of an order, put later than any test could wait for."""
    stack, order, correlation = own_console.stack, "hasty-waits", "trace-of-a-wait"
    stack.post("/inventory/patience/receive", {"quantity": 5})
    stack.settle()
    states.place(stack, order, correlation, patience=1)
    wait_until(lambda: expired(stack, correlation), "the order to expire", PATIENCE)
    trace = stack.admin.get("correlations", correlation).content | {"complete": False}
    for entry in trace["entries"]:
        if entry["compensation"]:
            entry["timestamp"] = later(entry["timestamp"])
    own_console.page.route("**/admin/correlations/**", lambda route: route.fulfill(json=trace))
    main = own_console.open("traces", correlation, tenant="acme")

    expect(main).to_contain_text("There is more: the trace has too many commits to show.")
    expect(main.get_by_text(re.compile(r"^⋯ (29|30)"))).to_be_visible()
    expect(rows(main).filter(has_text="deadline haste")).to_contain_text("OrderCancelled")
    main.get_by_label("Cut long pauses short").uncheck()
    expect(main.get_by_text(re.compile(r"^⋯"))).to_have_count(0)
    assert "pauses=whole" in own_console.page.url


def expired(stack: Stack, correlation: str) -> bool:
    stack.settle()
    stack.invoke("Deadlines")
    return any(each["actor"] == "deadline:haste" for each in entries(stack, correlation))


def later(timestamp: str) -> str:
    return (datetime.fromisoformat(timestamp) + timedelta(minutes=30)).isoformat().replace("+00:00", "Z")
