"""Everything that goes wrong is a problem document with a stable code, and tells no more than it should."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Annotated, Any
from unittest.mock import Mock
from uuid import uuid4

import pytest
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.logging import Logger
from tests.orders.support.http import ITEM, OPERATOR, ORDER, Answer, Server, body_of, problem

from banyan.adapters import observability
from banyan.entrypoints.http.problems import Contention, PreconditionFailed, problem_of
from banyan.errors import CommitTooLarge, ConcurrencyError, InvalidStreamId, StoreUnavailable, StreamCorrupted
from banyan.events import CamelModel
from banyan.http import Router
from banyan.streams import StreamId

STREAM = StreamId("acme", "order", "o-1")


@pytest.fixture
def server() -> Server:
    server = Server()
    server.post("/orders", ORDER)
    return server


DAYS = {"from": "2011-01-01", "to": "2011-01-02"}
SHOWN = {"orderId": "o-1", "minVersion": 1}

REQUESTS: list[tuple[str, int, str, str | None, Callable[[Server], Answer]]] = [
    ("broken body", 400, "malformed_json", None, lambda s: s.post("/orders", "{")),
    ("foreign cursor", 400, "invalid_cursor", "cursor", lambda s: s.get("/orders", query={"cursor": "abc"})),
    (
        "cursor of other days",
        400,
        "invalid_cursor",
        "cursor",
        lambda s: s.get("/sales/daily", query={**DAYS, "cursor": "abc"}),
    ),
    ("no such direction", 400, "invalid_order", "order", lambda s: s.get("/orders", query={"order": "up"})),
    (
        "no direction of days",
        400,
        "invalid_order",
        "order",
        lambda s: s.get("/sales/daily", query={**DAYS, "order": ""}),
    ),
    (
        "version of what",
        400,
        "order_missing",
        "orderId",
        lambda s: s.get("/sales/daily", query={**DAYS, "minVersion": 1}),
    ),
    ("totals lag", 503, "read_model_lagging", None, lambda s: s.get("/customers/c-1/totals", query=SHOWN)),
    ("days lag", 503, "read_model_lagging", None, lambda s: s.get("/sales/daily", query={**DAYS, **SHOWN})),
    (
        "backwards",
        422,
        "invalid_range",
        "to",
        lambda s: s.get("/orders", query={"from": "2011-01-02", "to": "2011-01-01"}),
    ),
    (
        "a parameter of another name",
        400,
        "unknown_parameter",
        "customerId",
        lambda s: s.get("/orders", query={"customerId": "c-1"}),
    ),
    (
        "a parameter of no query",
        400,
        "unknown_parameter",
        "dry",
        lambda s: s.post("/orders/o-1/items", ITEM, query={"dry": 1}),
    ),
    (
        "a parameter of no operator",
        400,
        "unknown_parameter",
        "Limit",
        lambda s: s.get("/admin/reconciliation/reports", query={"Limit": 1}, claims=OPERATOR),
    ),
    ("no token", 401, "unauthorized", None, lambda s: s.get("/orders", tenant=None)),
    ("engine's tenant", 403, "forbidden_tenant", None, lambda s: s.get("/orders", tenant="_system")),
    ("no route", 404, "not_found", None, lambda s: s.get("/invoices")),
    ("no such method", 404, "not_found", None, lambda s: s.send("DELETE", "/orders/o-1")),
    ("query to the command function", 404, "not_found", None, lambda s: s.send("PUT", "/orders")),
    ("no order to read", 404, "order_not_found", None, lambda s: s.get("/orders/o-2")),
    ("no order to read lately", 404, "order_not_found", None, lambda s: s.get("/orders/o-2", query={"minVersion": 1})),
    ("no order to look back at", 404, "order_not_found", None, lambda s: s.get("/orders/o-2", query={"atVersion": 1})),
    ("no events", 404, "order_not_found", None, lambda s: s.get("/orders/o-2/events")),
    ("no order to change", 404, "order_not_found", None, lambda s: s.post("/orders/o-2/items", ITEM)),
    ("version to come", 404, "version_not_found", "atVersion", lambda s: s.get("/orders/o-1", query={"atVersion": 2})),
    ("order again", 409, "order_exists", None, lambda s: s.post("/orders", ORDER)),
    ("other version", 412, "version_conflict", None, lambda s: s.post("/orders/o-1/items", ITEM, if_match='"7"')),
    ("version not there", 409, "version_not_reached", None, lambda s: s.get("/orders/o-1", query={"minVersion": 2})),
    ("coded body", 415, "unsupported_encoding", None, lambda s: s.post("/orders", ORDER, content_encoding="br")),
    ("large body", 413, "body_too_large", None, lambda s: s.post("/orders", " " * 300_000)),
    ("no items", 422, "order_empty", "items", lambda s: s.post("/orders", {**ORDER, "orderId": "o-2", "items": []})),
    ("wrong amount", 422, "amount_mismatch", "amount", lambda s: s.post("/orders/o-1/pay", {"amount": 1})),
    ("missing body", 422, "invalid_input", "sku", lambda s: s.post("/orders/o-1/items")),
    (
        "unknown field",
        422,
        "invalid_input",
        "tenant",
        lambda s: s.post("/orders/o-1/items", {**ITEM, "tenant": "other"}),
    ),
    (
        "nested field",
        422,
        "invalid_input",
        "items.1.price",
        lambda s: s.post("/orders", {**ORDER, "items": [ITEM, {**ITEM, "price": "x"}]}),
    ),
    ("id in the body", 422, "invalid_input", "orderId", lambda s: s.post("/orders", {**ORDER, "orderId": "a:b"})),
    ("id in the path", 422, "invalid_id", "orderId", lambda s: s.get("/orders/a:b")),
    ("long id in the path", 422, "invalid_id", "orderId", lambda s: s.get("/orders/" + "x" * 600)),
    ("id of a command", 422, "invalid_id", "orderId", lambda s: s.post("/orders/-/items", ITEM)),
    ("customer in the path", 422, "invalid_input", "customerId", lambda s: s.get("/customers/ a/totals")),
    ("limit", 422, "invalid_input", "limit", lambda s: s.get("/orders", query={"limit": 201})),
    ("no number", 422, "invalid_input", "after", lambda s: s.get("/orders/o-1/events", query={"after": "x"})),
    ("status", 422, "invalid_input", "status", lambda s: s.get("/orders", query={"status": "lost"})),
    ("old status", 422, "invalid_input", "status", lambda s: s.get("/orders", query={"status": "open"})),
    ("no total", 422, "invalid_input", "totalAmount", lambda s: s.post("/orders", {**ORDER, "totalAmount": "five"})),
    (
        "other total",
        422,
        "total_mismatch",
        "totalAmount",
        lambda s: s.post("/orders", {**ORDER, "orderId": "o-2", "totalAmount": "5.01"}),
    ),
    ("no time zone", 422, "invalid_input", "at", lambda s: s.get("/orders/o-1", query={"at": "2026-01-01T00:00:00"})),
    ("no moment", 422, "invalid_input", "effectiveAt", lambda s: s.get("/orders/o-1", query={"effectiveAt": "then"})),
    (
        "two times",
        422,
        "ambiguous_time",
        None,
        lambda s: s.get("/orders/o-1", query={"at": "2026-01-01T00:00:00Z", "atVersion": 1}),
    ),
    ("version 0", 422, "invalid_input", "atVersion", lambda s: s.get("/orders/o-1", query={"atVersion": 0})),
    ("no days", 422, "invalid_input", "from", lambda s: s.get("/sales/daily", query={"to": "2011-01-01"})),
    (
        "no such day",
        422,
        "invalid_input",
        "to",
        lambda s: s.get("/sales/daily", query={"from": "2011-01-01", "to": "2011-02-30"}),
    ),
    (
        "seconds for a day",
        422,
        "invalid_input",
        "to",
        lambda s: s.get("/sales/daily", query={"from": "2011-01-01", "to": "1300000000"}),
    ),
    (
        "backward range",
        422,
        "invalid_range",
        "to",
        lambda s: s.get("/sales/daily", query={"from": "2011-01-02", "to": "2011-01-01"}),
    ),
    (
        "long range",
        422,
        "invalid_range",
        "to",
        lambda s: s.get("/sales/daily", query={"from": "2010-01-01", "to": "2011-01-02"}),
    ),
]


@pytest.mark.parametrize(("status", "code", "field", "send"), [r[1:] for r in REQUESTS], ids=[r[0] for r in REQUESTS])
def test_refused_requests(
    server: Server, status: int, code: str, field: str | None, send: Callable[[Server], Answer]
) -> None:
    answer = send(server)
    assert problem(answer) == (status, code)
    assert body_of(answer).get("field") == field
    assert body_of(answer)["type"] == f"urn:banyan:problem:{code}"
    assert server.commits() == 1


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/orders", "known are customer, status, "),
        ("/orders/o-1", "known are minVersion, atVersion, "),
        ("/admin/migration", "none is known"),
    ],
)
def test_a_parameter_that_is_not_known_is_answered_with_those_that_are(server: Server, path: str, known: str) -> None:
    answer = server.get(path, query={"customerId": "c-1"}, claims=OPERATOR)
    assert problem(answer) == (400, "unknown_parameter")
    assert body_of(answer)["detail"].startswith(f"there is no parameter 'customerId' here: {known}")


class Window(CamelModel):
    """Parameters that a route takes together."""

    first_day: int = 1
    days: int = 7


windows = Router()


@windows.post("/windows")
def send_window(window: Annotated[Window, Query()]) -> dict[str, int]:
    return {"first": window.first_day, "days": window.days}


def test_the_fields_of_parameters_that_are_taken_together_are_known() -> None:
    server = Server(commands=windows)
    assert body_of(server.post("/windows", {}, query={"firstDay": 3})) == {"first": 3, "days": 7}
    answer = server.post("/windows", {}, query={"first_day": 3})
    assert problem(answer) == (400, "unknown_parameter")
    assert body_of(answer)["detail"].endswith("known are firstDay, days")


def test_a_status_that_is_not_known_is_answered_with_those_that_are(server: Server) -> None:
    detail = body_of(server.get("/orders", query={"status": "open"}))["detail"]
    assert all(f"'{status}'" in detail for status in ("created", "paid", "cancelled")), detail


@pytest.mark.parametrize(
    ("moment", "hint"),
    [
        ("2026-01-01T00:00:00 01:00", "write + as %2B"),
        ("2026-01-01T00:00:00Z,2026-01-02T00:00:00Z", "give it once"),
        ("then", "such as 2010-12-01T08:26:00Z"),
        ("next monday", "such as 2010-12-01T08:26:00Z"),
        ("2026", "such as 2010-12-01T08:26:00Z"),
        ("2026-01-01", "such as 2010-12-01T08:26:00Z"),
        ("2026-01-01T00:00:00", "such as 2010-12-01T08:26:00Z"),
        ("2026-02-30T00:00:00Z", "there is no such moment"),
    ],
)
@pytest.mark.parametrize("name", ["at", "effectiveAt"])
def test_a_moment_that_did_not_arrive_as_it_was_meant(server: Server, name: str, moment: str, hint: str) -> None:
    detail = body_of(server.get("/orders/o-1", query={name: moment}))["detail"]
    assert detail.endswith(hint), detail


def test_a_range_that_is_refused_names_its_parameters(server: Server) -> None:
    answer = server.get("/sales/daily", query={"from": "2011-01-02", "to": "2011-01-01"})
    assert body_of(answer)["detail"] == "'to' must lie 0 to 365 days after 'from'"


def test_who_lost_to_others_is_asked_to_send_the_request_again() -> None:
    assert problem_of(Contention(STREAM, 1, 2)).detail.endswith("send the request again a little later")
    assert problem_of(PreconditionFailed(STREAM, 1, 2)).detail.endswith("load it again and decide again")


def test_all_faults_of_a_body_are_named_at_once(server: Server) -> None:
    answer = server.post("/orders", {"items": [{"sku": "A", "quantity": "two", "price": 1}]})
    assert [error["field"] for error in body_of(answer)["errors"]] == ["customerId", "items.0.quantity"]


def test_a_range_of_a_leap_year_fits(server: Server) -> None:
    assert server.get("/sales/daily", query={"from": "2012-01-01", "to": "2012-12-31"})["statusCode"] == 200


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (CommitTooLarge("5 MB"), 413, "commit_too_large"),
        (InvalidStreamId("a:b"), 422, "invalid_id"),
        (ConcurrencyError(STREAM, 1, 2), 409, "version_conflict"),
        (Contention(STREAM, 1, 2), 409, "version_conflict"),
        (PreconditionFailed(STREAM, 1, 2), 412, "version_conflict"),
        (StoreUnavailable("no answer"), 503, "unavailable"),
        (StreamCorrupted(STREAM, 3, "a gap"), 500, "internal"),
        (KeyError("secret"), 500, "internal"),
    ],
)
def test_errors_of_the_engine(error: Exception, status: int, code: str) -> None:
    found = problem_of(error)
    assert (found.status, found.code) == (status, code)
    assert ("Retry-After" in found.headers) is isinstance(error, Contention | StoreUnavailable)


class Broken:
    """Takes the place of a store and fails at every use."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        return Mock(side_effect=self._error)


