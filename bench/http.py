"""The HTTP API: what a ``POST`` sends and consumes, and how long a list takes when there is more to list."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from http import HTTPStatus
from statistics import median
from typing import Any, Final

from tests.orders.support.http import CONTEXT, ORDER, event
from tests.support.engines import dynamodb_client

from banyan.adapters.settings import Tables
from banyan.bootstrap import Application, bootstrap
from banyan.entrypoints.http.api import Api, command_api, query_api
from banyan.projections.items import state_item
from banyan.projections.views import Generation, StateRow
from banyan.streams import StreamId
from bench.ground import Ground
from bench.results import Figure, Goals, at_most, ratios

TITLE: Final = "HTTP"
USES: Final = ("orders", "rounds")
SHORT: Final = 100
ASKED: Final = 40
BATCH: Final = 25
LISTED: Final = Generation("order_list")

KEYED: Final = "POST /orders with Idempotency-Key"
LIST: Final = "GET /orders: p50 with many orders against p50 with 100"
GOALS: Final[Goals] = {
    f"{KEYED}: requests": at_most(3),
    f"{KEYED}: write units": at_most(3),
    "POST /orders without a key: requests": at_most(2),
    LIST: at_most(1.2),
}


def measure(ground: Ground) -> Sequence[Figure]:
    """Count requests of warm functions, then time lists of both lengths in turn."""
    counted = orders_application(ground.engine.tables, ground.lineup.proxy.endpoint)
    return [*_posts(ground, command_api(counted)), *_lists(ground)]


def orders_application(tables: Tables, endpoint: str) -> Application:
    """The example as a function builds it."""
    names = {f"{name.upper()}_TABLE": getattr(tables, name) for name in type(tables).model_fields}
    return bootstrap({"BANYAN_DOMAIN": "orders", **names}, client=lambda: dynamodb_client(endpoint))


def _posts(ground: Ground, api: Api) -> Iterator[Figure]:
    ground.step("POST /orders")
    for number, what in enumerate(("POST /orders without a key", KEYED)):
        _post(api, f"warm-{number}", number)
        ground.lineup.proxy.clear()
        _post(api, f"counted-{number}", number)
        for kind, value in (
            ("requests", ground.lineup.proxy.requests.total()),
            ("write units", ground.lineup.proxy.write_units),
        ):
            yield Figure(f"{what}: {kind}", [value], "", GOALS.get(f"{what}: {kind}"))


def _post(api: Api, order: str, keyed: int) -> None:
    headers: dict[str, Any] = {"idempotency_key": order} if keyed else {}
    answer = api(event("POST", "/orders", ORDER | {"orderId": order}, **headers), CONTEXT)
    assert answer["statusCode"] == HTTPStatus.CREATED, answer


def _lists(ground: Ground) -> Iterator[Figure]:
    lengths = {"short": SHORT, "long": ground.sizes.orders}
    application = orders_application(ground.engine.tables, ground.endpoint)
    for tenant, length in lengths.items():
        ground.step(f"making {length:,} orders")
        _make_orders(ground, application, tenant, length)
    api = query_api(application)
    times: dict[str, list[float]] = {tenant: [] for tenant in lengths}
    for _ in range(ground.sizes.rounds):
        ground.step("GET /orders")
        for tenant, found in times.items():
            found.append(median(_milliseconds_of_a_list(api, tenant) for _ in range(ASKED)))
    for tenant, length in lengths.items():
        yield Figure(f"GET /orders: p50 with {length:,} orders", times[tenant], "ms")
    yield Figure(LIST, ratios(times["long"], times["short"]), "×", GOALS[LIST])


def _make_orders(ground: Ground, application: Application, tenant: str, count: int) -> None:
    """Project one order, and copy its row under other names."""
    answer = command_api(application)(event("POST", "/orders", ORDER | {"orderId": "o-1"}, tenant=tenant), CONTEXT)
    assert answer["statusCode"] == HTTPStatus.CREATED, answer
    assert not application.processor.project(application.store.commits(StreamId(tenant, "order", "o-1")))
    (row,) = application.views.states(LISTED, [StreamId(tenant, "order", "o-1")]).values()
    puts: list[Any] = [
        {"PutRequest": {"Item": state_item(LISTED, _renamed(row, f"o-{number}"))}} for number in range(2, count + 1)
    ]
    for start in range(0, len(puts), BATCH):
        ground.engine.client.batch_write_item(RequestItems={ground.engine.tables.views: puts[start : start + BATCH]})


def _renamed(row: StateRow, order: str) -> StateRow:
    """The row that another order of the same content has."""
    stream = StreamId(row.stream.tenant, row.stream.entity, order)
    lookups = {index: (partition, sort.replace("o-1", order)) for index, (partition, sort) in row.lookups.items()}
    return replace(row, stream=stream, state=row.state.replace('"o-1"', f'"{order}"'), lookups=lookups)


def _milliseconds_of_a_list(api: Api, tenant: str) -> float:
    begun = time.perf_counter()
    answer = api(event("GET", "/orders", tenant=tenant, query={"customer": "c-1"}), CONTEXT)
    took = (time.perf_counter() - begun) * 1000
    assert answer["statusCode"] == HTTPStatus.OK, answer
    return took
