"""Signing in and out: with a printed link, a pasted token, or at a provider; and what is left behind of it: nothing."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from playwright.sync_api import expect
from tests.console.conftest import CHANGED, grouped
from tests.console.support.axe import axe
from tests.console.support.provider import CLIENT, SUBJECT, Provider, provider

from banyan_tools.local.ports import free_port
from banyan_tools.local.process import StackProcess

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request, Route

PLACE = "#/streams?entity=order"
VERIFIER = "v" * 43

pytestmark = [pytest.mark.slow, pytest.mark.stack, grouped("moto", CHANGED)]


@pytest.fixture(scope="module")
def signing_in(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Provider, str]]:  # noqa: ARG001
    """A provider, and the console of a stack whose tokens come from there."""
    data, port = tmp_path_factory.mktemp("signing-in") / "data", free_port()
    console = f"http://127.0.0.1:{port}/console"
    with provider(data, console) as found:
        given = {"JwtIssuer": found.url, "JwtAudience": CLIENT, "ConsoleClientId": CLIENT}
        parameters = [f"--parameter={name}={value}" for name, value in given.items()]
        with StackProcess(data, "--port", str(port), *parameters):
            yield found, console


@pytest.fixture
def trusted(signing_in: tuple[Provider, str]) -> Provider:
    """The provider, which forgets how a test set it."""
    found, _ = signing_in
    found.granted.clear()
    found.refused.clear()
    found.revoked.clear()
    found.expired = 0
    return found


@pytest.fixture
def console(signing_in: tuple[Provider, str]) -> str:
    """Where the page is."""
    return signing_in[1]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab of a browser that knows nothing; in the end it has written no error and raised none."""
    with browser.new_context() as context:
        page = context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if is_wrong(said.type, said.text) else None)
        yield page
        assert wrong == []


def is_wrong(kind: str, text: str) -> bool:
    """Whether the page should not have logged that; of an answer that is no success the browser itself does."""
    return kind in ("error", "warning") and not text.startswith(("Failed to load resource", "Framing"))


def allow(page: Page, console: str = "", place: str = PLACE) -> None:
    """Sign in, on the way to somewhere in the console unless the page is there."""
    if console:
        page.goto(console + place)
    page.get_by_role("button", name="Sign in at 127.0.0.1").click()
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_role("navigation", name="Screens")).to_be_visible()


def kept(page: Page) -> dict[str, Any]:
    """What the tab keeps of who is signed in."""
    stored: dict[str, Any] = page.evaluate("({...sessionStorage})")
    return stored


EVERYWHERE = """async () => JSON.stringify([
    location.href, document.referrer, history.state, {...localStorage}, document.cookie,
    await indexedDB.databases(), await caches.keys(), navigation.entries().map(each => each.url)])"""


def assert_left_nothing_behind(page: Page) -> None:
    """No token and no code is where it outlives the tab, nor in the address or its history."""
    everything, secrets = page.evaluate(EVERYWHERE), kept(page)
    found = [secrets.get("banyan.token"), json.loads(secrets.get("banyan.grant", "{}")).get("refresh")]
    assert [secret for secret in found if secret and secret in everything] == []
    assert re.search(r"[?&#](token|code|state|iss)=", everything.replace("/authorize?", "")) is None, everything
    assert page.context.cookies() == []


def test_the_provider_signs_one_in_and_one_comes_back_to_the_same_screen(
    page: Page, trusted: Provider, console: str
) -> None:
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request))
    allow(page, console)
    assert page.url == console + PLACE
    expect(page.get_by_text(SUBJECT)).to_be_visible()
    assert (trusted.granted, trusted.refused) == (["authorization_code"], [])
    assert_left_nothing_behind(page)
    assert "banyan.sign-in" not in kept(page), "a verifier is of no use twice"
    assert_sent_in_headers_alone(kept(page)["banyan.token"], sent, [console.removesuffix("/console"), trusted.url])
    page.reload()
    expect(page.get_by_text(SUBJECT)).to_be_visible()
    assert len(trusted.granted) == 1


