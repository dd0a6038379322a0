"""A migration with read models, what reconciles them with its legacy system, and people who use it meanwhile."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.orders.support.legacies import InMemory, OnDynamoDB, order, row
from tests.orders.support.migration import DUAL, MigrationFixture
from tests.orders.support.reconciliation import WINDOW, Between
from tests.support.clocks import PATIENCE, no_sleep
from tests.support.engines import DynamoDBEngine, MemoryEngine, session

from banyan.errors import CommandRejected
from banyan.migration.checks.comparison import comparisons
from banyan.migration.migration import LegacySystem
from banyan.migration.phases.aggregate import Step
from banyan.migration.stores.dynamodb import mark_legacy_rows
from banyan.projections.processor import ProjectionProcessor
from banyan.projections.retries import RetryPolicy
from banyan.reconciliation.plan import build_plan
from banyan.reconciliation.reconciler import Reconciler, Runs
from banyan.reconciliation.report import MemoryReports, Section
from banyan.reconciliation.rows import Sources
from banyan.streams import StreamId
from banyan.telemetry import NoTelemetry
from banyan_tools.local.checkpoints import Checkpoints
from banyan_tools.local.shards import FROM_ITS_BEGINNING, ShardReader
from banyan_tools.local.table_streams import TableStream
from orders import DOMAIN
from orders.legacy import LEGACY
from orders.projections.order import ORDER_DETAILS

ORDERS = [order(number) for number in range(1, 7)]


class OverMemory(MigrationFixture):
    """A migration whose legacy system lies in memory."""

    def __init__(self, engine: DynamoDBEngine, legacy: InMemory) -> None:
        super().__init__(engine, legacy)  # type: ignore[arg-type]

    def system(self) -> LegacySystem:
        repository: Any = self.legacy.repository
        no_tables: Any = None  # nothing is archived here
        return LegacySystem(repository, no_tables, repository)


class Streamed(OnDynamoDB):
    """A legacy table whose stream is read."""

    def __init__(self, engine: DynamoDBEngine) -> None:
        super().__init__(engine, streamed=True)


def opened(migrating: MigrationFixture) -> ShardReader:
    """A reader of the stream of the legacy table."""
    assert isinstance(migrating.legacy, Streamed)
    arn = migrating.engine.client.describe_table(TableName=migrating.legacy.table)["Table"]["LatestStreamArn"]
    endpoint = migrating.engine.client.meta.endpoint_url
    client = session().client("dynamodbstreams", endpoint_url=endpoint if "127.0.0.1" in endpoint else None)
    return ShardReader(TableStream(client, arn, arn), FROM_ITS_BEGINNING, Checkpoints())


class Reconciled:
    """A migration with read models, and what reconciles them with its legacy system."""

    def __init__(self, migrating: MigrationFixture) -> None:
        self.migrating = migrating
        self.migrating.clock.now = datetime.now(UTC)  # as the clock of a legacy database that marks what changed
        self.store = migrating.engine.store(DOMAIN.registry, migrating.clock)
        self.memory = MemoryEngine()
        self.views, self.documents, self.row_repair = (
            self.memory.views(),
            self.memory.documents(),
            self.memory.row_repair(),
        )
        self.projection_states = self.memory.projection_states()
        self.runner = ProjectionProcessor(
            self.store, self.views, DOMAIN.projections, retry_policy=RetryPolicy(clock=migrating.clock, sleep=no_sleep)
        )
        self.pause: Callable[[], object] = lambda: None
        self.between: Callable[[], object] | None = None
        self.stream = opened(migrating) if isinstance(migrating.legacy, Streamed) else None

    def begin(self, step: Step = DUAL, streams: Sequence[StreamId] = ORDERS) -> None:
        """Orders of the old time and of the new one, all of them told and projected, at a step."""
        old, new = streams[::2], streams[1::2]
        for stream in old:
            self.migrating.legacy.write_directly(stream, row(stream))
        self.migrating.go_to(DUAL)
        for stream in new:
            self.migrating.create(stream)
        migration = self.migrating.migration
        migration.backfill.run()
        self.migrating.go_to(step)
        self.project(*streams)
        self.age()
        assert self.reconcile().findings == ()

    def project(self, *streams: StreamId) -> None:
        """Deliver all commits of streams."""
        for stream in streams:
            self.runner.project(self.store.commits(stream))

    def age(self) -> None:
        """Let more time pass than anything may be on its way, and than a test takes: PostgreSQL has its own clock."""
        self.migrating.clock.move(timedelta(seconds=PATIENCE))

    def reconcile(self, *, full: bool = False, repair: bool = False) -> Section:
        """Run to the end; the section of the legacy system."""
        self.deliver()
        report = self.reconciler().run(full=full, repair=repair)
        assert report is not None
        return next(section for section in report.sections if section.name == "legacy")

    def deliver(self) -> None:
        """Hand over what the stream of the legacy table tells, if it is read."""
        for _, records in self.stream.read() if self.stream else ():
            mark_legacy_rows(
                [record.event for record in records],
                LEGACY.entity,
                self.documents,
                self.migrating.clock(),
                NoTelemetry(),
            )

    def reconciler(self) -> Reconciler:
        """A new process that reconciles."""
        clock = self.migrating.clock
        migration = self.migrating.migration
        views: Any = Between(self.views, self.between) if self.between else self.views
        projection, state = ORDER_DETAILS, self.projection_states.get([ORDER_DETAILS.name])[ORDER_DETAILS.name]
        compared = Sources(self.store, views, self.row_repair, self.documents, self.runner.retry, clock)
        others = comparisons(migration, projection, state, compared, lambda: clock() - WINDOW)
        sources = replace(compared, views=self.views)
        plan = build_plan(sources, DOMAIN, self.projection_states, WINDOW, self._sleep, others)
        return Reconciler(plan, MemoryReports(), Runs(self.documents), clock, WINDOW)

    def _sleep(self, _: float) -> None:
        self.migrating.clock.move(WINDOW)
        self.pause()


class Traffic:
    """Commands and late deliveries, one between any two reads of the reconciliation."""

    def __init__(self, reconciled: Reconciled) -> None:
        self.sent = 0
        self._reconciled = reconciled
        self._random = random.Random(7)
        self._pending: list[StreamId] = []
        self._next = 1000

    def step(self) -> None:
        """A command on some order, or the delivery of one, or of what the legacy system's stream tells."""
        if self._random.random() < 0.2:
            self._reconciled.deliver()
        if self._pending and self._random.random() < 0.4:
            self._reconciled.project(self._pending.pop(self._random.randrange(len(self._pending))))
            return
        self._command(self._random.choice(ORDERS))

    def busy(self, steps: int) -> None:
        """Several of them."""
        for _ in range(steps):
            self.step()

    def settle(self) -> None:
        """A pause is as long as anything may be on its way; and then it continues."""
        self._reconciled.project(*self._pending)
        self._pending.clear()
        self.busy(1)

    def _command(self, stream: StreamId) -> None:
        if self._random.random() < 0.2:
            self._next += 1
            stream = order(self._next)
            self._reconciled.migrating.create(stream)
        else:
            try:
                self._reconciled.migrating.add(stream)
            except CommandRejected:
                return
        self.sent += 1
        self._pending.append(stream)
