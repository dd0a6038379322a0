"""A legacy system of the example, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.orders.support.legacies import OnPostgres
from tests.support.postgres import Server, database


@pytest.fixture(autouse=True)
def _orders(monkeypatch: pytest.MonkeyPatch) -> None:
    """The domain that functions serve."""
    monkeypatch.setenv("BANYAN_DOMAIN", "orders")


@pytest.fixture
def postgres(postgres_server: Server) -> Iterator[OnPostgres]:
    """A legacy system in a schema of its own."""
    with database(postgres_server) as url:
        legacy = OnPostgres(url)
        yield legacy
        legacy.connections.close()
