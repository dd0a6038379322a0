"""Where archives of tests lie, and who works on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.orders.support.legacies import OnDynamoDB
from tests.orders.support.migration import MigrationFixture

from banyan.migration.archive.tables import Archive
from banyan.migration.archive.worker import ArchiveWorker

Hook = Callable[[], Any]


class MemoryObjects:
    """Objects in a dictionary.

    Attributes
    ----------
    behind : Callable[[], object]
        Called behind every request.
    """

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.behind: Hook = lambda: None

    def put(self, key: str, content: bytes) -> None:
        self.kept.setdefault(key, content)
        self.behind()

    def get(self, key: str) -> bytes | None:
        self.behind()
        return self.kept.get(key)


def worker(migrating: MigrationFixture, objects: MemoryObjects) -> ArchiveWorker:
    """A worker of a new process."""
    return ArchiveWorker(migrating.process().archives, objects, migrating.clock)


def archived(migrating: MigrationFixture, objects: MemoryObjects, *, again: bool = False) -> Archive:
    """An archive that was asked for and worked on to its end."""
    migrating.process().archives.begin(again=again)
    archive = worker(migrating, objects).go_on()
    assert archive is not None
    return archive


def empty(migrating: MigrationFixture) -> None:
    """Remove every row of the legacy system, whoever may write."""
    if isinstance(migrating.legacy, OnDynamoDB):
        client, table = migrating.engine.client, migrating.legacy.table
        for item in client.scan(TableName=table)["Items"]:
            client.delete_item(TableName=table, Key={name: item[name] for name in ("tenant", "id")})
        return
    with migrating.legacy.connections.transaction() as cursor:
        cursor.execute("SET LOCAL banyan.facade = 'on'")
        cursor.execute("TRUNCATE orders, order_items, banyan_link")


def forge(migrating: MigrationFixture, id: str) -> None:
    """Change a row without a trace: not even its version moves."""
    if isinstance(migrating.legacy, OnDynamoDB):
        migrating.engine.client.update_item(
            TableName=migrating.legacy.table,
            Key={"tenant": {"S": "acme"}, "id": {"S": id}},
            UpdateExpression="SET customer = :other",
            ExpressionAttributeValues={":other": {"S": "c-9"}},
        )
        return
    with migrating.legacy.connections.transaction() as cursor:
        cursor.execute("ALTER TABLE orders DISABLE TRIGGER USER")
        cursor.execute("UPDATE orders SET customer = 'c-9' WHERE order_id = %s", (id,))
        cursor.execute("ALTER TABLE orders ENABLE TRIGGER USER")
