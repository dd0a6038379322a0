"""What events hold stays text, and long ones stay fast."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect
from tests.console.support.deployments.troubled_orders import NoteTaken
from tests.console.support.page import Console
from tests.console.support.stack import Stack
from tests.console.support.states import append

from banyan.streams import StreamId

pytestmark = pytest.mark.slow

MARKUP = "<img src=x onerror=\"console.error('ran')\"><script>console.error('ran')</script>"
TURNED = "safe\u202egnp.exe\u2066\u0000\u001b[31m\u200b"
TURNED_VISIBLY = r"safe\u202egnp.exe\u2066\u0000\u001b[31m\u200b"
HUGE = 300_000
WIDE = 5_000
LONG = 5_000
MOST_ROWS = 80
MOST_SHOWN = 20_000
MOST_ELEMENTS = 3_000
WORST, HUGE_NOTE, LONG_NOTES = "acme:note:worst", "acme:note:huge", "acme:note:long"


@pytest.fixture
def hostile(stack: Stack) -> Stack:
    """Notes of the worst kind, taken once for each stack."""
    if not stack.events.head(StreamId.parse(WORST)).version:
        append(stack, WORST, [NoteTaken(text=MARKUP, more={MARKUP: TURNED}), NoteTaken(text=TURNED, more=[MARKUP] * 3)])
        append(stack, HUGE_NOTE, [NoteTaken(text="x" * HUGE), NoteTaken(text="wide", more=list(range(WIDE)))])
        append(stack, LONG_NOTES, [NoteTaken(text=f"note {number}") for number in range(LONG)])
    return stack


def options(console: Console) -> Locator:
    return console.main.get_by_role("option")


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize(
    ("path", "query"),
    [
        (["streams", WORST], {"version": 1}),
        (["streams", WORST], {"version": 2}),
        (["streams", WORST], {"tab": "state"}),
        (["streams", WORST], {"tab": "state", "version": 1, "compare": 2}),
        (["streams", WORST], {"tab": "verify"}),
        (["streams"], {"prefix": MARKUP}),
        (["events"], {"entity": "note", "text": "ran"}),
        (["traces", MARKUP], {"tenant": TURNED}),
        ([MARKUP], {}),
    ],
)
def test_markup_is_shown_and_never_run(console: Console, path: list[str], query: dict[str, object]) -> None:
    for status in (400, 404, 422):
        console.expect_failure(status, "/admin/")
    console.open(*path, **query)
    console.page.wait_for_load_state("networkidle")

    assert console.page.locator("img[src=x]").count() == 0
    assert console.page.locator("body script").count() == 0
    text = console.page.locator("body").inner_text()
    assert not set(TURNED) & set(text) & {"\u202e", "\u2066", "\u0000", "\u001b", "\u200b"}


@pytest.mark.usefixtures("hostile")
def test_a_payload_says_what_would_not_be_seen(console: Console) -> None:
    console.open("streams", WORST, version=2)
    payload = console.main.get_by_label("Payload")
    expect(payload).to_contain_text(TURNED_VISIBLY)
    expect(payload).to_contain_text(MARKUP)


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize(("version", "folded"), [(1, ""), (2, f"{WIDE:,} items")], ids=["long", "wide"])
def test_of_a_huge_payload_only_the_beginning_is_made(console: Console, version: int, folded: str) -> None:
    console.open("streams", HUGE_NOTE, version=version)
    payload = console.main.get_by_label("Payload")
    if folded:
        payload.get_by_text(folded).click()
    more = payload.get_by_role("button", name="more")
    expect(more.first).to_be_visible()
    shown = payload.inner_text()
    assert len(shown) < MOST_SHOWN
    assert payload.locator("*").count() < MOST_ELEMENTS

    more.first.click()
    expect(payload).not_to_have_text(shown, use_inner_text=True)


@pytest.mark.usefixtures("hostile")
def test_a_stream_of_thousands_of_events_opens_as_a_short_one(console: Console) -> None:
    for name in (WORST, LONG_NOTES):
        console.open("overview")
        before = len(console.requests)
        console.open("streams", name)
        expect(options(console).first.locator(".type")).to_be_visible()
        assert len([each for each in console.requests[before:] if "/admin/streams/" in each.url]) == 1
    assert console.main.locator("*").count() < MOST_ELEMENTS
    expect(console.main).to_contain_text(f"{LONG:,} events")
    assert options(console).count() < MOST_ROWS

    events = console.main.get_by_role("listbox", name="Events")
    events.focus()
    for key, first_of_page in (("End", "1"), ("Home", str(LONG)), ("PageDown", None)):
        console.page.keyboard.press(key)
        chosen = events.locator("[aria-selected=true]")
        if first_of_page:
            expect(chosen.locator(".version")).to_have_text(first_of_page)
        expect(chosen.locator(".type")).to_have_text("NoteTaken")
        assert options(console).count() < MOST_ROWS
