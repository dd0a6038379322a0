"""The port of an old program: it knows rows, and nothing of events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from orders.legacy import LegacyOrder


class Program(Protocol):
    """A program that reads and writes the legacy store directly."""

    def close(self) -> None:
        """Let go of connections."""

    def create(self) -> None:
        """Create the tables that are missing."""

    def insert(self, tenant: str, row: LegacyOrder) -> None:
        """Insert an order, unless there is one with its id."""

    def update(self, tenant: str, order_id: str, column: str, value: str) -> None:
        """Change one column of an order."""

    def rows(self, tenant: str) -> Mapping[str, LegacyOrder]:
        """Return every order of a tenant, by id."""
