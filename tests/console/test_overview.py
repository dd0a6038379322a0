"""The first screen: whether all is well, and what needs a person."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, get_args
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Route, expect
from tests.console.support import states
from tests.console.support.page import Console
from tests.console.support.stack import PATIENCE, Stack
from tests.support.clocks import wait_until

from banyan.entrypoints.admin.attention import Code

pytestmark = pytest.mark.slow

POLL_MS = 5_500
STREAM = "acme:order:o-1"
NAMES = {"projection": "stock", "stream": STREAM, "version": 2, "generation": 1, "name": "payment", "report": "r-1"}
HELPED_HERE = {
    "projection_stopped": "Resume stock",
    "projection_paused": "Resume stock",
    "stream_parked": f"Retry {STREAM}",
    "deadline_parked": "Retry the deadline payment",
    "records_parked": "Put parked records back",
}
"""The question that is asked."""
PLACES = {
    "projection_lagging": "#/projections/stock",
    "projection_outdated": "#/projections/stock",
    "rebuild_idle": "#/projections/stock",
    "deletion_idle": "#/projections/stock",
    "migration_idle": "#/migration",
    "rebuild_differs": "#/projections/stock",
    "rebuild_ready": "#/projections/stock",
    "deadlines_overdue": f"#/deadlines?q={quote(STREAM)}",
    "reconciliation_differs": "#/reconciliation/r-1",
    "reconciliation_old": "#/reconciliation",
    "migration_half_done": "#/migration",
    "migration_row_parked": "#/migration",
    "migration_differs": "#/migration",
    "migration_waits": "#/migration?do=advance",
}
"""Where a person is led."""


@contextmanager
def answered(console: Console, **parts: Any) -> Iterator[None]:
    """Let parts of the overview's answer be others than they are here, where an hour would have to pass for them."""

    given = {**console.stack.admin.get("overview").content, **parts}
    console.page.route("**/admin/overview", lambda route: route.fulfill(json=given))
    yield
    console.page.unroute("**/admin/overview")


def thing(code: str, **given: Any) -> Mapping[str, Any]:
    """Something that needs a person."""
    about = {"code": code, "subject": f"about {code}", "text": f"What is {code}.", "action": "look", "since": None}
    return {**about, "names": NAMES, **given}


def things(shown: Locator) -> Locator:
    """What is listed as needing a person."""
    return shown.get_by_role("heading", name="What needs a person").locator("xpath=..").get_by_role("listitem")


def test_what_needs_a_person_is_on_top_in_the_order_of_the_api(console: Console, stack: Stack) -> None:
    shown = console.open("overview")
    found = stack.admin.get("overview").content["attention"]
    codes = {each["code"] for each in found}
    expected = {"projection_paused", "stream_parked", "deadline_parked", "reconciliation_differs", "rebuild_ready"}
    assert expected <= codes, "the seeded stack has trouble"
    expect(shown.get_by_role("status").first).to_contain_text(f"{len(found)} things need a person")
    expect(things(shown)).to_have_count(len(found))
    for listed, each in zip(things(shown).all(), found, strict=True):
        expect(listed).to_contain_text(each["text"])


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        (["rebuild_ready"], "info"),
        (["rebuild_ready", "projection_paused"], "warn"),
        (["projection_paused", "stream_parked"], "bad"),
    ],
)
def test_the_verdict_is_as_bad_as_the_worst_of_them(console: Console, codes: list[str], kind: str) -> None:
    with answered(console, attention=[thing(code) for code in codes]):
        shown = console.open("overview")
        expect(things(shown)).to_have_count(len(codes))
        expect(shown.get_by_role("status").first.locator(".badge")).to_have_class(f"badge {kind}")


def test_each_of_them_leads_to_where_it_is_helped(console: Console) -> None:
    shown = console.open("overview")
    places = {
        "switch": f"/projections/{states.REBUILT}",
        "report": "/reconciliation/",
    }
    for words, place in places.items():
        things(shown).get_by_role("link", name=re.compile(words, re.IGNORECASE)).first.click()
        console.loaded()
        expect(console.page).to_have_url(re.compile(place))
        expect(console.main.get_by_role("alert")).to_have_count(0)
        console.page.go_back()
        console.loaded()


def test_a_projection_is_resumed_and_a_stream_retried_where_one_stands(own_console: Console, own_stack: Stack) -> None:
    own_stack.admin.post("projections", "daily_sales", "pause", reason="for the overview")
    states.park_by_payment(own_stack, "overview-broken")
    own_stack.mend_order("overview-broken")
    shown = own_console.open("overview")
    shown.get_by_role("button", name="Resume… daily_sales").click()
    own_console.confirm("Resume")
    expect(shown.get_by_role("button", name="Resume… daily_sales")).to_have_count(0)
    assert own_stack.admin.get("projections", "daily_sales").content["status"] == "active"
    retry = shown.get_by_role("button", name=re.compile("Retry….*overview-broken"))
    for left in range(retry.count(), 0, -1):
        retry.first.click()
        own_console.confirm("Retry")
        expect(retry).to_have_count(left - 1)
    wait_until(lambda: "overview-broken" not in own_stack.admin.get("overview").text, "nothing to be parked", PATIENCE)


