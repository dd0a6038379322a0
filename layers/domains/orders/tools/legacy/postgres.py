"""An old program on PostgreSQL: plain statements against the legacy tables."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import psycopg

from banyan.migration.stores.connections import Connections
from banyan.migration.stores.postgres import PostgresLegacy
from orders.legacy import LEGACY, LegacyOrder

COLUMNS = (
    "customer",
    "status",
    "total",
    "payment_method",
    "cancel_reason",
    "refunded",
    "created_at",
    "paid_at",
    "cancelled_at",
)


class OnPostgres:
    """Writes to the tables ``orders`` and ``order_items``.

    Parameters
    ----------
    url : str
        PostgreSQL connection URL.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute("SET timezone = 'UTC'")

    def close(self) -> None:
        self._connection.close()

    def create(self) -> None:
        """Banyan's tables beside them too."""
        with closing(PostgresLegacy(Connections(self._url), LEGACY)) as legacy:
            legacy.install("orders")

    def insert(self, tenant: str, row: LegacyOrder) -> None:
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO orders (tenant, order_id, {', '.join(COLUMNS)})"
                f" VALUES (%s, %s{', %s' * len(COLUMNS)}) ON CONFLICT DO NOTHING",
                [tenant, row.order_id, *(getattr(row, name) for name in COLUMNS)],
            )
            lines = [
                (tenant, row.order_id, number, line.sku, line.quantity, line.price)
                for number, line in enumerate(row.lines, start=1)
            ]
            if cursor.rowcount:
                cursor.executemany("INSERT INTO order_items VALUES (%s, %s, %s, %s, %s, %s)", lines)

    def update(self, tenant: str, order_id: str, column: str, value: str) -> None:
        self._connection.execute(
            f"UPDATE orders SET {column} = %s WHERE tenant = %s AND order_id = %s",
            [value, tenant, order_id],
        )

    def rows(self, tenant: str) -> dict[str, LegacyOrder]:
        lines: dict[str, list[dict[str, Any]]] = {}
        for order_id, sku, quantity, price in self._connection.execute(
            "SELECT order_id, sku, quantity, price FROM order_items WHERE tenant = %s ORDER BY order_id, line", [tenant]
        ):
            lines.setdefault(order_id, []).append({"sku": sku, "quantity": quantity, "price": price})
        orders = self._connection.execute(
            f"SELECT order_id, {', '.join(COLUMNS)} FROM orders WHERE tenant = %s",
            [tenant],
        )
        return {
            id: LegacyOrder(order_id=id, lines=lines.get(id, []), **dict(zip(COLUMNS, values, strict=True)))
            for id, *values in orders
        }
