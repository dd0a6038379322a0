"""Routes that ask for a scope: who comes in, what the others learn, and what is documented."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.orders.support.http import Answer, Server, body_of, problem

from banyan.entrypoints.http.openapi import document, public_routes
from banyan.errors import ConfigurationError
from banyan.http import CurrentCall, Router, requires
from orders import DOMAIN

APPROVE = ("ledger/approve", "ledger/admin")
PATH = "/transfers/t-1/approve"

commands = Router()
queries = Router()


@commands.post("/transfers/<transferId>/approve", operation_id="approve", security=requires(*APPROVE))
def approve(transferId: str, body: dict[str, int], call: CurrentCall) -> dict[str, str]:  # noqa: N803
    return {"transfer": transferId, "by": call.caller.actor, "said": ", ".join(body)}


@commands.put("/transfers/<transferId>/approve", operation_id="undo", security=requires("ledger/undo"))
def undo(transferId: str) -> dict[str, str]:  # noqa: N803
    return {"undone": transferId}


@commands.post("/transfers/all/approve", operation_id="approveAll")
def approve_all() -> dict[str, str]:
    return {"transfer": "all"}


@pytest.fixture
def server() -> Server:
    return Server(commands=commands)


def ask(server: Server, granted: dict[str, Any], path: str = PATH, body: Any = None, **headers: str) -> Answer:
    return server.post(
        path, {} if body is None else body, claims={"sub": "alice", "tenant": "acme", **granted}, **headers
    )


@pytest.mark.parametrize(
    "granted",
    [{"scope": "ledger/approve"}, {"scp": "[openid ledger/approve]"}, {"scope": "openid", "scp": "ledger/admin"}],
)
def test_one_of_the_scopes_is_enough(server: Server, granted: dict[str, str]) -> None:
    assert body_of(ask(server, granted)) == {"transfer": "t-1", "by": "alice", "said": ""}


@pytest.mark.parametrize(("scope", "statuses"), [("ledger/undo", (403, 200)), ("ledger/approve", (200, 403))])
def test_methods_of_one_path_have_scopes_of_their_own(server: Server, scope: str, statuses: tuple[int, int]) -> None:
    claims = {"sub": "alice", "tenant": "acme", "scope": scope}
    answers = [server.send(method, PATH, {}, claims=claims) for method in ("POST", "PUT")]
    assert tuple(answer["statusCode"] for answer in answers) == statuses


@pytest.mark.parametrize(
    "granted", [{}, {"scope": "null"}, {"scope": "ledger"}, {"scope": "ledger/approver"}, {"scp": "[ledger/read]"}]
)
def test_without_one_the_caller_learns_which_would_do_and_nothing_of_its_body(
    server: Server, granted: dict[str, str]
) -> None:
    answer = ask(server, granted, body={"valid": "no"})
    assert problem(answer) == (403, "forbidden_scope")
    assert body_of(answer)["scopes"] == list(APPROVE)
    assert all(repr(scope) in body_of(answer)["detail"] for scope in APPROVE)


def test_a_refusal_is_not_kept_under_the_key_of_its_request(server: Server) -> None:
    assert problem(ask(server, {}, idempotency_key="k-1")) == (403, "forbidden_scope")
    assert ask(server, {"scope": "ledger/approve"}, idempotency_key="k-1")["statusCode"] == 200
    assert problem(ask(server, {}, idempotency_key="k-1")) == (403, "forbidden_scope")


def test_a_route_of_its_own_path_takes_any_token_of_a_tenant(server: Server) -> None:
    assert body_of(ask(server, {}, "/transfers/all/approve")) == {"transfer": "all"}


def test_the_document_shows_the_scopes_of_a_route() -> None:
    domain = replace(DOMAIN, routes=__name__)
    described = json.loads(document(domain, public_routes(domain, checks={})))["paths"]
    scoped = described["/transfers/{transferId}/approve"]["post"]
    assert scoped["security"] == [{"token": [scope]} for scope in APPROVE]
    assert "security" not in described["/transfers/all/approve"]["post"]


@pytest.mark.parametrize("security", [[{"key": []}], [{"token": ["a", "b"]}], [{"token": []}]])
def test_what_would_not_be_checked_is_refused(security: list[dict[str, list[str]]]) -> None:
    router = Router()
    router.get("/secrets", security=security)(lambda: None)
    with pytest.raises(ConfigurationError, match="GET /secrets"):
        Server(commands=router)
    with pytest.raises(ConfigurationError, match="no scope"):
        requires()
