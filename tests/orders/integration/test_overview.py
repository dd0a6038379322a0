"""The overview: what needs a person, in one answer that is cheap enough to be asked for every few seconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from tests.orders.support.http import body_of
from tests.orders.support.platform import InProcessPlatform
from tests.orders.unit.http.test_openapi import DOCUMENT
from tests.support.engines import LISTED, DynamoDBEngine

PATH = "/admin/overview"


@pytest.fixture
def platform(dynamodb: DynamoDBEngine) -> InProcessPlatform:
    """Two orders, everywhere applied."""
    platform = InProcessPlatform(dynamodb, poisoned="poison")
    for order in ("o-1", "o-2"):
        platform.order(order)
    platform.deliver()
    platform.react()
    return platform


def shown(platform: InProcessPlatform) -> Any:
    """The overview, which must be as it is documented."""
    answer = platform.ask(PATH)
    assert answer["statusCode"] == 200, answer
    schema = DOCUMENT["paths"][PATH]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    OAS31Validator({**schema, "components": DOCUMENT["components"]}).validate(body_of(answer))
    return body_of(answer)


def attention(platform: InProcessPlatform) -> list[tuple[str, str]]:
    """What needs a person, and what helps."""
    return [(each["code"], each["action"]) for each in shown(platform)["attention"]]


@contextmanager
def counted(engine: DynamoDBEngine) -> Iterator[Counter[str]]:
    """The requests to DynamoDB, by their operation."""
    requests = Counter[str]()

    def count(model: Any, **_: Any) -> None:
        requests[model.name] += 1

    engine.client.meta.events.register("before-call.dynamodb", count)
    yield requests
    engine.client.meta.events.unregister("before-call.dynamodb", count)


def test_what_works_needs_no_one(platform: InProcessPlatform) -> None:
    found = shown(platform)
    assert (found["attention"], found["unavailable"]) == ([], {})
    assert (found["migration"], found["ingest"], found["reconciliation"]) == (None, None, {"run": None, "latest": None})
    assert [each["projection"] for each in found["projections"]][-1] == "reactor"
    assert {each["lag"]["events"] for each in found["projections"]} == {0}
    assert found["deadlines"]["waiting"] == 2
    rate = found["rate"]
    assert (rate["commits"], rate["events"], rate["seconds"], rate["complete"]) == (2, 2, 60.0, True)
    platform.clock.now += timedelta(minutes=2)
    assert shown(platform)["rate"]["commits"] == 0


def test_a_look_costs_a_number_of_requests_that_does_not_grow(
    platform: InProcessPlatform, dynamodb: DynamoDBEngine
) -> None:
    shown(platform)
    with counted(dynamodb) as few:
        shown(platform)
    for number in range(60):
        platform.order(f"more-{number}")
    platform.deliver()
    platform.react()
    with counted(dynamodb) as many:
        shown(platform)
    per_projection = 3 * len(platform.app.operations.names)
    assert few.total() <= 2 * LISTED + per_projection + 12
    assert many.total() <= few.total() + LISTED, "more pages of deadlines that wait"
