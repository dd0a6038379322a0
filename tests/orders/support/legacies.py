"""Legacy systems that tests migrate from, all with the same orders in them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any, Protocol

from tests.support.clocks import START
from tests.support.engines import DynamoDBEngine

from banyan.adapters.dynamodb.gateway import Gateway
from banyan.migration.stores.connections import Connections
from banyan.migration.stores.dynamodb import DynamoDBLegacy
from banyan.migration.stores.legacy import LegacyRepository, LegacyRow
from banyan.migration.stores.memory import MemoryLegacy
from banyan.migration.stores.postgres import PostgresLegacy
from banyan.migration.writes.primary import DynamoDBPrimary
from banyan.streams import StreamId
from orders.legacy import LEGACY, LegacyLine, LegacyOrder

LEGACY_TABLE = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": "tenant", "AttributeType": "S"},
        {"AttributeName": "id", "AttributeType": "S"},
    ],
    "KeySchema": [{"AttributeName": "tenant", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
}
STREAM = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}}


class Legacy(Protocol):
    """A legacy system, and an old program that writes to it directly."""

    @property
    def repository(self) -> LegacyRepository[LegacyOrder]:
        """Its rows."""

    def write_directly(self, stream: StreamId, row: LegacyOrder) -> None:
        """Insert or update a row behind the facade's back."""

    def delete_directly(self, stream: StreamId) -> None:
        """Delete a row behind the facade's back."""


class InMemory:
    def __init__(self) -> None:
        self.repository: MemoryLegacy[LegacyOrder] = MemoryLegacy()

    def write_directly(self, stream: StreamId, row: LegacyOrder) -> None:
        self.repository.write_directly(stream, row)

    def delete_directly(self, stream: StreamId) -> None:
        self.repository.delete_directly(stream)


class OnPostgres:
    def __init__(self, url: str) -> None:
        self.url = url
        self.connections = Connections(url)
        self.repository = PostgresLegacy(self.connections, LEGACY)
        self.repository.install("orders")

    def write_directly(self, stream: StreamId, row: LegacyOrder) -> None:
        values = {"tenant": stream.tenant, "id": stream.id, **row.model_dump(exclude={"lines"})}
        with self.connections.transaction() as cursor:
            cursor.execute(
                "INSERT INTO orders (tenant, order_id, customer, status, total, payment_method, cancel_reason,"
                " refunded, created_at, paid_at, cancelled_at) VALUES (%(tenant)s, %(id)s, %(customer)s, %(status)s,"
                " %(total)s, %(payment_method)s, %(cancel_reason)s, %(refunded)s, %(created_at)s, %(paid_at)s,"
                " %(cancelled_at)s) ON CONFLICT (tenant, order_id) DO UPDATE SET customer = EXCLUDED.customer,"
                " status = EXCLUDED.status, total = EXCLUDED.total, payment_method = EXCLUDED.payment_method,"
                " paid_at = EXCLUDED.paid_at",
                values,
            )
            cursor.execute("DELETE FROM order_items WHERE tenant = %(tenant)s AND order_id = %(id)s", values)
            for number, line in enumerate(row.lines, start=1):
                cursor.execute(
                    "INSERT INTO order_items VALUES (%s, %s, %s, %s, %s, %s)",
                    (stream.tenant, stream.id, number, line.sku, line.quantity, line.price),
                )

    def delete_directly(self, stream: StreamId) -> None:
        with self.connections.transaction() as cursor:
            cursor.execute("DELETE FROM orders WHERE tenant = %s AND order_id = %s", (stream.tenant, stream.id))


class OnDynamoDB:
    def __init__(self, engine: DynamoDBEngine, name: str = "legacy", *, streamed: bool = False) -> None:
        self.engine = engine
        self.table = engine.own(name, LEGACY_TABLE | STREAM) if streamed else engine.named(name, LEGACY_TABLE)
        self.primary = DynamoDBPrimary(Gateway(engine.client), engine.named("migration"), LEGACY.entity)
        self.repository = DynamoDBLegacy(
            Gateway(engine.client), self.table, LEGACY, self.primary, stream=f"{self.table}/latest" if streamed else ""
        )

    def write_directly(self, stream: StreamId, row: LegacyOrder) -> None:
        stored = self.repository.stored(stream)
        old = stored.row if stored else None
        new = LegacyRow(stream, old.version + 1 if old else 1, row, old.sync_point if old else None)
        self.engine.client.update_item(**self.repository.update(stored, new)["Update"])

    def delete_directly(self, stream: StreamId) -> None:
        key = {"tenant": {"S": stream.tenant}, "id": {"S": stream.id}}
        self.engine.client.delete_item(TableName=self.table, Key=key)


def order(number: int = 1, tenant: str = "acme") -> StreamId:
    """Stream of an order."""
    return StreamId(tenant, "order", f"o-{number:04}")


def row(stream: StreamId, **changes: Any) -> LegacyOrder:
    """An open order of two lines."""
    content: dict[str, Any] = {
        "order_id": stream.id,
        "customer": "c-1",
        "status": "open",
        "lines": (line("tea", 2, "4.50"), line("cup", 1, "3.25")),
        "created_at": START,
        **changes,
    }
    total = sum((stored.quantity * stored.price for stored in content["lines"]), Decimal(0))
    return LegacyOrder(**{"total": total, **content})


def paid(stream: StreamId, **changes: Any) -> LegacyOrder:
    """The same, paid an hour later."""
    return row(stream, **{"status": "paid", "payment_method": "card", "paid_at": START + timedelta(hours=1), **changes})


def line(sku: str, quantity: int, price: str) -> LegacyLine:
    """A line."""
    return LegacyLine(sku=sku, quantity=quantity, price=Decimal(price))
