"""The API functions as Lambda calls them, on tables made from the template."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from tests.orders.support.http import CONTEXT, ITEM, ORDER, Answer, body_of, event, problem
from tests.support.clocks import PATIENCE
from tests.support.engines import DynamoDBEngine
from tests.support.wire import Capacity, Fault, delivered, lost_answer, lost_request, refused

from banyan.bootstrap import bootstrap
from banyan.entrypoints.http import idempotency
from banyan.projections.processor import ProjectionProcessor
from banyan.store.eventstore import write_snapshot
from banyan.streams import StreamId

FUNCTIONS = Path(__file__).parents[3] / "functions"

Send = Callable[..., Answer]


def load(name: str, engine: DynamoDBEngine | None = None) -> Any:
    """A function's module, freshly imported as in a new container; its tables are an engine's."""
    spec = importlib.util.spec_from_file_location(f"{name}_app", FUNCTIONS / name / "app.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if engine:
        vars(module)["bootstrap"] = partial(bootstrap, client=lambda: engine.client)
    return module


@pytest.fixture
def environment(dynamodb: DynamoDBEngine, monkeypatch: pytest.MonkeyPatch) -> DynamoDBEngine:
    for name, table in dynamodb.tables.model_dump().items():
        monkeypatch.setenv(f"{name.upper()}_TABLE", table)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "http-test")
    monkeypatch.setenv("BANYAN_MIN_VERSION_WAIT_MS", "0")
    monkeypatch.setenv("BANYAN_CONTROL_CACHE_MS", "60000")
    return dynamodb


@pytest.fixture
def send(environment: DynamoDBEngine) -> Send:
    """Sends requests to freshly started functions."""
    environment.wire.clear()
    commands, queries = load("command_api", environment).handler, load("query_api", environment).handler

    def request(method: str, path: str, body: Any = None, **more: Any) -> Answer:
        answer: Answer = (queries if method == "GET" else commands)(event(method, path, body, **more), CONTEXT)
        return answer

    return request


@pytest.fixture
def project(environment: DynamoDBEngine) -> Callable[[], None]:
    """Brings all read models up to the event table."""

    def run() -> None:
        application = bootstrap(client=lambda: environment.client)
        runner = ProjectionProcessor(application.store, application.views, application.domain.projections)
        for stream in application.store.streams():
            assert not runner.project(application.store.commits(stream))

    return run


def sent(engine: DynamoDBEngine, work: Callable[[], Any]) -> list[str]:
    """The operations that ``work`` asked of DynamoDB."""
    engine.wire.clear()
    work()
    return list(engine.wire.sent)


def test_an_order_over_both_functions(send: Send, project: Callable[[], None]) -> None:
    assert send("POST", "/orders", ORDER)["statusCode"] == 201
    assert send("POST", "/orders/o-1/items", ITEM, if_match='"1"')["statusCode"] == 200
    assert body_of(send("POST", "/orders/o-1/pay", {"amount": "10"}))["version"] == 3
    project()
    found = body_of(send("GET", "/orders/o-1", query={"minVersion": 3}))
    assert (found["servedFrom"], found["status"], found["totalAmount"]) == ("projection", "paid", "10.00")
    assert [
        o["orderId"] for o in body_of(send("GET", "/orders", query={"customer": "c-1", "status": "paid"}))["orders"]
    ] == ["o-1"]
    assert body_of(send("GET", "/customers/c-1/totals"))["paidAmount"] == "10.00"
    assert body_of(send("GET", "/health", tenant=None))["status"] == "ok"


def test_lists_are_paged_and_kept_apart_by_tenant(send: Send, project: Callable[[], None]) -> None:
    for tenant in ("acme", "other"):
        for number in range(5):
            body = {"orderId": f"{tenant}-{number}", "customerId": "same", "items": [ITEM]}
            assert send("POST", "/orders", body, tenant=tenant)["statusCode"] == 201
    project()
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = body_of(send("GET", "/orders", query={"customer": "same", "limit": 2, **cursor}))
        seen += [found["orderId"] for found in page["orders"]]
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}
    assert sorted(seen) == [f"acme-{number}" for number in range(5)]
    assert body_of(send("GET", "/customers/same/totals", tenant="other"))["orders"] == 5


def test_requests_to_the_database_are_counted(
    environment: DynamoDBEngine, send: Send, project: Callable[[], None]
) -> None:
    create = ("POST", "/orders", ORDER)
    send("GET", "/orders/none")
    assert sent(environment, lambda: send(*create, idempotency_key="k")) == ["PutItem", "Query", "PutItem"]
    assert sent(environment, lambda: send(*create, idempotency_key="k")) == ["PutItem", "Query", "Query"]
    assert sent(environment, lambda: send(*create, idempotency_key="r")) == ["PutItem", "Query", "PutItem"]
    assert sent(environment, lambda: send(*create, idempotency_key="r")) == ["PutItem"]
    assert sent(environment, lambda: send("POST", "/orders/o-1/items", ITEM)) == ["Query", "PutItem"]
    project()
    assert sent(environment, lambda: send("GET", "/orders/o-1", query={"minVersion": 2})) == ["BatchGetItem", "Query"]
    assert sent(environment, lambda: send("GET", "/orders")) == ["Query"]
    assert sent(environment, lambda: send("GET", "/openapi.json", tenant=None)) == []


@pytest.mark.parametrize("dynamodb", [pytest.param("dynamodb_local", marks=pytest.mark.dynamodb_local)], indirect=True)
def test_a_command_with_a_key_is_three_requests_and_three_write_units(environment: DynamoDBEngine, send: Send) -> None:
    """A put that is refused does not say what it consumed: it is a unit more for each repeat."""
    capacity = Capacity(environment.client)

    def cost(path: str, body: Any, key: str) -> tuple[list[str], float]:
        capacity.units.clear()
        requests = sent(environment, lambda: send("POST", path, body, idempotency_key=key))
        return requests, capacity.units["PutItem"]

    cold, warm = cost("/orders", ORDER, "k-1"), cost("/orders/o-1/items", ITEM, "k-2")
    assert cold == warm == (["PutItem", "Query", "PutItem"], 3)
    assert cost("/orders", ORDER, "k-1") == (["PutItem", "Query", "Query"], 0)
    assert cost("/orders", ORDER, "refused") == (["PutItem", "Query", "PutItem"], 2)
    assert cost("/orders", ORDER, "refused") == (["PutItem"], 0)


def test_a_repeat_costs_the_same_however_long_the_stream_is(environment: DynamoDBEngine, send: Send) -> None:
    application = bootstrap(client=lambda: environment.client)
    send("POST", "/orders", ORDER)
    for _ in range(230):
        assert send("POST", "/orders/o-1/items", ITEM)["statusCode"] == 200
    write_snapshot(application.store, application.domain.decider("order"), StreamId("acme", "order", "o-1"))
    first = send("POST", "/orders/o-1/items", ITEM, idempotency_key="k")
    again: list[Answer] = []
    repeater = load("command_api", environment).handler
    request = event("POST", "/orders/o-1/items", ITEM, idempotency_key="k")
    assert sent(environment, lambda: again.append(repeater(request, CONTEXT))) == ["PutItem", "Query", "Query"]
    assert [answer["body"] for answer in again] == [first["body"]]


def test_eight_at_once_take_effect_once(
    environment: DynamoDBEngine, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each in a container of its own."""
    monkeypatch.setattr(idempotency, "WAITS_SECONDS", [0.1] * int(10 * PATIENCE))
    handlers = [load("command_api", environment).handler for _ in range(8)]
    send("POST", "/orders", ORDER)
    start = Barrier(8, timeout=PATIENCE)

    def add(handler: Callable[..., Answer]) -> Answer:
        start.wait()
        return handler(event("POST", "/orders/o-1/items", ITEM, idempotency_key="k"), CONTEXT)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(add, handlers))
    assert {(answer["statusCode"], answer["body"], answer["headers"]["ETag"]) for answer in answers} == {
        (200, answers[0]["body"], '"2"')
    }
    assert sum("Idempotency-Replayed" not in answer["headers"] for answer in answers) == 1
    assert len(body_of(send("GET", "/orders/o-1/events"))["events"]) == 2