def assert_sent_in_headers_alone(token: str, sent: Sequence[Request], known: Sequence[str]) -> None:
    """The token goes to the API, as a header; and no one learns from a request where the page was."""
    api = [request for request in sent if urlsplit(request.url).path.startswith("/admin/")]
    assert {request.all_headers().get("authorization") for request in api} == {f"Bearer {token}"}
    assert [request.url for request in sent if token in request.url] == []
    assert [request.url for request in sent if request.all_headers().get("referer", "").startswith(known[0])] == []
    assert {urlsplit(request.url).netloc for request in sent} == {urlsplit(url).netloc for url in known}


def test_each_sign_in_has_a_state_and_a_challenge_of_its_own(page: Page, trusted: Provider, console: str) -> None:
    first, second = (begun(page, trusted, console) for _ in range(2))
    assert first["code_challenge_method"] == "S256"
    assert first["scope"] == "banyan/admin banyan/events"
    assert {len(first[name]) for name in ("state", "code_challenge")} == {22, 43}
    assert [name for name in ("state", "code_challenge") if first[name] == second[name]] == []


def begun(page: Page, trusted: Provider, console: str) -> dict[str, str]:
    """What the page asks of the provider, where it is now."""
    page.goto(console)
    page.get_by_role("button", name="Sign in at 127.0.0.1").click()
    page.wait_for_url(f"{trusted.url}/authorize*")
    return dict(parse_qsl(urlsplit(page.url).query))


def test_who_denies_reads_what_the_provider_says(page: Page, trusted: Provider, console: str) -> None:
    page.goto(console + PLACE)
    page.get_by_role("button", name="Sign in at 127.0.0.1").click()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("alert")).to_contain_text("access_denied: not <b>today</b>")
    assert (page.url, trusted.granted, kept(page)) == (console + PLACE, [], {})
    assert_left_nothing_behind(page)
    page.get_by_text("Paste a token instead").click()
    axe(page)


def test_an_answer_that_this_tab_did_not_ask_for_is_not_used(page: Page, trusted: Provider, console: str) -> None:
    """Someone else's code would let one work as someone else."""
    for answer, said in (
        ("state=of-someone-else", "this tab did not begin"),
        ("state={state}&iss=https%3A%2F%2Fother.example.com", "another issuer"),
    ):
        asked = begun(page, trusted, console)
        code = trusted.code(asked["code_challenge"])
        for expected, sent in ((said, answer), ("this tab did not begin", "state={state}")):
            page.goto(f"{console}?code={code}&{sent.format_map(asked)}")
            expect(page.get_by_role("alert")).to_contain_text(expected)
            assert_left_nothing_behind(page)
    assert (trusted.granted, trusted.refused, kept(page)) == ([], [], {})


def test_a_code_is_worth_nothing_without_the_verifier(page: Page, trusted: Provider, console: str) -> None:
    """Nor twice."""
    asked = {"grant_type": "authorization_code", "client_id": CLIENT, "redirect_uri": console}
    code = trusted.code(challenge(VERIFIER))
    wrong = httpx.post(f"{trusted.url}/token", data={**asked, "code": code, "code_verifier": "w" * 43})
    again = httpx.post(f"{trusted.url}/token", data={**asked, "code": code, "code_verifier": VERIFIER})
    assert [(answer.status_code, answer.json()["error"]) for answer in (wrong, again)] == [(400, "invalid_grant")] * 2

    state = begun(page, trusted, console)["state"]
    page.goto(f"{console}?code={trusted.code(challenge(VERIFIER))}&state={state}")
    expect(page.get_by_role("alert")).to_contain_text("invalid_grant")
    assert (trusted.granted, kept(page)) == ([], {})


def challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def test_a_token_is_renewed_before_it_runs_out_and_once_it_is_refused(
    page: Page, trusted: Provider, console: str
) -> None:
    trusted.expired = 1
    page.clock.install()
    with page.expect_response(lambda answer: "/admin/" in answer.url and answer.ok):
        allow(page, console)
    expect(page.get_by_text(SUBJECT)).to_be_visible()
    assert trusted.granted == ["authorization_code", "refresh_token"], "once, however many asked"
    first = kept(page)["banyan.token"]
    page.clock.fast_forward("59:30")
    with page.expect_response(lambda answer: "/admin/deadlines" in answer.url) as answered:
        page.get_by_role("link", name="Deadlines").click()
    sent = answered.value.request.all_headers()["authorization"]
    assert sent == f"Bearer {kept(page)['banyan.token']}" != f"Bearer {first}"
    assert trusted.granted == ["authorization_code", "refresh_token", "refresh_token"]
    expect(page.get_by_role("alert")).to_have_count(0)
    assert_left_nothing_behind(page)


