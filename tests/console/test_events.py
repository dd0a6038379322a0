"""The tail of all events in a browser: followed, paused, filtered and searched."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from playwright.sync_api import Route, expect
from tests.console.support.axe import axe
from tests.console.support.deployments.troubled_orders import NoteTaken
from tests.console.support.page import Console
from tests.console.support.stack import PATIENCE
from tests.console.support.states import append, take_notes
from tests.support.clocks import wait_until

pytestmark = pytest.mark.slow

PAUSE_SECONDS = 1.5


def some_tenant() -> str:
    return f"t{uuid4().hex[:8]}"


def test_events_appear_while_they_are_followed_and_a_pause_keeps_the_place(own_console: Console) -> None:
    stack, tenant = own_console.stack, some_tenant()
    name = take_notes(stack, [f"<b>{number}" for number in range(30)], tenant)
    own_console.open("streams", tenant=tenant)
    own_console.main.get_by_role("link", name="Follow events").click()
    events = own_console.main.get_by_role("option")
    newest = events.first.locator(".version")
    expect(newest).to_have_text("30")
    append(stack, name, [NoteTaken(text="while following")])
    expect(newest).to_have_text("31")
    events.first.click()
    expect(own_console.main.get_by_role("group", name="Payload")).to_contain_text("while following")
    own_console.page.reload()
    expect(own_console.main.get_by_role("group", name="Payload")).to_contain_text("while following")
    expect(own_console.main.get_by_role("option", selected=True).locator(".version")).to_have_text("31")

    box = own_console.main.get_by_role("listbox")
    box.evaluate("list => { list.scrollTop = 480; }")
    own_console.main.get_by_role("button", name="Pause").click()
    append(stack, name, [NoteTaken(text="while paused")] * 3)
    own_console.main.get_by_role("button", name="Follow").click()
    expect(own_console.main.get_by_role("status").filter(has_text="34 events")).to_be_visible()
    at = 480 + 3 * 48
    own_console.page.wait_for_function(f"list => list.scrollTop === {at}", arg=box.element_handle())
    expect(own_console.main.get_by_role("group", name="Payload")).to_contain_text("while following")
    own_console.main.get_by_role("link", name="Its stream").click()
    expect(own_console.main.locator("#event-title")).to_have_text("NoteTaken, version 31")


def test_events_are_filtered_by_the_api_and_searched_on_the_page(own_console: Console) -> None:
    stack, tenant = own_console.stack, some_tenant()
    first, second = (
        take_notes(stack, ["early bird"], tenant),
        take_notes(stack, ["late <u>owl</u>", "late fox"], tenant),
    )
    own_console.open("events")
    own_console.main.get_by_label("Tenant").fill(tenant)
    own_console.page.keyboard.press("Enter")
    events = own_console.main.get_by_role("option")
    expect(events).to_have_count(3)
    own_console.main.get_by_label("Search in these events").fill("<U>OWL")
    expect(events).to_have_count(1)
    expect(own_console.page).to_have_url(f"{own_console.url}#/events?tenant={tenant}&text=%3CU%3EOWL")
    expect(events).to_contain_text(second)
    axe(own_console.page)
    own_console.open("events", tenant=tenant, types="Nothing,Else")
    expect(own_console.main.get_by_text("No events")).to_be_visible()

    recorded = stack.admin.get("streams", second, "events").content["events"][0]["timestamp"]
    later = (datetime.fromisoformat(recorded) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S")
    own_console.open("events", tenant=tenant, since="2020-01-01T00:00")
    expect(events).to_have_count(3)
    expect(events.last).to_contain_text(first)
    own_console.open("events", tenant=tenant, since=later)
    expect(own_console.main.get_by_text("No events")).to_be_visible()


def test_a_text_is_searched_for_in_what_an_event_says_and_not_in_what_the_page_calls_that(own_console: Console) -> None:
    tenant = some_tenant()
    take_notes(own_console.stack, ["early bird", "late owl"], tenant)
    for text, found in (("owl", 1), ("text", 2), (tenant, 2), ("NoteTaken", 2)):
        own_console.open("events", tenant=tenant, text=text)
        expect(own_console.main.get_by_role("option")).to_have_count(found)
    for text in ("weight", "number", "payload", "actor", "error", "timestamp"):
        own_console.open("events", tenant=tenant, text=text)
        expect(own_console.main.get_by_text("None of the events here holds that text")).to_be_visible()


def test_the_field_for_a_text_shows_what_is_searched_for(own_console: Console) -> None:
    tenant = some_tenant()
    take_notes(own_console.stack, ["early bird", "late owl"], tenant)
    own_console.open("events", tenant=tenant)
    field = own_console.main.get_by_label("Search in these events")
    field.press_sequentially("bird", delay=250)
    events = own_console.main.get_by_role("option")
    expect(events).to_have_count(1)
    expect(field).to_have_value("bird")
    own_console.page.get_by_role("navigation", name="Screens").get_by_role("link", name="Events").click()
    expect(own_console.page).to_have_url(f"{own_console.url}#/events")
    expect(field).to_have_value("")


def test_only_the_newest_events_are_kept(own_console: Console) -> None:
    tenant = some_tenant()
    name = take_notes(own_console.stack, [f"note {number}" for number in range(1100)], tenant)
    own_console.open("events", tenant=tenant, follow="on")
    said = own_console.main.get_by_role("status").filter(has_text="following")
    expect(said).to_contain_text("the newest 1,000 events of 1,100 read")
    box = own_console.main.get_by_role("listbox")
    box.press("End")
    expect(own_console.main.locator("#event-title")).to_have_text("NoteTaken, version 101")
    assert own_console.main.get_by_role("option").count() < 60
    expect(own_console.main.get_by_role("option", selected=True)).to_contain_text(name)


def test_older_events_are_read_page_by_page(own_console: Console) -> None:
    tenant = some_tenant()
    name = take_notes(own_console.stack, ["rare"], tenant)
    for _ in range(51):
        append(own_console.stack, name, [NoteTaken(text="often")])
    own_console.open("events", tenant=tenant, event=f"{name}@1")
    expect(own_console.main.get_by_role("link", name=f"version 1 of {name}")).to_have_attribute(
        "href", re.compile("version=1$")
    )
    events = own_console.main.get_by_role("option")
    older = own_console.main.get_by_role("button", name="Show older events")
    expect(own_console.main.get_by_text("50 events, the newest on top")).to_be_visible()
    own_console.main.get_by_label("Search in these events").fill("rare")
    expect(events).to_have_count(0)
    older.click()
    expect(events.locator(".version")).to_have_text(["1"])
    expect(own_console.main.locator("#event-title")).to_have_text("NoteTaken, version 1")
    expect(own_console.main.get_by_text("1 of 52 events, the newest on top")).to_be_visible()
    expect(older).to_have_count(0)


def test_older_events_are_asked_for_while_newer_ones_are_on_their_way(own_console: Console) -> None:
    tenant, held, hold = some_tenant(), list[Route](), [False]
    name = take_notes(own_console.stack, ["rare"], tenant)
    for _ in range(51):
        append(own_console.stack, name, [NoteTaken(text="often")])

    def late(route: Route) -> None:
        if hold[0] and "descending" not in route.request.url:
            hold[0] = False
            held.append(route)
        else:
            route.continue_()

    own_console.page.route("**/admin/events?*", late)
    own_console.open("events", tenant=tenant, follow="on")
    older = own_console.main.get_by_role("button", name="Show older events")
    expect(own_console.main.get_by_role("status").filter(has_text="following")).to_be_visible()
    older.focus()
    hold[0] = True
    wait_until(lambda: own_console.page.evaluate("true") and held, "the next look", PATIENCE)
    own_console.page.evaluate("new Promise(requestAnimationFrame)")
    expect(older).to_be_focused()
    own_console.page.keyboard.press("Enter")
    held.pop().continue_()
    expect(own_console.main.get_by_role("status").filter(has_text="52 events")).to_be_visible()


def test_what_the_api_holds_back_is_not_asked_for_without_a_pause(own_console: Console) -> None:
    """As while more is recorded within two minutes than a cursor can remember."""
    asked: list[float] = []

    def held_back(route: Route) -> None:
        asked.append(time.monotonic())
        route.fulfill(json={"events": [], "next": "same", "atEnd": False})

    own_console.page.route("**/admin/events?*", held_back)
    own_console.page.route("**/admin/events", held_back)
    own_console.open("events", follow="on")
    wait_until(lambda: own_console.page.evaluate("true") and len(asked) > 4, "more requests", PATIENCE)
    _, *pauses = [later - before for before, later in pairwise(asked)]
    assert all(pause > PAUSE_SECONDS for pause in pauses)
