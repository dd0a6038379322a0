"""The operator's routes: for tokens with the scope only, and what they tell and do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.orders.support.documented import DOCUMENT
from tests.orders.support.http import OPERATOR, ORDER, Answer, Server, problem

import banyan
from banyan.entrypoints.http.identity import ADMIN, EVENTS

ROUTES = sorted(
    (method.upper(), path)
    for path, methods in DOCUMENT["paths"].items()
    for method in methods
    if path.startswith("/admin/")
)
CONTENTS = ["/admin/events", *(f"/admin/streams/{{stream}}/{part}" for part in ("events", "rows", "state"))]
CLAIMS = {"sub": "user-1", "tenant": "acme"}
ROOT = Path(__file__).parents[4]
OF_THE_CONTROLLER = {"not_moving", "archive_damaged", "restored_otherwise"}
"""Refusals that no one gets over HTTP: the controller keeps them as what happened."""


@pytest.fixture
def server() -> Server:
    return Server()


def ask(server: Server, path: str, body: Any = None, claims: dict[str, Any] | None = None) -> Answer:
    """Send what an operator sends: a query, or a command when there is a body."""
    return server.send("GET" if body is None else "POST", path, body, claims=OPERATOR if claims is None else claims)


def filled(path: str) -> str:
    """A documented path with a projection, or whatever it names."""
    return path.replace("{name}", "order").replace("{id}", "correlation-1").replace("{stream}", "acme:order:o-1")


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "granted",
    [{}, {"scope": ""}, {"scope": "banyan/administrator banyan admin"}, {"scp": "[openid]"}, {"scope": ["x"]}],
)
def test_without_the_scope_no_route_answers(server: Server, method: str, path: str, granted: dict[str, Any]) -> None:
    answer = server.send(method, filled(path), {} if method == "POST" else None, claims=CLAIMS | granted)
    assert problem(answer) == (403, "forbidden_scope")


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_without_a_token_no_route_answers(server: Server, method: str, path: str) -> None:
    assert problem(server.send(method, filled(path), tenant=None)) == (401, "unauthorized")


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_is_documented_with_its_scope(method: str, path: str) -> None:
    scopes = [ADMIN, EVENTS] if path in CONTENTS else [ADMIN]
    assert DOCUMENT["paths"][path][method.lower()]["security"] == [{"token": scopes}]


@pytest.mark.parametrize("path", CONTENTS)
def test_a_stack_may_have_no_routes_to_contents(path: str) -> None:
    server = Server(console_contents="off")
    answer = ask(server, filled(path), claims=CLAIMS | {"scope": f"{ADMIN} {EVENTS}"})
    assert problem(answer) == (404, "not_found")
    answer = server.get(filled(path), claims=CLAIMS | {"scope": f"{ADMIN} {EVENTS}"}, query={"limit": "50"})
    assert problem(answer) == (404, "not_found")
    assert ask(server, "/admin/streams")["statusCode"] == 200


@pytest.mark.parametrize("path", CONTENTS)
def test_contents_need_a_scope_besides(server: Server, path: str) -> None:
    answer = ask(server, filled(path))
    assert problem(answer) == (403, "forbidden_scope")
    assert json.loads(answer["body"])["scopes"] == [EVENTS]
    assert problem(ask(server, filled(path), claims=CLAIMS | {"scope": EVENTS})) == (403, "forbidden_scope")
    both = ask(server, filled(path), claims=CLAIMS | {"scope": f"{ADMIN} {EVENTS}"})
    assert both["statusCode"] in (200, 404), "there is no such stream yet"


@pytest.mark.parametrize("granted", [{"scope": f"openid {ADMIN}"}, {"scp": f"[openid {ADMIN}]"}, {"scp": ADMIN}])
def test_the_scope_may_stand_among_others_and_in_either_claim(server: Server, granted: dict[str, str]) -> None:
    assert problem(ask(server, "/admin/nothing", claims=CLAIMS | granted)) == (404, "not_found")


@pytest.mark.parametrize("tenant", [{}, {"tenant": "null"}, {"tenant": "_system"}, {"tenant": ["acme"]}])
def test_the_scope_is_enough_whatever_tenant_a_token_names(server: Server, tenant: dict[str, Any]) -> None:
    claims = {"sub": "machine-1", **tenant}
    assert problem(ask(server, "/admin/nothing", claims=claims | {"scope": ADMIN})) == (404, "not_found")
    assert problem(ask(server, "/admin/nothing", claims=claims)) == (403, "forbidden_scope")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/admin/correlations/c-1"), ("GET", "/orders"), ("POST", "/orders")]
)
def test_what_belongs_to_a_tenant_refuses_a_token_without_one(server: Server, method: str, path: str) -> None:
    body = ORDER if method == "POST" else None
    answer = server.send(method, path, body, claims={"sub": "machine-1", "scope": ADMIN})
    assert problem(answer) == (403, "forbidden_tenant")


def test_the_scope_is_asked_for_before_it_is_shown_which_routes_there_are(server: Server) -> None:
    assert problem(ask(server, "/admin/nothing", claims=CLAIMS)) == (403, "forbidden_scope")


def test_every_code_of_a_refusal_is_documented() -> None:
    code = re.compile(r'(?:Conflict|NotFound|CommandRejected)\(\s*"(\w+)"')
    engine = Path(banyan.__file__).parent
    files = [file for folder in ("entrypoints/admin", "migration") for file in (engine / folder).rglob("*.py")]
    codes = {found for file in files for found in code.findall(file.read_text())}
    page = (ROOT / "docs" / "http.md").read_text()
    assert {found for found in codes - OF_THE_CONTROLLER if f"`{found}`" not in page} == set()
    assert {"would_lose", "report_not_found"} <= codes