def test_who_can_no_longer_be_renewed_signs_in_again_and_is_where_they_were(
    page: Page, trusted: Provider, console: str
) -> None:
    def forget(route: Route) -> None:
        trusted.forget()
        route.continue_()

    trusted.expired = 1
    page.route("**/token", forget)
    page.goto(console + PLACE)
    page.get_by_role("button", name="Sign in at 127.0.0.1").click()
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_role("alert")).to_contain_text("does not accept your token any more")
    assert (page.url, kept(page), trusted.refused) == (console + PLACE, {}, ["invalid_grant"])
    allow(page)
    assert page.url == console + PLACE


def test_who_signs_out_leaves_nothing_and_the_provider_hears_of_it(page: Page, trusted: Provider, console: str) -> None:
    allow(page, console)
    refresh = json.loads(kept(page)["banyan.grant"])["refresh"]
    with page.expect_response(f"{trusted.url}/revoke"):
        page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in at 127.0.0.1")).to_be_visible()
    assert (kept(page), trusted.revoked) == ({}, [refresh])
    page.reload()
    expect(page.get_by_role("button", name="Sign in at 127.0.0.1")).to_be_visible()
    expect(page.get_by_text(SUBJECT)).to_have_count(0)


def test_a_printed_link_signs_one_in_also_where_the_page_is_open(page: Page, trusted: Provider, console: str) -> None:
    for _ in range(2):
        page.goto(f"{console}#token={trusted.token()}")
        expect(page.get_by_text(SUBJECT)).to_be_visible()
        assert page.url == f"{console}#/overview"
        assert_left_nothing_behind(page)


def test_a_link_signs_no_one_in_but_on_this_machine(page: Page, trusted: Provider, console: str) -> None:
    """Elsewhere it would let one work, unknowingly, as whoever made the link."""
    elsewhere = console.replace("127.0.0.1", "console.localhost")
    page.goto(f"{elsewhere}#token={trusted.token()}")
    expect(page.get_by_role("button", name="Sign in at 127.0.0.1")).to_be_visible()
    assert (page.url, kept(page)) == (f"{elsewhere}#/overview", {})


def test_a_token_can_be_pasted_also_where_the_provider_cannot_be_reached(
    page: Page, trusted: Provider, console: str
) -> None:
    problem = {"code": "issuer_unreachable", "detail": "the issuer does not answer"}
    described = {"issuer": trusted.url, "clientId": CLIENT, "scopes": ["banyan/admin"], "problem": problem}
    page.route("**/console/sign-in.json", lambda route: route.fulfill(json=described))
    page.goto(console + PLACE)
    expect(page.get_by_role("alert")).to_contain_text("the issuer does not answer")
    expect(page.get_by_role("alert")).to_contain_text("issuer_unreachable")
    trusted.expired = 1
    for text, said in (("not.a-token", "not a token"), (trusted.token(), "has expired")):
        page.get_by_label("A token with the scope").fill(text)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.locator("form").get_by_role("alert")).to_contain_text(said)
        assert kept(page) == {}
    page.get_by_label("A token with the scope").fill(f"  Bearer {trusted.token()}\n")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text(SUBJECT)).to_be_visible()
    assert page.url == console + PLACE
    assert_left_nothing_behind(page)


def test_the_page_cannot_be_framed(page: Page, console: str) -> None:
    with (
        page.expect_event("requestfailed") as failed,
        page.expect_console_message(lambda said: "frame-ancestors" in said.text),
    ):
        page.set_content(f'<iframe src="{console}"></iframe>')
    assert failed.value.failure == "net::ERR_BLOCKED_BY_RESPONSE"
