"""No route lets one tenant read or write what is another's, however the request names it (I7)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.orders.support.documented import DOCUMENT
from tests.orders.support.http import ITEM, ORDER, Answer, Server, body_of, problem

from banyan.store import Commit
from banyan.streams import StreamId

ROUTES = sorted(
    (method.upper(), path)
    for path, methods in DOCUMENT["paths"].items()
    for method in methods
    if not path.startswith("/admin/")
)
PRIVATE = [(method, path) for method, path in ROUTES if DOCUMENT["paths"][path][method.lower()].get("security") != []]

DAY = "2010-12-01"
VICTIM = {
    "orderId": "o-1",
    "customerId": "victim-customer",
    "items": [{"sku": "VICTIM-SKU", "quantity": 7, "price": "11.11"}],
}
SECRETS = ("victim-customer", "VICTIM-SKU", "77.77", "11.11", "424242")
BODIES: dict[str, Any] = {
    "/orders": ORDER,
    "/orders/{orderId}/items": ITEM,
    "/orders/{orderId}/pay": {"amount": "77.77"},
    "/orders/{orderId}/cancel": {"reason": "mine now"},
    "/inventory/{sku}/receive": {"quantity": 1},
}
QUERIES: dict[str, list[dict[str, Any]]] = {
    "/orders": [
        {},
        {"customer": "victim-customer"},
        {"status": "paid"},
        {"customer": "victim-customer", "status": "paid"},
    ],
    "/orders/{orderId}": [
        {},
        {"minVersion": 1},
        {"atVersion": 1},
        {"at": "2030-01-01T00:00:00Z"},
        {"effectiveAt": "2030-01-01T00:00:00Z"},
    ],
    "/sales/daily": [{"from": DAY, "to": DAY}],
}
NAMES_OF_THE_VICTIM: list[dict[str, Any]] = [
    {},
    {"X-Tenant": "victim", "Tenant": "victim", "X-Tenant-Id": "victim"},
    {"query": {"tenant": "victim"}},
    {"Authorization": "Bearer victim"},
]


@pytest.fixture
def server() -> Server:
    """A server on which the tenant ``victim`` has a paid order and some tea, and ``acme`` has nothing."""
    server = Server()
    stocked = ("/inventory/tea/receive", {"quantity": 424242})
    for path, body in (("/orders", VICTIM), ("/orders/o-1/pay", {"amount": "77.77"}), stocked):
        assert server.post(path, body, tenant="victim", X_Occurred_At=f"{DAY}T12:00:00Z")["statusCode"] < 300
    server.project("o-1", "victim")
    return server


def stored(server: Server) -> list[Commit]:
    streams = StreamId("victim", "order", "o-1"), StreamId("victim", "inventory", "sku.tea")
    return [commit for stream in streams for commit in server.store.commits(stream)]


def named(path: str) -> str:
    """A path that names what the victim has."""
    return path.replace("{orderId}", "o-1").replace("{customerId}", "victim-customer").replace("{sku}", "tea")


def requests(server: Server, method: str, path: str, tenant: str, more: dict[str, Any]) -> list[Answer]:
    extra = dict(more)
    asked = extra.pop("query", {})
    return [
        server.send(
            method,
            named(path),
            BODIES.get(path) if method != "GET" else None,
            tenant=tenant,
            query={**query, **asked},
            **extra,
        )
        for query in (QUERIES.get(path, [{}]) if method == "GET" else [{}])
    ]


def test_the_routes_are_known() -> None:
    """A new route needs a body or a query above when the empty one does not reach its data."""
    assert len(ROUTES) == 13
    assert {path for method, path in PRIVATE if method == "POST"} == BODIES.keys()
    assert {path for _, path in ROUTES} - {path for _, path in PRIVATE} == {"/health", "/openapi.json"}


@pytest.mark.parametrize(("method", "path"), PRIVATE)
@pytest.mark.parametrize("more", NAMES_OF_THE_VICTIM)
def test_another_tenant_neither_sees_nor_changes_anything(
    server: Server, method: str, path: str, more: dict[str, Any]
) -> None:
    before, unknown = stored(server), "query" in more
    for answer in requests(server, method, path, "acme", more):
        hidden = answer["body"].replace('"customerId":"victim-customer","orders":0', "")
        assert not [secret for secret in SECRETS if secret in hidden], answer
        assert answer["statusCode"] in ((400,) if unknown else (200, 201, 404, 422))
    assert stored(server) == before
    assert server.store.get_stream_version(StreamId("acme", "order", "o-1")) == (
        1 if path == "/orders" and method == "POST" and not unknown else 0
    )


@pytest.mark.parametrize(("method", "path"), [route for route in PRIVATE if route[0] == "GET"])
def test_the_owner_sees_what_the_other_does_not(server: Server, method: str, path: str) -> None:
    for answer in requests(server, method, path, "victim", {}):
        assert answer["statusCode"] == 200
        assert [secret for secret in SECRETS if secret in answer["body"]]


@pytest.mark.parametrize(("method", "path"), PRIVATE)
@pytest.mark.parametrize(
    ("claims", "expected"), [(None, (401, "unauthorized")), ({"sub": "u"}, (403, "forbidden_tenant"))]
)
def test_without_a_tenant_nothing_is_done(server: Server, method: str, path: str, claims: Any, expected: Any) -> None:
    before = stored(server)
    answer = server.send(
        method, named(path), {**BODIES.get(path, {}), "tenant": "victim"}, tenant=claims and "victim", claims=claims
    )
    assert problem(answer) == expected
    assert stored(server) == before


@pytest.mark.parametrize(
    "path", ["/orders/victim:order:o-1", "/orders/victim%3Aorder%3Ao-1", "/orders/../victim/o-1", "/victim/orders/o-1"]
)
def test_a_path_names_no_tenant(server: Server, path: str) -> None:
    answer = server.get(path)
    assert answer["statusCode"] in (404, 422)
    assert not [secret for secret in SECRETS if secret in answer["body"]]


@pytest.mark.parametrize(
    "body",
    [
        {**ORDER, "tenant": "victim"},
        {**ORDER, "streamId": "victim:order:o-1"},
        {**ORDER, "orderId": "victim:order:o-1"},
    ],
)
def test_a_body_names_no_tenant(server: Server, body: Any) -> None:
    before = stored(server)
    assert server.post("/orders", body)["statusCode"] == 422
    assert stored(server) == before


def test_a_cursor_of_another_tenant_is_refused(server: Server) -> None:
    assert server.post("/orders", {**VICTIM, "orderId": "o-2"}, tenant="victim")["statusCode"] == 201
    server.project("o-2", "victim")
    cursor = body_of(server.get("/orders", tenant="victim", query={"limit": 1}))["cursor"]
    assert cursor
    assert problem(server.get("/orders", query={"limit": 1, "cursor": cursor})) == (400, "invalid_cursor")


def test_tenants_share_neither_idempotency_keys_nor_made_up_ids(server: Server) -> None:
    body = {"customerId": "c", "items": [ITEM]}
    answers = [server.post("/orders", body, tenant=tenant, idempotency_key="same") for tenant in ("acme", "victim")]
    assert [answer["statusCode"] for answer in answers] == [201, 201]
    assert len({body_of(answer)["orderId"] for answer in answers}) == 2
    assert not [answer for answer in answers if "Idempotency-Replayed" in answer["headers"]]
