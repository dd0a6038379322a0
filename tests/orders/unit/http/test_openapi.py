"""The OpenAPI document is valid, served, and says what the routes do."""

from __future__ import annotations

from typing import Any

from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from tests.orders.support.documented import DOCUMENT, KEPT
from tests.orders.support.http import ITEM, ORDER, Server, body_of

from banyan_tools.openapi import described


def test_the_kept_document_has_not_drifted() -> None:
    assert KEPT.read_text() == described(), "run `make openapi` and commit docs/openapi.json"


def test_the_document_is_valid_and_served_as_it_is_kept() -> None:
    validate(DOCUMENT)
    answer = Server().get("/openapi.json", tenant=None)
    assert (answer["statusCode"], answer["headers"]["Content-Type"]) == (200, "application/json")
    assert answer["body"] == described()


def test_only_health_and_the_document_need_no_token() -> None:
    assert DOCUMENT["security"] == [{"token": []}]
    public = {path for path, methods in DOCUMENT["paths"].items() for o in methods.values() if o.get("security") == []}
    assert public == {"/health", "/openapi.json"}


def test_commands_and_queries_name_their_headers() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            names = {p["$ref"].rsplit("/", 1)[1] for p in operation["parameters"] if "$ref" in p}
            assert "X-Correlation-Id" in names
            assert ("Idempotency-Key" in names) is (method != "get" and not path.startswith("/admin/")), path


def test_money_is_described_as_text_in_answers() -> None:
    assert DOCUMENT["components"]["schemas"]["CommandAnswer"]["properties"]["totalAmount"]["type"] == "string"


def schema(path: str, method: str, status: str) -> Any:
    content = DOCUMENT["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
    return {**content, "components": DOCUMENT["components"]}


def test_answers_fit_their_schemas() -> None:
    server = Server()
    answers = [
        ("/orders", "post", "201", server.post("/orders", ORDER)),
        ("/orders/{orderId}/items", "post", "200", server.post("/orders/o-1/items", ITEM)),
        ("/orders/{orderId}/pay", "post", "200", server.post("/orders/o-1/pay", {"amount": 10})),
    ]
    server.project()
    days = {"from": "2026-01-01", "to": "2026-01-31"}
    answers += [
        ("/orders/{orderId}", "get", "200", server.get("/orders/o-1")),
        ("/orders/{orderId}/events", "get", "200", server.get("/orders/o-1/events")),
        ("/orders", "get", "200", server.get("/orders")),
        ("/customers/{customerId}/totals", "get", "200", server.get("/customers/c-1/totals")),
        ("/sales/daily", "get", "200", server.get("/sales/daily", query=days)),
        ("/health", "get", "200", server.get("/health", tenant=None)),
    ]
    for path, method, status, answer in answers:
        OAS31Validator(schema(path, method, status)).validate(body_of(answer))
    refused = {**DOCUMENT["components"]["schemas"]["Problem"], "components": DOCUMENT["components"]}
    OAS31Validator(refused).validate(body_of(server.post("/orders", {"items": 1})))
