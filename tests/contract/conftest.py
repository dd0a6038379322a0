"""One store for each engine, on a clock that ticks."""

from __future__ import annotations

import pytest
from tests.conftest import LOCAL, MOTO
from tests.support.clocks import ManualClock
from tests.support.engines import DynamoDBEngine, Engine
from tests.support.ledger import REGISTRY

from banyan.store import EventStore


@pytest.fixture(params=[MOTO, LOCAL])
def dynamodb(request: pytest.FixtureRequest) -> DynamoDBEngine:
    """Each engine that speaks DynamoDB's protocol."""
    chosen: DynamoDBEngine = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(engine: Engine, clock: ManualClock) -> EventStore:
    return engine.store(REGISTRY, clock)