@pytest.mark.parametrize("fault", [lost_answer, lost_request])
@pytest.mark.parametrize("request_number", range(3))
def test_an_answer_or_a_request_that_is_lost_changes_nothing(
    environment: DynamoDBEngine, send: Send, fault: Fault, request_number: int
) -> None:
    environment.wire.clear()
    environment.wire.inject(*[delivered] * request_number, fault)
    first = send("POST", "/orders", ORDER, idempotency_key="k")
    assert len(environment.wire.sent) == 4
    again = send("POST", "/orders", ORDER, idempotency_key="k")
    assert (again["statusCode"], again["body"]) == (first["statusCode"], first["body"])
    assert first["statusCode"] == 201
    assert len(body_of(send("GET", "/orders/o-1/events"))["events"]) == 1


def test_a_lost_answer_to_the_commit_is_no_conflict(environment: DynamoDBEngine, send: Send) -> None:
    send("POST", "/orders", ORDER)
    environment.wire.inject(lost_answer, on="PutItem")
    assert body_of(send("POST", "/orders/o-1/items", ITEM))["version"] == 2
    assert len(body_of(send("GET", "/orders/o-1/events"))["events"]) == 2


def test_a_throttled_table_is_reported_as_unavailable(environment: DynamoDBEngine, send: Send) -> None:
    environment.wire.inject(*[refused("ProvisionedThroughputExceededException")] * 20, on="PutItem")
    assert problem(send("POST", "/orders", ORDER, idempotency_key="k")) == (503, "unavailable")
    environment.wire.clear()
    assert send("POST", "/orders", ORDER, idempotency_key="k")["statusCode"] == 201


def test_a_container_that_starts_anew_repeats_an_answer(environment: DynamoDBEngine, send: Send) -> None:
    first = send("POST", "/orders", ORDER, idempotency_key="k")
    again = load("command_api", environment).handler(event("POST", "/orders", ORDER, idempotency_key="k"), CONTEXT)
    assert (again["statusCode"], again["body"]) == (first["statusCode"], first["body"])
    assert again["headers"]["Idempotency-Replayed"] == "true"
    assert "authorization" not in json.dumps(environment.client.scan(TableName=environment.tables.idempotency)).lower()


def test_functions_read_no_environment_at_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANYAN_MAX_RETRIES", "none")
    for name in ("command_api", "query_api"):
        assert callable(load(name).handler)


def test_nothing_that_a_caller_sends_is_logged(send: Send, capfd: pytest.CaptureFixture[str]) -> None:
    secret = {"sku": "SECRET-SKU", "quantity": 0, "price": 1}
    send(
        "POST",
        "/orders",
        {**ORDER, "customerId": "SECRET-NAME", "items": [secret]},
        authorization="Bearer SECRET-TOKEN",
        idempotency_key="SECRET-KEY",
    )
    send("GET", "/customers/SECRET-NAME/totals")
    written = capfd.readouterr()
    assert "SECRET" not in written.out + written.err
    assert "ColdStart" in written.out
