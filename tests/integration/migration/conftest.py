"""Worlds of both kinds of legacy system, on both engines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.conftest import LOCAL
from tests.engines import DynamoDBEngine
from tests.integration.migration.world import World
from tests.legacies import OnDynamoDB


@pytest.fixture(params=["postgres", "dynamodb"])
def kind(request: pytest.FixtureRequest) -> str:
    """Kind of the legacy system."""
    return str(request.param)


@pytest.fixture(params=["moto", LOCAL])
def world(request: pytest.FixtureRequest, kind: str) -> Iterator[World]:
    """A legacy system and an event table."""
    engine: DynamoDBEngine = request.getfixturevalue(request.param)
    legacy = request.getfixturevalue("postgres") if kind == "postgres" else OnDynamoDB(engine)
    made = World(engine, legacy)
    yield made
    made.close()


@pytest.fixture(params=["postgres", pytest.param("dynamodb", marks=pytest.mark.dynamodb_local)])
def mortal(request: pytest.FixtureRequest) -> Iterator[World]:
    """A world to kill processes in: transactions of two DynamoDB tables on the exact engine, others on the fast one."""
    engine: DynamoDBEngine = request.getfixturevalue("moto" if request.param == "postgres" else "dynamodb_local")
    legacy = request.getfixturevalue("postgres") if request.param == "postgres" else OnDynamoDB(engine)
    made = World(engine, legacy)
    yield made
    made.close()


@pytest.fixture
def moto_world(request: pytest.FixtureRequest, moto: DynamoDBEngine, kind: str) -> Iterator[World]:
    """A world on the fast engine."""
    made = World(moto, request.getfixturevalue("postgres") if kind == "postgres" else OnDynamoDB(moto))
    yield made
    made.close()