def test_every_kind_of_attention_has_something_that_helps(console: Console) -> None:
    codes = get_args(Code)
    with answered(console, attention=[thing(code) for code in codes], ingest={"parked": 3}):
        shown = console.open("overview")
        expect(things(shown)).to_have_count(len(codes))
        for listed, code in zip(things(shown).all(), codes, strict=True):
            expect(listed).to_contain_text(f"What is {code}.")
            helps_with(code, listed, console)


def helps_with(code: str, listed: Locator, console: Console) -> None:
    """Expect a question here, or a link to the right place."""
    if question := HELPED_HERE.get(code):
        listed.get_by_role("button").click()
        expect(console.dialog().get_by_role("heading", name=question)).to_be_visible()
        console.dialog().get_by_role("button", name="Cancel").click()
    else:
        expect(listed.get_by_role("link")).to_have_attribute("href", PLACES[code])


@pytest.mark.parametrize(
    ("code", "names", "place"),
    [
        ("stream_parked", {"projection": "stock"}, "#/projections/stock"),
        ("deadline_parked", {}, "#/deadlines"),
    ],
)
def test_more_than_are_named_lead_to_where_they_are_listed(
    console: Console, code: str, names: Mapping[str, str], place: str
) -> None:
    with answered(console, attention=[thing(code, names=names)]):
        listed = things(console.open("overview"))
        expect(listed.get_by_role("link")).to_have_attribute("href", place)
        expect(listed.get_by_role("button")).to_have_count(0)


def test_all_is_well_only_where_everything_could_be_read(console: Console) -> None:
    with answered(console, attention=[], unavailable={}):
        expect(console.open("overview").get_by_role("status").first).to_contain_text("All is well")
    unread = {"deadlines": "the table does not answer", "migration": "ConnectionError", "projections": "timeout"}
    missing = {"deadlines": None, "migration": None, "projections": None, "rate": None}
    with answered(console, attention=[], unavailable=unread, **missing):
        console.page.reload()
        console.loaded()
        verdict = console.main.get_by_role("status").first
        expect(verdict).to_contain_text("3 parts could not be read")
        expect(verdict).not_to_contain_text("All is well")
        for reason in unread.values():
            expect(console.main.get_by_text(reason).first).to_be_visible()


def test_refused_records_are_listed_and_put_back(console: Console) -> None:
    record = dict.fromkeys(("shard", "sequenceNumber", "partitionKey", "arrivedAt", "bytes", "batchSize"))
    refused = {**record, "code": "invalid_record", "reason": "no <b>device</b>", "stream": "acme:device:d-1"}
    refused["arrivedAt"] = "\u202etomorrow"
    asked: list[Any] = []

    def put_back(route: Route) -> None:
        asked.append(json.loads(route.request.post_data or ""))
        route.fulfill(json={"records": 2, "gone": []})

    console.page.route(
        "**/admin/ingest/parked?*", lambda route: route.fulfill(json={"waiting": 3, "records": [refused]})
    )
    console.page.route("**/admin/ingest/parked/retry", put_back)
    with answered(console, ingest={"parked": 3}):
        shown = console.open("overview")
        shown.get_by_role("button", name="Look at them").click()
        expect(shown.get_by_role("table", name="Parked records")).to_contain_text("no <b>device</b>")
        expect(shown.get_by_role("table", name="Parked records")).to_contain_text(r"\u202etomorrow")
        shown.get_by_role("button", name="Put them back…", exact=True).click()
        console.confirm("Put them back", **{"Only those refused": "invalid_record"})
        expect(console.page.locator(".notices")).to_contain_text("2 records put back")
    assert asked == [{"code": "invalid_record", "limit": 100}]


def test_it_refreshes_by_itself_and_keeps_what_is_shown(console: Console) -> None:
    console.page.clock.install()
    shown = console.open("overview")
    table = shown.get_by_role("table", name="Projections and reactor")
    table.evaluate("table => { table.dataset.kept = 'yes'; }")
    looks = looks_at(console)
    before = looks()
    console.page.clock.run_for(POLL_MS)
    wait_until(lambda: looks() > before, "another look", PATIENCE)
    expect(table).to_have_attribute("data-kept", "yes")
    expect(shown.locator(".waiting")).to_have_count(0)
    assert {request.url.split("/admin/")[1] for request in console.requests if "/admin/" in request.url} == {"overview"}


def looks_at(console: Console) -> Callable[[], int]:
    """Counts the requests for the overview so far; lets the browser go on meanwhile."""

    def count() -> int:
        console.page.evaluate("0")
        return sum(request.url.endswith("/admin/overview") for request in console.requests)

    return count
