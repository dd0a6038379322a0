"""A legacy system and an event table, and processes that come and go between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from psycopg import Cursor
from psycopg.rows import TupleRow
from tests.orders.support.legacies import OnDynamoDB, OnPostgres, line
from tests.support.clocks import START, ManualClock
from tests.support.engines import DynamoDBEngine

from banyan.adapters.dynamodb.gateway import Gateway
from banyan.commands.handler import Outcome
from banyan.migration.archive.tables_dynamodb import DynamoDBTables
from banyan.migration.archive.tables_postgres import PostgresTables
from banyan.migration.migration import LegacySystem, Migration
from banyan.migration.phases.aggregate import BeginMove, Phase, Step
from banyan.migration.stores.connections import Connections
from banyan.migration.stores.postgres import PostgresLegacy
from banyan.migration.sync.contents import fold_row
from banyan.streams import StreamId
from banyan.telemetry import NoTelemetry
from orders import DOMAIN
from orders.commands import AddItem, CreateOrder, PayOrder
from orders.events import Item
from orders.legacy import LEGACY, LegacyOrder

LEGACY_ONLY, DUAL = Step(), Step(phase=Phase.DUAL_WRITE)
CANARY, CUT_OVER = (Step(phase=Phase.CANARY, percentage=share) for share in (50, 100))
EVENTS = Step(phase=Phase.EVENT_STORE, percentage=100)
COMPLETE = Step(phase=Phase.COMPLETE, percentage=100)
WAY = (LEGACY_ONLY, DUAL, CANARY, CUT_OVER, EVENTS)

Hook = Callable[[], None]


class HookedConnections(Connections):
    """Connections whose every statement and commit is a step of its own."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.behind: Hook = lambda: None
        self.within: Hook = lambda: None

    @contextmanager
    def transaction(self) -> Iterator[Cursor[TupleRow]]:
        with super().transaction() as cursor:
            yield _Hooked(cursor, self)  # type: ignore[misc]
        self.behind()


class _Hooked:
    def __init__(self, cursor: Cursor[TupleRow], hooks: HookedConnections) -> None:
        self._cursor = cursor
        self._hooks = hooks

    def execute(self, *statement: Any) -> None:
        self._cursor.execute(*statement)
        self._hooks.within()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


class MigrationFixture:
    """Stores that stay, and processes that are born with nothing in their memory.

    Parameters
    ----------
    engine : DynamoDBEngine
        Of the event table.
    """

    def __init__(self, engine: DynamoDBEngine, legacy: OnPostgres | OnDynamoDB) -> None:
        self.engine = engine
        self.legacy = legacy
        self.clock = ManualClock()
        self.connections = HookedConnections(legacy.url) if isinstance(legacy, OnPostgres) else None
        self.migration = self.process()

    def process(self) -> Migration:
        """The migration in a new process."""
        engine = self.engine
        gateway, table = Gateway(engine.client), engine.tables.migration
        return Migration(
            self.system(), LEGACY, DOMAIN, engine.table(), gateway, table, clock=self.clock, telemetry=NoTelemetry()
        )

    def system(self) -> LegacySystem:
        """The legacy system, as a new process reaches it."""
        if self.connections:
            repository = PostgresLegacy(self.connections, LEGACY)
            return LegacySystem(repository, PostgresTables(self.connections, LEGACY), repository)
        assert isinstance(self.legacy, OnDynamoDB)
        tables = DynamoDBTables(Gateway(self.engine.client), self.legacy.table, LEGACY.entity)
        return LegacySystem(self.legacy.repository, tables)

    def restart(self) -> None:
        """End the process and begin a new one."""
        self.migration = self.process()

    def go(self, *steps: Step) -> None:
        """Move the migration, step by step."""
        for step in steps:
            self.migration.transitions.move(step, reason="test")

    def cut_over(self, step: Step) -> None:
        """Move to a step without asking whether that is wise."""
        self.migration.phases.handle(BeginMove(to=step, reason="test", at=self.clock()))
        self.migration.transitions.finish()

    def go_to(self, step: Step) -> None:
        """Move the migration forward to a step, with a backfill before reads move."""
        place = self.migration.phases.refreshed().step.place
        for each in (each for each in WAY if place < each.place <= step.place):
            if each == CANARY:
                self.import_row()
            self.go(each)
        if step == COMPLETE:
            self.cut_over(step)

    def import_row(self) -> None:
        """Let every row be known to its stream."""
        for stream in self.migration.repository.out_of_sync(100):
            self.migration.importer.import_row(stream)
        self.migration.recover()

    def create(self, stream: StreamId, commit_id: str | None = None) -> Outcome[Any]:
        """Create an order of one line."""
        lines = (Item(sku="tea", quantity=2, price="4.50"),)
        command = CreateOrder(order_id=stream.id, customer_id="c-1", items=lines)
        return self.handle(stream, command, commit_id)

    def add(self, stream: StreamId, commit_id: str | None = None, **options: Any) -> Outcome[Any]:
        """Add a line."""
        item = Item(sku="cup", quantity=1, price="3.25")
        return self.handle(stream, AddItem(item=item), commit_id, **options)

    def pay(self, stream: StreamId, amount: str, commit_id: str | None = None) -> Outcome[Any]:
        """Pay."""
        return self.handle(stream, PayOrder(amount=amount), commit_id)

    def handle(self, stream: StreamId, command: Any, commit_id: str | None = None, **options: Any) -> Outcome[Any]:
        """Handle a command once."""
        return self.migration.facade.handle(stream, command, commit_id=commit_id or str(uuid4()), **options)

    def row(self, stream: StreamId) -> LegacyOrder:
        """The order as the legacy system holds it."""
        found = self.migration.repository.load(stream)
        assert found is not None
        return found.data  # type: ignore[no-any-return]

    def told(self, stream: StreamId) -> LegacyOrder:
        """The order as its events tell it."""
        return fold_row(LEGACY, self.engine.store(DOMAIN.registry).read(stream))  # type: ignore[no-any-return]

    def commits(self, stream: StreamId) -> list[str]:
        """Ids of the commits of a stream."""
        return [commit.commit_id for commit in self.engine.table().forward(stream, 0) if hasattr(commit, "commit_id")]

    def expect_equal(self, *streams: StreamId) -> None:
        """Expect both sides to say the same, and to agree on where they stand."""
        for stream in streams:
            row = self.migration.repository.load(stream)
            head = self.engine.store(DOMAIN.registry).head(stream)
            assert (row and row.data) == self.told(stream), stream
            assert (row.stream_version if row else 0) == head.version, stream
            assert row is None or row.in_sync, stream

    def close(self) -> None:
        """Close connections."""
        if self.connections:
            self.connections.close()


__all__ = [
    "CANARY",
    "COMPLETE",
    "CUT_OVER",
    "DUAL",
    "EVENTS",
    "LEGACY_ONLY",
    "START",
    "WAY",
    "MigrationFixture",
    "line",
]