def broken(error: Exception) -> Server:
    return Server(table=Broken(error), views=Broken(error))


def test_a_failure_within_says_nothing_of_itself(capsys: pytest.CaptureFixture[str]) -> None:
    answer = broken(RuntimeError("password of acme")).get("/orders/o-1", X_Correlation_Id="find-me")
    assert problem(answer) == (500, "internal")
    assert "password" not in json.dumps(answer) + capsys.readouterr().out
    assert answer["headers"]["X-Correlation-Id"] == "find-me"


def test_a_database_that_does_not_answer_may_be_asked_again() -> None:
    server = broken(StoreUnavailable("throttled at host db-7"))
    for answer in (server.get("/orders/o-1"), server.post("/orders", ORDER), server.get("/health", tenant=None)):
        assert problem(answer) == (503, "unavailable")
        assert answer["headers"]["Retry-After"] == "1"
        assert "db-7" not in answer["body"]


def test_a_failure_is_logged_with_the_correlation_id(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Logger(service=f"test-{uuid4()}", stream=sys.stdout)
    monkeypatch.setattr(observability, "logger", lambda: log)
    server = Server(records=Broken(StoreUnavailable("throttled")))
    server.post("/orders", ORDER, X_Correlation_Id="before-the-route", idempotency_key="k")
    broken(RuntimeError()).get("/orders/o-1", X_Correlation_Id="in-the-route")
    logged = [json.loads(line)["correlation_id"] for line in capsys.readouterr().out.splitlines()]
    assert logged == ["before-the-route", "in-the-route"]


def test_health_fails_with_the_tables_whatever_their_error() -> None:
    assert problem(broken(RuntimeError("no such table")).get("/health", tenant=None)) == (503, "unavailable")


def test_a_read_model_that_lags_says_how_far_it_is_and_when_to_ask_again(server: Server) -> None:
    answer = server.get("/customers/c-1/totals", query=SHOWN)
    body = body_of(answer)
    assert (answer["headers"]["Retry-After"], body["expected"], body["actual"]) == ("1", 1, 0)
    server.project("o-1")
    assert body_of(server.get("/customers/c-1/totals", query=SHOWN))["orders"] == 1
