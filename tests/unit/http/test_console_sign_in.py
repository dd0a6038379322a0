"""What the page learns of the provider that signs operators in, and what it is told where there is none to be had."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from tests.support.clocks import ManualClock
from tests.support.http import lower_case

from banyan.adapters.settings import Settings
from banyan.entrypoints.console.page import PATH, ConsolePage
from banyan.entrypoints.console.sign_in import KEPT, KEPT_FAILURE, LARGEST_BYTES, SignIn, read_url
from banyan.entrypoints.http.requests import Headers

ISSUER = "https://login.example.com/pool"
DESCRIBED = {
    "issuer": ISSUER,
    "authorization_endpoint": "https://sign-in.example.com/oauth2/authorize",
    "token_endpoint": "https://sign-in.example.com/oauth2/token",
    "revocation_endpoint": "https://sign-in.example.com/oauth2/revoke",
}


class Described:
    """Answers what a provider says of itself, and keeps who asked."""

    def __init__(self, **members: Any) -> None:
        self.content: bytes | OSError = json.dumps({**DESCRIBED, **members}).encode()
        self.asked: list[str] = []

    def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        if isinstance(self.content, OSError):
            raise self.content
        return self.content


def sign_in(described: Described, clock: ManualClock | None = None, **settings: Any) -> SignIn:
    chosen = {"console_issuer": ISSUER, "console_client_id": "console-1", **settings}
    return SignIn(Settings(**chosen), described, clock or ManualClock())


def policy(found: SignIn) -> str:
    """Where the page may connect to."""
    (rule,) = (
        rule
        for rule in ConsolePage(found).answer(PATH, Headers({}))["headers"]["Content-Security-Policy"].split("; ")
        if rule.startswith("connect-src")
    )
    return str(rule)


def code(found: SignIn) -> str:
    """Why no one can sign in at the provider; then the page is open to nothing but the API, and still there."""
    document = found.document()
    assert document.keys() == {"issuer", "clientId", "scopes", "problem"}
    assert policy(found) == "connect-src 'self'"
    return str(document["problem"]["code"])


def test_the_page_reads_what_the_provider_says_and_may_connect_to_its_tokens() -> None:
    described = Described()
    found = sign_in(described)
    answer = ConsolePage(found).answer(f"{PATH}/sign-in.json", Headers(lower_case({})))
    assert json.loads(answer["body"]) == {
        "issuer": ISSUER,
        "clientId": "console-1",
        "authorizationEndpoint": "https://sign-in.example.com/oauth2/authorize",
        "tokenEndpoint": "https://sign-in.example.com/oauth2/token",
        "revocationEndpoint": "https://sign-in.example.com/oauth2/revoke",
        "scopes": ["banyan/admin", "banyan/events"],
    }
    assert answer["headers"]["Cache-Control"] == "no-store"
    assert policy(found) == "connect-src 'self' https://sign-in.example.com"
    assert described.asked == [f"{ISSUER}/.well-known/openid-configuration"]


def test_where_no_client_is_set_nobody_is_asked() -> None:
    described = Described()
    found = sign_in(described, console_client_id="")
    assert (found.document(), policy(found), described.asked) == ({}, "connect-src 'self'", [])


def test_the_issuer_of_the_tokens_is_asked_where_no_other_is_set() -> None:
    described = Described()
    assert "tokenEndpoint" in sign_in(described, console_issuer="", jwt_issuer=ISSUER).document()
    assert code(sign_in(described, console_issuer="", jwt_issuer="")) == "issuer_missing"


def test_the_scope_for_contents_is_asked_for_only_where_they_are_shown() -> None:
    assert sign_in(Described(), console_contents="off").document()["scopes"] == ["banyan/admin"]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"issuer": "https://other.example.com"}, "issuer_mismatch"),
        ({"issuer": ISSUER + "/"}, "issuer_mismatch"),
        ({"token_endpoint": None}, "issuer_malformed"),
        ({"token_endpoint": "http://sign-in.example.com/token"}, "issuer_insecure"),
        ({"token_endpoint": "https://a.example.com; script-src *"}, "issuer_malformed"),
        ({"token_endpoint": "https://a.example.com;script-src%20*/token"}, "issuer_malformed"),
        ({"token_endpoint": "https://user@a.example.com/token"}, "issuer_malformed"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "issuer_malformed"),
        ({"authorization_endpoint": "javascript://a.example.com/%0aalert(1)"}, "issuer_insecure"),
        ({"authorization_endpoint": "/authorize"}, "issuer_malformed"),
        ({"authorization_endpoint": "https://[broken/authorize"}, "issuer_malformed"),
    ],
)
def test_what_a_browser_must_not_be_sent_to_is_refused(members: dict[str, Any], expected: str) -> None:
    assert code(sign_in(Described(**members))) == expected


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff", b"[]", b"null", b"[" * 100_000])
def test_what_is_no_description_is_refused(content: bytes) -> None:
    described = Described()
    described.content = content
    assert code(sign_in(described)) in {"issuer_malformed", "issuer_mismatch"}


@pytest.mark.parametrize(
    "issuer", ["http://login.example.com", "login.example.com", "file:///etc/passwd", "http://10.0.0.1"]
)
def test_an_issuer_is_asked_by_https_alone(issuer: str) -> None:
    described = Described(issuer=issuer)
    assert code(sign_in(described, console_issuer=issuer)) in {"issuer_insecure", "issuer_malformed"}
    assert described.asked == []


@pytest.mark.parametrize("elsewhere", ["https://other.example.com/revoke", "http://sign-in.example.com/revoke", 7, "x"])
def test_tokens_are_revoked_only_where_they_come_from(elsewhere: object) -> None:
    assert "revocationEndpoint" not in sign_in(Described(revocation_endpoint=elsewhere)).document()


def test_an_answer_holds_for_a_while_and_a_failure_for_less() -> None:
    described, clock = Described(), ManualClock()
    good, described.content = described.content, OSError("refused")
    found = sign_in(described, clock)
    assert [code(found) for _ in range(3)] == ["issuer_unreachable"] * 3
    assert len(described.asked) == 1
    clock.move(KEPT_FAILURE)
    described.content = good
    assert [*found.origins()] == ["https://sign-in.example.com"]
    clock.move(KEPT - timedelta(seconds=1))
    assert (found.document()["issuer"], len(described.asked)) == (ISSUER, 2)
    clock.move(timedelta(seconds=1))
    assert (found.document()["issuer"], len(described.asked)) == (ISSUER, 3)


class Answers(BaseHTTPRequestHandler):
    """Answers by path."""

    def do_GET(self) -> None:
        status, headers, content = {
            "/large": (200, {}, b" " * (LARGEST_BYTES + 1)),
            "/elsewhere": (302, {"Location": "/fine"}, b""),
            "/broken": (500, {}, b"{}"),
            "/fine": (200, {}, b"{}"),
        }[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


@contextmanager
def answering() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_url_is_read_without_redirects_and_up_to_a_size() -> None:
    with answering() as url:
        assert read_url(f"{url}/fine") == b"{}"
        for path in ("/large", "/elsewhere", "/broken"):
            with pytest.raises(OSError, match="answered"):
                read_url(url + path)
    with pytest.raises(OSError, match="refused"):
        read_url(f"{url}/fine")


def test_a_page_that_may_connect_elsewhere_by_now_is_sent_again() -> None:
    described, clock = Described(), ManualClock()
    content, described.content = described.content, OSError("no route")
    page = ConsolePage(sign_in(described, clock))
    kept = page.answer(PATH, Headers({}))["headers"]["ETag"]
    assert page.answer(PATH, Headers({"if-none-match": kept}))["statusCode"] == 304
    described.content = content
    clock.move(KEPT_FAILURE)
    assert page.answer(PATH, Headers({"if-none-match": kept}))["statusCode"] == 200
