"""Worlds of both kinds of legacy system, on both engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial

import pytest
from tests.conftest import LOCAL
from tests.orders.support.legacies import OnDynamoDB, OnPostgres
from tests.orders.support.migration import MigrationFixture
from tests.support.engines import DynamoDBEngine, local_tables, moto_tables
from tests.support.postgres import Server, database


@pytest.fixture(params=["postgres", "dynamodb"])
def kind(request: pytest.FixtureRequest) -> str:
    """Kind of the legacy system."""
    return str(request.param)


slow_on_postgres = pytest.mark.parametrize(
    "kind", [pytest.param("postgres", marks=pytest.mark.slow), "dynamodb"], indirect=True
)
"""For tests that try every step: `make test` runs them on DynamoDB, `make test-slow` on PostgreSQL too."""


@pytest.fixture(params=["moto", LOCAL])
def migrating(request: pytest.FixtureRequest, kind: str) -> Iterator[MigrationFixture]:
    """A legacy system and an event table."""
    engine: DynamoDBEngine = request.getfixturevalue(request.param)
    legacy = request.getfixturevalue("postgres") if kind == "postgres" else OnDynamoDB(engine)
    made = MigrationFixture(engine, legacy)
    yield made
    made.close()


@pytest.fixture(
    params=[
        pytest.param("postgres", marks=pytest.mark.slow),
        pytest.param("dynamodb", marks=pytest.mark.dynamodb_local),
    ]
)
def born(request: pytest.FixtureRequest) -> Callable[[], AbstractContextManager[MigrationFixture]]:
    """Makes worlds to kill processes in: transactions of two DynamoDB tables on the exact engine, others in moto."""
    if request.param == "dynamodb":
        return partial(_on_dynamodb, request.getfixturevalue("dynamodb_local_endpoint"))
    return partial(_on_postgres, request.getfixturevalue("postgres_server"))


@pytest.fixture
def mortal(born: Callable[[], AbstractContextManager[MigrationFixture]]) -> Iterator[MigrationFixture]:
    """One of them."""
    with born() as migrating:
        yield migrating


@contextmanager
def _on_dynamodb(endpoint: str) -> Iterator[MigrationFixture]:
    with local_tables(endpoint) as engine, closing(MigrationFixture(engine, OnDynamoDB(engine))) as migrating:
        yield migrating


@contextmanager
def _on_postgres(server: Server) -> Iterator[MigrationFixture]:
    with moto_tables() as engine, database(server) as url:
        legacy = OnPostgres(url)
        with closing(legacy.connections), closing(MigrationFixture(engine, legacy)) as migrating:
            yield migrating


@pytest.fixture
def moto_migration(request: pytest.FixtureRequest, moto: DynamoDBEngine, kind: str) -> Iterator[MigrationFixture]:
    """A migration on the fast engine."""
    made = MigrationFixture(moto, request.getfixturevalue("postgres") if kind == "postgres" else OnDynamoDB(moto))
    yield made
    made.close()
