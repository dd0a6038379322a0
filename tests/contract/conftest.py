"""One store for each engine, on a clock that ticks."""

from __future__ import annotations

import pytest
from tests.engines import Engine
from tests.ledger import REGISTRY
from tests.support import ManualClock

from banyan.store import EventStore


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(engine: Engine, clock: ManualClock) -> EventStore:
    return engine.store(REGISTRY, clock)
