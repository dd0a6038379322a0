"""Who is signed in: where the token is, where it never is, and what is said when it is no longer accepted."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.console.conftest import opened
from tests.console.support.axe import axe
from tests.console.support.page import Console
from tests.console.support.screens import BELOW
from tests.console.support.stack import Stack
from tests.console.support.states import GROWN, stream

from banyan_tools.cli.client import SCOPE
from banyan_tools.local.token import make_token

pytestmark = pytest.mark.slow

REFUSED = "The API does not accept your token any more"


def test_the_token_is_in_no_address_and_outlives_no_tab(console: Console) -> None:
    token = console.stack.token()
    console.sign_in(token)
    for place in BELOW[:3]:
        console.open(*place.path, **place.query)
        assert token not in console.page.evaluate("location.href")
    asked = [request for request in console.requests if not request.is_navigation_request()]

    assert [request.url for request in asked if token in request.url] == []
    assert [request.url for request in asked if request.headers.get("referer")] == []
    assert token not in str(console.stored())
    assert not console.page.context.cookies()

    other = console.page.context.new_page()
    other.goto(console.url)
    expect(other.get_by_label("A token with the scope")).to_be_visible()


def test_going_back_does_not_lead_to_the_token(console: Console) -> None:
    console.page.goto("about:blank")
    console.sign_in()
    console.open("streams")
    for _ in range(2):
        console.page.go_back()
        assert "token=" not in console.page.url


def test_signing_out_leaves_nothing(console: Console) -> None:
    console.open("streams")
    console.page.get_by_role("button", name="Sign out").click()

    expect(console.page.get_by_label("A token with the scope")).to_be_visible()
    assert console.page.evaluate("sessionStorage.length") == 0
    axe(console.page)


def test_a_pasted_token_signs_in_with_enter(console: Console) -> None:
    console.page.goto(console.url)
    console.page.get_by_label("A token with the scope").fill(console.stack.token())
    console.page.keyboard.press("Enter")

    expect(console.main.get_by_role("heading", name="Overview")).to_be_visible()


def test_what_is_no_token_is_not_sent(console: Console) -> None:
    console.page.goto(console.url)
    console.page.get_by_label("A token with the scope").fill("nonsense")
    console.page.get_by_role("button", name="Sign in").click()

    expect(console.main).to_contain_text("This is not a token")
    assert not [request for request in console.requests if "/admin/" in request.url]


def test_an_expired_token_is_said_to_be_so(console: Console) -> None:
    console.page.goto(f"{console.url}#token={console.stack.token(hours=-1)}")
    expect(console.page.get_by_role("alert")).to_contain_text("expired")
    assert "token=" not in console.page.url


def test_a_token_of_another_stack_leads_back_to_signing_in(console: Console, tmp_path: Path) -> None:
    console.expect_failure(401, "/admin/")
    console.page.goto(f"{console.url}#token={make_token('acme', tmp_path, scopes=[SCOPE])}")

    expect(console.page.get_by_role("alert")).to_contain_text(REFUSED)
    expect(console.page.get_by_label("A token with the scope")).to_be_visible()


def test_without_the_scope_for_contents_it_is_said_which_one_is_missing(console: Console) -> None:
    console.expect_failure(403, "/admin/streams/")
    console.sign_in(console.stack.token(scopes=[SCOPE]))
    console.open("streams", stream(GROWN))
    expect(console.main).to_contain_text("banyan/events")


def test_what_is_not_the_api_is_not_taken_for_it(console: Console) -> None:
    console.page.route("**/admin/overview", lambda route: route.fulfill(body="<h1>Sign in to the network</h1>"))
    console.open("overview")
    expect(console.main.get_by_role("alert")).to_contain_text("What answered is not the API.")


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (403, '{"message": "Forbidden"}', "it needs the scope banyan/admin"),
        (429, '{"message": "Too Many Requests"}', "its limit is ThrottleRate"),
        (503, '{"message": "Service Unavailable"}', "Service Unavailable"),
        (502, "<h1>Bad gateway</h1>", "The API answered 502."),
    ],
)
def test_what_answers_in_place_of_the_api_is_put_in_words(console: Console, status: int, body: str, said: str) -> None:
    console.expect_failure(status, "/admin/overview")
    console.page.route("**/admin/overview", lambda route: route.fulfill(status=status, body=body))
    console.open("overview")
    expect(console.main.get_by_role("alert")).to_contain_text(said)
    expect(console.main.get_by_role("alert")).to_contain_text(f"http_{status}")


def test_a_screen_that_fails_takes_no_other_with_it(browser: Browser, stack: Stack) -> None:
    with opened(browser) as page:
        console = Console(page, stack)
        page.route("**/admin/overview", lambda route: route.fulfill(json={}))
        console.open("overview")
        expect(console.main.get_by_role("alert")).to_contain_text("TypeError")
        page.unroute("**/admin/overview")
        console.main.get_by_role("button", name="Try again").click()
        expect(console.main.get_by_role("heading", level=1)).to_have_text("Overview")
        console.open("streams")
        expect(console.main.get_by_role("table")).to_be_visible()


def test_a_name_that_looks_like_markup_stays_a_name(console: Console) -> None:
    console.sign_in(console.stack.token(actor="<b>kim</b>"))
    expect(console.page.get_by_title("Signed in as")).to_have_text("<b>kim</b>")


@pytest.mark.parametrize(
    ("path", "status", "asked"),
    [
        (["streams", "acme:order:nothing"], 404, "/admin/streams/"),
        (["streams", "no-stream"], 422, "/admin/streams/"),
        (["projections", "nothing"], 404, "/admin/projections/"),
        (["reconciliation", "nothing"], 404, "/admin/reconciliation/reports/"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_a_refusal_is_shown_as_the_api_words_it(console: Console, path: list[str], status: int, asked: str) -> None:
    console.expect_failure(status, asked)
    with console.page.expect_response(lambda found: found.status == status) as refused:
        console.open(*path)
    problem = refused.value.json()
    said = console.main.get_by_role("alert")
    expect(said.first).to_contain_text(problem["detail"])
    expect(said.first).to_contain_text(problem["code"])
