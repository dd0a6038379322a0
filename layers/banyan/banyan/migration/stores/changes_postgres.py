"""Rows that changed in a PostgreSQL database, whoever changed them, as its triggers tell."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from banyan.migration.stores.connections import Connections
from banyan.migration.stores.rows import LegacyKey, nameable
from banyan.reconciliation.sides import Changes

CHANGED: Final = """
    SELECT tenant, id, number FROM banyan_changes
    WHERE entity = %s AND number > seen AND changed_at <= %s ORDER BY number LIMIT %s"""
SEEN: Final = """
    UPDATE banyan_changes AS changes SET seen = told.number
    FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS told(tenant, id, number)
    WHERE changes.entity = %s AND changes.tenant = told.tenant AND changes.id = told.id"""


class PostgresChanges:
    """A ``Feed`` of the rows that a trigger saw changing.

    Parameters
    ----------
    connections : Connections
    entity : str
    """

    def __init__(self, connections: Connections, entity: str) -> None:
        self._connections = connections
        self._entity = entity

    def changed(self, before: datetime, limit: int) -> Changes:
        """As in ``Feed``; rows that no stream can be named after are passed over."""
        while True:
            with self._connections.transaction() as cursor:
                cursor.execute(CHANGED, (self._entity, before, limit))
                found = cursor.fetchall()
            streams = [nameable(LegacyKey(tenant, id), self._entity) for tenant, id, _ in found]
            changes = Changes(tuple(map(str, filter(None, streams))), found)
            if changes.ids or not found:
                return changes
            self.seen(changes)

    def seen(self, changes: Changes) -> None:
        """As in ``Feed``: a row that changed again has a higher number, and stays."""
        told: Any = changes.receipt
        with self._connections.transaction() as cursor:
            cursor.execute(SEEN, (*map(list, zip(*told, strict=True)), self._entity))

    def rewind(self) -> None:
        """As in ``Feed``: triggers know of nothing but changes."""
