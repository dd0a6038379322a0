"""Streams in a browser: found, read event by event, at any version, beside their rows, and verified."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import CDPSession, Locator, Route, expect
from tests.console.support import states
from tests.console.support.axe import axe
from tests.console.support.deployments.troubled_orders import NoteTaken
from tests.console.support.page import Console
from tests.console.support.stack import Stack
from tests.console.support.states import append, take_notes

from banyan_tools.cli.client import SCOPE

pytestmark = pytest.mark.slow

GROWN = states.stream(states.GROWN)
NEWEST = states.GROWN_LINES + 1
MANY = 5000
FRAMES = 60
SCROLL = """async (list, frames) => {
  for (let frame = 0; frame < frames; frame += 1) {
    list.scrollTop += 3000;
    await new Promise(requestAnimationFrame);
  }
}"""
PRESSES = 150
MOST_CHANGES = 100
COUNT_CHANGES = """() => {
  const change = history.replaceState;
  window.changes = [];
  history.replaceState = function (...given) {
    window.changes.push(performance.now());
    change.apply(history, given);
  };
}"""
LOOP = """() => {
  const counts = new Map();
  for (let number = 0; number < 10_000_000; number += 1) counts.set(`${number % 1000}`, number);
  return counts.size;
}"""
MOST_IN_30_S = """() => {
  const within = (from) => window.changes.filter((at) => at >= from && at < from + 30_000);
  return Math.max(...window.changes.map((from) => within(from).length));
}"""
GO = """async ([place, shown]) => {
  location.hash = place;
  while (!document.querySelector("main").innerText.includes(shown)) await new Promise(requestAnimationFrame);
}"""
SCRIPT = "<script>document.title = 'owned'</script><img src=x onerror=alert(1)>"
BIDI = "\u202eoot\u202c \u0007\u200b\ufeff\U000e0041 <b>bold</b> عدد"
SHOWN_BIDI = r"\u202eoot\u202c \u0007\u200b\ufeff\u{e0041} <b>bold</b> عدد"
LONG = 2**53 + 1
NO_GLYPHS = "\ud7ff\u202e" * 50_000


def state(stack: Stack, stream: str, version: int) -> Any:
    return stack.admin.get("streams", stream, "state", atVersion=version).content["state"]


def asked(console: Console, path: str) -> list[str]:
    """What was asked of one route so far."""
    return [request.url for request in console.requests if urlsplit(request.url).path.endswith(path)]


def fields(table: Locator) -> Mapping[str, Sequence[str]]:
    """Rows of a table of differences, by their field."""
    rows = [row.get_by_role("cell").all_inner_texts() for row in table.locator("tbody tr").all()]
    return {field: [" ".join(each.split()) for each in rest] for field, *rest in rows}


def go(console: Console, place: str, shown: str) -> None:
    """Go to a place, until a text of it can be read."""
    console.page.evaluate(GO, [place, shown])


@contextmanager
def busy_at_most(console: Console, loops: float) -> Iterator[None]:
    """Hold the processor time that the page takes to so many times that of a loop, however fast the machine is."""
    session = console.page.context.new_cdp_session(console.page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = worked(session)
    yield
    spent = worked(session) - before
    console.page.evaluate(LOOP)
    loop = worked(session) - before - spent
    session.detach()
    assert spent < loops * loop


def worked(session: CDPSession) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


def shown_text(console: Console) -> str:
    return console.main.get_by_role("group", name="Payload").inner_text()


def test_a_stream_is_searched_for_and_opened_with_the_keyboard(console: Console) -> None:
    console.open("streams")
    console.main.get_by_label("Entity").fill("order")
    console.main.get_by_label("Id begins with").fill("o-pa")
    console.page.keyboard.press("Enter")
    expect(console.page).to_have_url(f"{console.url}#/streams?entity=order&prefix=o-pa")
    expect(console.main.locator("tbody tr")).to_have_count(1)
    console.main.get_by_role("link", name=states.stream(states.PAID)).press("Enter")
    expect(console.main.get_by_role("heading", name="OrderPaid, version 2")).to_be_visible()

    console.page.go_back()
    console.main.get_by_role("link", name="Show all").press("Enter")
    expect(console.main.get_by_role("link", name=GROWN)).to_be_visible()
    expect(console.main.get_by_label("Entity")).to_have_value("")


def test_the_list_goes_on_to_older_streams_and_back(own_console: Console) -> None:
    tenant = f"t{uuid4().hex[:8]}"
    names = {take_notes(own_console.stack, tenant=tenant) for _ in range(52)}
    own_console.open("streams", tenant=tenant)
    rows = own_console.main.locator("tbody tr")
    expect(rows).to_have_count(50)
    newest = {link.inner_text() for link in own_console.main.locator("tbody a").all()}
    own_console.main.get_by_role("link", name="Older streams").click()
    expect(rows).to_have_count(2)
    assert newest | {link.inner_text() for link in own_console.main.locator("tbody a").all()} == names
    own_console.main.get_by_role("link", name="Newest streams").click()
    expect(rows).to_have_count(50)
    own_console.open("streams", tenant="nobody")
    expect(own_console.main).to_contain_text("No stream is like that")


def test_a_name_leads_straight_to_its_stream_or_to_what_is_wrong_with_it(console: Console) -> None:
    console.open("streams")
    console.main.get_by_label("Name of a stream").fill(GROWN)
    console.page.keyboard.press("Enter")
    expect(console.main.get_by_role("heading", level=1)).to_have_text(GROWN)
    for name, status, code in (("acme:order:none", 404, "stream_not_found"), ("<b>x", 422, "invalid_id")):
        console.expect_failure(status, "/admin/streams")
        console.open("streams", name)
        expect(console.main.get_by_role("alert")).to_contain_text(code)
        expect(console.main.get_by_role("heading", level=1)).to_have_text(name)


@pytest.mark.parametrize("name", ["..", ".", "acme:order:a/b", "acme:order:a?b", "https://host/console#/streams/a:b:c"])
def test_a_name_that_no_address_can_carry_is_asked_for_nowhere(console: Console, name: str) -> None:
    console.open("streams")
    before = len(console.requests)
    console.main.get_by_label("Name of a stream").fill(name)
    console.page.keyboard.press("Enter")
    expect(console.main.get_by_role("alert")).to_contain_text("no_such_id")
    expect(console.main.get_by_role("alert")).to_contain_text(f'There is nothing under "{name}"')
    assert [each.url for each in console.requests[before:] if "/admin/" in each.url] == []


def test_events_are_read_with_the_keyboard_and_lead_to_their_request(console: Console) -> None:
    console.open("streams", GROWN)
    events, title = console.main.get_by_role("listbox", name="Events"), console.main.locator("#event-title")
    expect(title).to_have_text(f"OrderItemAdded, version {NEWEST}")
    assert f'sku "extra-{states.GROWN_LINES - 1}"' in shown_text(console)
    events.press("ArrowDown")
    expect(title).to_have_text(f"OrderItemAdded, version {NEWEST - 1}")
    events.press("End")
    expect(title).to_have_text("OrderCreated, version 1")
    expect(console.page).to_have_url(f"{console.url}{'#/streams/acme%3Aorder%3Ao-grown?version=1'}")
    console.main.get_by_role("option", name="OrderItemAdded").first.click()
    expect(title).to_have_text(f"OrderItemAdded, version {NEWEST}")

    event = console.stack.admin.get("streams", GROWN, "events", limit=1).content["events"][0]
    console.open("streams", GROWN, version=1)
    request = console.main.get_by_role("link", name=event["metadata"]["correlationId"])
    expect(request).to_have_attribute("href", f"#/traces/{event['metadata']['correlationId']}?tenant=acme")
    expect(console.main.locator("dl")).to_contain_text("customer")
    console.main.get_by_role("link", name="State then").click()
    expect(console.main.get_by_role("heading", name="State at version 1")).to_be_visible()
    console.page.go_back()
    console.main.get_by_role("button", name="Show oldest first").click()
    expect(console.main.get_by_role("option").first).to_contain_text("OrderCreated")


def test_tabs_are_moved_between_with_arrows_and_kept_in_the_address(console: Console) -> None:
    console.open("streams", GROWN)
    tab = console.main.get_by_role("tab", selected=True)
    tab.press("ArrowRight")
    console.page.keyboard.press("ArrowRight")
    assert asked(console, "/rows") == []
    console.page.keyboard.press("Enter")
    expect(tab).to_have_text("Rows")
    expect(console.main.get_by_role("tabpanel", name="Rows")).to_contain_text("order_list")
    console.page.reload()
    expect(tab).to_have_text("Rows")
    tab.press("Home")
    console.page.keyboard.press("Space")
    expect(tab).to_have_text("Events")


def test_the_slider_shows_the_state_once_it_has_settled(console: Console) -> None:
    console.page.clock.install()
    console.open("streams", GROWN, tab="state")
    expect(console.main.get_by_role("heading", name=f"State at version {NEWEST}")).to_be_visible()
    before = len(asked(console, "/state"))
    console.page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    slider = console.main.get_by_role("slider")
    for _ in range(6):
        slider.press("ArrowLeft")
    expect(slider).to_have_value(str(NEWEST - 6))
    assert len(asked(console, "/state")) == before
    console.page.clock.resume()
    expect(console.main.get_by_role("heading", name=f"State at version {NEWEST - 6}")).to_be_visible()
    assert len(asked(console, "/state")) - before == 2
    expect(console.page).to_have_url(f"{console.url}#/streams/acme%3Aorder%3Ao-grown?tab=state&version={NEWEST - 6}")
    held = state(console.stack, GROWN, NEWEST - 6)
    expect(console.main.get_by_role("group", name="State")).to_contain_text(f'"{held["totalAmount"]}"')

    console.main.get_by_role("spinbutton", name="Version").fill("1")
    console.page.keyboard.press("Enter")
    expect(console.main.get_by_role("heading", name="What changed since before the first event")).to_be_visible()


HAND_ON_WHILE_PRESSED = """(slider) => new Promise((done) => {
  const press = () => {
    slider.value -= 1;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const twice = () => {
    press();
    setTimeout(() => done(press()), 60);
  };
  addEventListener("hashchange", () => setTimeout(twice, 0), { once: true });
  press();
})"""
"""One step that settles, one right as it is handed on, and one more."""


def test_the_slider_takes_no_step_back(console: Console) -> None:
    console.open("streams", GROWN, tab="state")
    expect(console.main.get_by_role("heading", name=f"State at version {NEWEST}")).to_be_visible()
    console.main.get_by_role("slider").evaluate(HAND_ON_WHILE_PRESSED)
    expect(console.main.get_by_role("heading", name=f"State at version {NEWEST - 3}")).to_be_visible()


def test_what_is_typed_stays_when_an_answer_comes_late(console: Console) -> None:
    console.open("streams", GROWN, tab="state")
    held, states_of = list[Route](), re.compile("/state[?]")
    console.page.route(states_of, lambda route: held.append(route))
    with console.page.expect_request(states_of):
        console.main.get_by_role("slider").press("Home")
    field = console.main.get_by_label("Compared with")
    field.press("Control+a")
    console.page.keyboard.type("7")
    held.pop().continue_()
    console.page.unroute(states_of)
    expect(console.main.get_by_role("heading", name="State at version 1", exact=True)).to_be_visible()
    expect(field).to_have_value("7")
    console.page.route(states_of, lambda route: held.append(route))
    with console.page.expect_request(states_of):
        console.page.keyboard.press("Enter")
    expect(field).to_have_value("7")
    held.pop().continue_()
    console.page.unroute(states_of)
    expect(console.main.get_by_role("heading", name="What changed since version 7")).to_be_visible()


def test_before_the_first_event_there_is_no_state_to_ask_for(console: Console) -> None:
    shown = console.open("streams", GROWN, tab="state", version=0)
    expect(shown.get_by_role("heading", name="State at version")).to_be_visible()


def test_any_two_versions_are_compared_field_by_field(console: Console) -> None:
    console.open("streams", GROWN, tab="state", version=5, compare=2)
    older, newer = state(console.stack, GROWN, 2), state(console.stack, GROWN, 5)
    found = fields(console.main.get_by_role("table", name="What changed"))
    assert found == {
        name: ["! changed", f'"{older[name]}"' if isinstance(older[name], str) else str(older[name]),
               f'"{newer[name]}"' if isinstance(newer[name], str) else str(newer[name])]
        for name in newer if newer[name] != older[name]
    }  # fmt: skip
    assert {"totalAmount", "itemCount"} <= set(found)
    console.main.get_by_role("button", name="With the version before").click()
    expect(console.main.get_by_role("heading", name="What changed since version 4")).to_be_visible()


def test_a_state_is_shown_as_of_a_moment(own_console: Console) -> None:
    stack = own_console.stack
    name = take_notes(stack)
    recorded = stack.admin.get("streams", name, "events").content["events"][0]["timestamp"]
    own_console.open("streams", name, tab="state")
    moment = datetime.fromisoformat(recorded).astimezone(UTC) + timedelta(hours=1)
    field = own_console.main.get_by_label("At a moment (UTC)")
    field.fill(moment.strftime("%Y-%m-%dT%H:%M:%S"))
    field.press("Enter")
    expect(own_console.page).to_have_url(f"{own_console.url}#/streams/{name.replace(':', '%3A')}?tab=state&version=1")
    own_console.expect_failure(404, "/admin/streams")
    field.fill("2020-01-01T00:00:00")
    field.press("Enter")
    expect(own_console.main.get_by_role("alert")).to_contain_text("version_not_found")


def test_rows_stand_beside_what_the_events_say(console: Console) -> None:
    console.open("streams", states.stream(states.FALSIFIED), tab="rows")
    order = console.main.get_by_role("region", name="Projection order", exact=True)
    expect(order).to_contain_text("differs")
    assert fields(order.get_by_role("table", name="What differs in order")) == {
        "customer_id": ["! changed", '"c-1"', '"someone-else"']
    }
    listed = console.main.get_by_role("region", name="Projection order_list", exact=True)
    expect(listed).to_contain_text("equal")
    shared = console.main.get_by_role("region", name="Projection daily_sales")
    expect(shared).to_contain_text("only a reconciliation compares them")
    console.open("streams", states.stream(states.BROKEN), tab="rows")
    expect(listed).to_contain_text("Parked at version 2")


def test_a_verification_finds_damage_which_the_events_show_as_it_is_stored(own_console: Console) -> None:
    stack = own_console.stack
    sound, damaged = take_notes(stack), take_notes(stack, ["one"])
    for text in ("two", "three"):
        append(stack, damaged, [NoteTaken(text=text)])
    key = {"stream": {"S": damaged}, "position": {"N": "2"}}
    item = stack.dynamodb.get_item(TableName="banyan-EventsTable", Key=key)["Item"]
    item["events"] = {"S": '[{"id": "e", "type": "Forged", "data": {"by": "<b>hand</b>"}, "metadata": {}}]'}
    stack.dynamodb.put_item(TableName="banyan-EventsTable", Item=item)

    own_console.open("streams", sound, tab="verify")
    own_console.main.get_by_role("button", name="Verify the stream").click()
    expect(own_console.main.get_by_text("intact")).to_be_visible()

    own_console.open("streams", damaged, tab="verify")
    own_console.main.get_by_role("button", name="Verify the stream").click()
    found = own_console.main.get_by_role("table", name="Damage")
    kinds = [each["kind"] for each in stack.admin.get("streams", damaged, "verify").content["problems"]]
    expect(found.locator("tbody tr")).to_have_count(len(kinds))
    assert "digest" in found.inner_text()
    axe(own_console.page)
    found.get_by_role("link", name="2", exact=True).first.click()
    expect(own_console.main.locator("#event-title")).to_have_text("Forged, version 2")
    expect(own_console.main.locator(".problem")).to_contain_text("unknown event type 'Forged'")
    assert shown_text(own_console) == 'by "<b>hand</b>"'
    own_console.open("streams", damaged, tab="state")
    expect(own_console.main.get_by_text("No state at version 3")).to_be_visible()


def test_a_stream_of_thousands_of_events_opens_at_once_and_scrolls_without_a_stall(own_console: Console) -> None:
    name = take_notes(own_console.stack, [f"note {number}" for number in range(1, MANY + 1)])
    own_console.open("streams", tenant="acme", entity="note")
    with busy_at_most(own_console, 2.5):
        go(own_console, f"#/streams/{name}", f"note {MANY}")
    assert len(asked(own_console, "/events")) == 1
    events = own_console.main.get_by_role("listbox", name="Events")
    with busy_at_most(own_console, FRAMES * 0.2):
        events.evaluate(SCROLL, FRAMES)
    assert own_console.main.get_by_role("option").count() < 60
    expect(own_console.main.get_by_role("option", name="NoteTaken").first).to_be_visible()
    events.press("Home")
    events.press("End")
    expect(own_console.main.locator("#event-title")).to_have_text("NoteTaken, version 1")
    assert shown_text(own_console).startswith('text "note 1"')
    own_console.main.get_by_label(f"Version, of {MANY:,}").fill("2500")
    own_console.page.keyboard.press("Enter")
    expect(own_console.main.get_by_role("option", selected=True)).to_contain_text("NoteTaken")
    assert len(asked(own_console, "/events")) < 12

    own_console.open("streams", name, tab="state", version=MANY)
    expect(own_console.main.get_by_role("group", name="State")).to_contain_text(f'"note {MANY}"')


def test_a_page_that_fails_beside_one_that_was_given_up_is_said_to_fail(own_console: Console) -> None:
    name, held = take_notes(own_console.stack, [f"note {number}" for number in range(400)]), dict[str, Route]()
    own_console.open("streams", name)
    own_console.page.route(
        re.compile(r"/events\?after=(200|250)&"),
        lambda route: held.__setitem__(route.request.url.partition("after=")[2][:3], route),
    )
    own_console.expect_failure(0, "/admin/streams/")
    events = own_console.main.get_by_role("listbox", name="Events")
    with own_console.page.expect_request(re.compile("after=200&")):
        events.evaluate("list => { list.scrollTop = 144 * 48; }")
    with own_console.page.expect_event("requestfailed"):
        events.evaluate("list => { list.scrollTop = 160 * 48; }")
    assert held.keys() == {"200", "250"}
    held["200"].abort()
    expect(own_console.main.get_by_role("alert")).to_contain_text("The API does not answer.")


def test_the_address_follows_a_key_that_is_held_down_as_often_as_browsers_let_it(own_console: Console) -> None:
    """Safari throws at the hundredth change within 30 seconds, Chromium and Firefox at twice as many within 10."""
    name = take_notes(own_console.stack, [f"note {number}" for number in range(1, PRESSES + 10)])
    own_console.open("streams", name)
    own_console.page.evaluate(COUNT_CHANGES)
    events = own_console.main.get_by_role("listbox", name="Events")
    for _ in range(PRESSES):
        events.press("ArrowDown")
    expect(own_console.main.locator("#event-title")).to_have_text("NoteTaken, version 9")
    expect(own_console.page).to_have_url(re.compile("version=9$"))
    assert own_console.page.evaluate(MOST_IN_30_S) < MOST_CHANGES


LINK_TO_WHAT_STANDS_THERE = """() => {
  const list = document.querySelector("[role=listbox]");
  const press = (key) => list.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  for (let times = 0; times < 30; times++) { press("End"); press("Home"); }
  press(location.hash.endsWith("version=1") ? "Home" : "End");
  const link = document.createElement("a");
  [link.href, link.hidden] = [location.hash, true];
  document.querySelector("main").append(link);
  link.click();
  link.remove();
  return link.hash;
}"""
"""Changes until the address is behind what is shown, and follows a link to that address."""


def test_a_link_to_an_address_that_is_behind_what_is_shown_leads_there(own_console: Console) -> None:
    name = take_notes(own_console.stack, ["first", "second", "third"])
    own_console.open("streams", name)
    expect(own_console.main.get_by_role("option")).to_have_count(3)
    address = own_console.page.evaluate(LINK_TO_WHAT_STANDS_THERE)
    version = address.partition("version=")[2]
    expect(own_console.main.locator("#event-title")).to_have_text(f"NoteTaken, version {version}")
    expect(own_console.page).to_have_url(f"{own_console.url}{address}")


def test_whatever_a_payload_holds_stays_text_and_fast(own_console: Console) -> None:
    wide = {"exact": LONG} | {f"f{number}": {f"<i>{each}": each for each in range(90)} for number in range(90)}
    name = take_notes(own_console.stack, [SCRIPT, BIDI, "y" * 300_000, NO_GLYPHS])
    append(own_console.stack, name, [NoteTaken(text="list", more=["<u>"] * 40_000)])
    append(own_console.stack, name, [NoteTaken(text="wide", more=wide)])
    own_console.open("streams", name)
    found = [SCRIPT, SHOWN_BIDI, "2000 of 300000", r"\ud7ff\u202e", '"list"', str(LONG)]
    for version, shown in enumerate(found, start=1):
        with busy_at_most(own_console, 2.5):
            go(own_console, f"#/streams/{name}?version={version}", shown)
    expect(own_console.page).to_have_title("Streams · Banyan")
    assert own_console.main.locator("script, img, u, b").count() == 0
    own_console.open("streams", name, tab="state", version=2)
    expect(own_console.main.get_by_role("group", name="State")).to_contain_text(SHOWN_BIDI)
    axe(own_console.page)


def test_a_payload_of_many_lines_is_scrolled_with_the_keyboard(own_console: Console) -> None:
    name = take_notes(own_console.stack, ["line\n" * 100])
    own_console.open("streams", name)
    payload = own_console.main.get_by_role("group", name="Payload")
    expect(payload).to_have_attribute("tabindex", "0")
    axe(own_console.page)
    payload.focus()
    own_console.page.keyboard.press("PageDown")
    own_console.page.wait_for_function("payload => payload.scrollTop > 0", arg=payload.element_handle())


def test_streams_of_the_engine_are_shown_too(own_console: Console) -> None:
    name = take_notes(own_console.stack, tenant="_system")
    own_console.open("streams", tenant="_system")
    own_console.main.get_by_role("link", name=name).click()
    expect(own_console.main.locator("#event-title")).to_have_text("NoteTaken, version 1")
    own_console.open("streams", name, tab="state")
    expect(own_console.main.get_by_text("nothing that is deployed folds the entity 'note'")).to_be_visible()
    own_console.open("streams", name, tab="rows")
    expect(own_console.main.get_by_text("No projection reads this stream")).to_be_visible()


def test_without_the_scope_for_contents_the_rest_works_and_says_what_is_missing(console: Console) -> None:
    console.sign_in(console.stack.token(scopes=[SCOPE]))
    console.open("streams", GROWN)
    for tab in ("events", "state", "rows"):
        console.open("streams", GROWN, tab=tab)
        expect(console.main.get_by_role("alert")).to_contain_text("banyan/events")
    console.open("events")
    expect(console.main.get_by_role("alert")).to_contain_text("banyan/events")
    assert not [url for url in asked(console, "/events") + asked(console, "/state") if "admin" in url]
    console.open("streams", GROWN, tab="verify")
    console.main.get_by_role("button", name="Verify the stream").click()
    expect(console.main.get_by_text("intact")).to_be_visible()


def test_a_stack_that_keeps_contents_to_itself_is_said_to(console: Console) -> None:
    console.sign_in()
    console.page.route(
        re.compile("/admin/(events|streams/.+/events)"),
        lambda route: route.fulfill(status=404, json={"code": "not_found", "detail": "there is no such route"}),
    )
    console.expect_failure(404, "/admin/")
    for place in (["streams", GROWN], ["events"]):
        console.open(*place)
        expect(console.main.get_by_role("alert")).to_contain_text("ConsoleContents=off")
