"""A legacy system and the read model are compared: what is planted is found and put right, what moves is left alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.conftest import LOCAL
from tests.engines import DynamoDBEngine, MemoryEngine, session
from tests.integration.migration.world import DUAL, EVENTS, LEGACY_ONLY, TURNED, World
from tests.legacies import InMemory, OnDynamoDB, line, order, row
from tests.shop import WINDOW, Between
from tests.support import no_sleep
from tools.local.shards import ShardReader

from banyan.errors import CommandRejected
from banyan.migration.backfill import Backfill
from banyan.migration.comparing import comparisons
from banyan.migration.lead_dynamodb import DynamoDBLead
from banyan.migration.marking import mark_legacy_rows
from banyan.migration.notes import Notes
from banyan.migration.parts import Ground, Parts, with_outbox
from banyan.migration.samples import SampledReads
from banyan.migration.steps import Step
from banyan.migration.unfollowed import Unfollowed
from banyan.projections.conditions import Conditions
from banyan.projections.runner import ProjectionRunner
from banyan.projections.views import Generation
from banyan.reconciliation.parts import Workshop
from banyan.reconciliation.reconciler import Reconciler
from banyan.reconciliation.report import MemoryReports, Section
from banyan.reconciliation.run import Runs
from banyan.streams import StreamId
from banyan.telemetry import NoTelemetry
from orders import DOMAIN
from orders.decider import ORDER
from orders.events import OrderCorrected, OrderImported
from orders.legacy import LEGACY, LegacyOrder
from orders.projections.order import ORDER_DETAILS

ORDERS = [order(number) for number in range(1, 7)]
GHOST = order(99)
MANY = 80

Found = dict[StreamId, tuple[str, list[str]]]


class OverMemory(World):
    """A world whose legacy system lies in memory."""

    def __init__(self, engine: DynamoDBEngine, legacy: InMemory) -> None:
        super().__init__(engine, legacy)  # type: ignore[arg-type]

    def process(self) -> Parts:
        client, table = self.engine.client, self.engine.tables.migration
        lead, notes = DynamoDBLead(client, table, LEGACY.entity), Notes(client, table, LEGACY.entity)
        samples = SampledReads(client, table, LEGACY.entity)
        ground = Ground(
            self.engine.table(), DOMAIN.registry, ORDER, LEGACY, lead, notes, samples, self.clock, NoTelemetry()
        )
        repository: Any = self.legacy.repository
        no_tables: Any = None  # nothing is archived here
        return with_outbox(ground, repository, repository, Unfollowed(client, table, LEGACY.entity), no_tables)


class Streamed(OnDynamoDB):
    """A legacy table whose stream is read."""

    def __init__(self, engine: DynamoDBEngine) -> None:
        super().__init__(engine, streamed=True)


def opened(world: World) -> ShardReader:
    """A reader of the stream of the legacy table."""
    assert isinstance(world.legacy, Streamed)
    arn = world.engine.client.describe_table(TableName=world.legacy.table)["Table"]["LatestStreamArn"]
    endpoint = world.engine.client.meta.endpoint_url
    client = session().client("dynamodbstreams", endpoint_url=endpoint if "127.0.0.1" in endpoint else None)
    return ShardReader(client, arn, arn, "TRIM_HORIZON", {})


class Reconciled:
    """A world with read models, and what reconciles them with its legacy system."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.world.clock.now = datetime.now(UTC)  # as the clock of a legacy database that marks what changed
        self.store = world.engine.store(DOMAIN.registry, world.clock)
        self.memory = MemoryEngine()
        self.views, self.cells, self.upkeep = self.memory.views(), self.memory.cells(), self.memory.upkeep()
        self.runner = ProjectionRunner(
            self.store, self.views, DOMAIN.projections, conditions=Conditions(clock=world.clock, sleep=no_sleep)
        )
        self.pause: Callable[[], object] = lambda: None
        self.between: Callable[[], object] | None = None
        self.stream = opened(world) if isinstance(world.legacy, Streamed) else None

    def begin(self, step: Step = DUAL, streams: Sequence[StreamId] = ORDERS) -> None:
        """Orders of the old time and of the new one, all of them told and projected, at a step."""
        old, new = streams[::2], streams[1::2]
        for stream in old:
            self.world.legacy.write_directly(stream, row(stream))
        self.world.go_to(DUAL)
        for stream in new:
            self.world.create(stream)
        parts = self.world.parts
        Backfill(parts.repository, parts.aligner, parts.recover, parts.phases, parts.notes).run()
        self.world.go_to(step)
        self.project(*streams)
        self.age()
        assert self.reconcile().findings == ()

    def project(self, *streams: StreamId) -> None:
        """Deliver all commits of streams."""
        for stream in streams:
            self.runner.project(self.store.commits(stream))

    def age(self) -> None:
        """Let more time pass than anything may be on its way."""
        self.world.clock.move(3 * WINDOW)

    def reconcile(self, *, full: bool = False, repair: bool = False) -> Section:
        """Run to the end; the section of the legacy system."""
        self.deliver()
        report = self.reconciler().run(full=full, repair=repair)
        assert report is not None
        return next(section for section in report.sections if section.name == "legacy")

    def deliver(self) -> None:
        """Hand over what the stream of the legacy table tells, if anybody reads it."""
        for _, records in self.stream.read() if self.stream else ():
            mark_legacy_rows(records, LEGACY.entity, self.cells, self.world.clock(), NoTelemetry())

    def reconciler(self) -> Reconciler:
        """A new process that reconciles."""
        clock = self.world.clock
        parts = self.world.parts
        views: Any = Between(self.views, self.between) if self.between else self.views
        projection, generation = ORDER_DETAILS, Generation(ORDER_DETAILS.name)
        others = comparisons(
            parts, projection, generation, self.store, views, self.upkeep, self.cells, lambda: clock() - WINDOW
        )
        workshop = Workshop(
            self.store,
            self.views,
            self.upkeep,
            self.cells,
            DOMAIN,
            self.memory.controls(),
            self.runner.retry,
            clock,
            WINDOW,
            self._sleep,
            others,
        )
        return Reconciler(workshop.plan(), MemoryReports(), Runs(self.cells), clock, WINDOW)

    def _sleep(self, _: float) -> None:
        self.world.clock.move(WINDOW)
        self.pause()


@pytest.fixture(params=["memory", "postgres", "dynamodb", "streamed"])
def reconciled(request: pytest.FixtureRequest, moto: DynamoDBEngine) -> Iterator[Reconciled]:
    """Each kind of legacy system, on the fast engine."""
    if request.param == "memory":
        world: World = OverMemory(moto, InMemory())
    elif request.param == "postgres":
        world = World(moto, request.getfixturevalue("postgres"))
    else:
        world = World(moto, Streamed(moto) if request.param == "streamed" else OnDynamoDB(moto))
    yield Reconciled(world)
    world.close()


def found(section: Section) -> Found:
    """Findings as kind and fields by stream."""
    return {StreamId.parse(f.where): (f.kind, [field.name for field in f.fields]) for f in section.findings}


def changed(stream: StreamId, **changes: Any) -> LegacyOrder:
    """The row of the old time, changed; those of the new time have one line."""
    return row(stream, **changes)


def plant(reconciled: Reconciled) -> Found:
    """An old program changes a field, takes a cent off a price, deletes a row and inserts one."""
    legacy = reconciled.world.legacy
    legacy.write_directly(ORDERS[0], changed(ORDERS[0], customer="c-2"))
    legacy.write_directly(ORDERS[2], changed(ORDERS[2], lines=(line("tea", 2, "4.49"), line("cup", 1, "3.25"))))
    legacy.delete_directly(ORDERS[4])
    legacy.write_directly(GHOST, row(GHOST))
    return {
        ORDERS[0]: ("different_row", ["customer_id"]),
        ORDERS[2]: ("different_row", ["items.0.price", "total_amount"]),
        ORDERS[4]: ("extra_row", []),
        GHOST: ("missing_row", []),
    }


def test_what_old_programs_write_is_found_down_to_the_field_and_told(reconciled: Reconciled) -> None:
    reconciled.begin()
    planted = plant(reconciled)
    reconciled.age()

    assert found(reconciled.reconcile()) == planted
    assert found(reconciled.reconcile(full=True)) == planted
    section = reconciled.reconcile(repair=True)
    assert (found(section), section.repaired) == (planted, len(planted))

    reconciled.project(*ORDERS, GHOST)
    reconciled.age()
    again = reconciled.reconcile()
    assert (found(again), again.expected) == ({}, again.actual)
    reconciled.world.expect_equal(*ORDERS, GHOST)
    assert [type(event.payload) for event in reconciled.store.read(ORDERS[0])] == [OrderImported, OrderCorrected]
    assert [type(event.payload) for event in reconciled.store.read(GHOST)] == [OrderImported]


def test_while_events_lead_the_row_is_written_anew_and_history_is_left_alone(reconciled: Reconciled) -> None:
    reconciled.begin(TURNED)
    plant(reconciled)
    history = {stream: reconciled.world.commits(stream) for stream in ORDERS}
    reconciled.age()

    section = reconciled.reconcile(repair=True)
    assert {where: kind for where, (kind, _) in found(section).items()} == {
        ORDERS[0]: "different_row",
        ORDERS[2]: "different_row",
        ORDERS[4]: "missing_row",
        GHOST: "extra_row",
    }
    assert [finding.repair for finding in section.findings if finding.where == str(GHOST)] == [
        "not repaired: no event tells of such a row: remove it, or send what it says through the API"
    ]
    reconciled.world.legacy.delete_directly(GHOST)
    assert found(reconciled.reconcile()) == {}
    reconciled.world.expect_equal(*ORDERS)
    assert {stream: reconciled.world.commits(stream) for stream in ORDERS} == history


def test_a_row_that_was_restored_takes_commands_again(reconciled: Reconciled) -> None:
    reconciled.begin()
    reconciled.world.legacy.delete_directly(ORDERS[1])
    reconciled.age()
    reconciled.reconcile(repair=True)

    reconciled.world.pay(ORDERS[1], "9.00")
    reconciled.world.legacy.write_directly(ORDERS[1], row(ORDERS[1], customer="c-3"))
    reconciled.world.add(ORDERS[1])
    reconciled.world.expect_equal(ORDERS[1])


def test_a_row_that_contradicts_itself_is_named_and_left_to_a_person(reconciled: Reconciled) -> None:
    reconciled.begin()
    reconciled.world.legacy.write_directly(ORDERS[0], changed(ORDERS[0], total=Decimal("12.24")))
    reconciled.age()

    (finding,) = reconciled.reconcile(repair=True).findings
    assert [(field.name, field.expected, field.actual) for field in finding.fields] == [
        ("total_amount", "12.24", "12.25")
    ]
    assert finding.repair == "not repaired: the row contradicts itself: put total right in the legacy system"
    assert len(reconciled.world.commits(ORDERS[0])) == 1


def test_a_write_that_the_outbox_forgot_is_found_and_told(postgres: Any, moto: DynamoDBEngine) -> None:
    reconciled = Reconciled(World(moto, postgres))
    reconciled.begin()
    with _without_relay(reconciled):
        reconciled.world.add(ORDERS[1])
    with postgres.connections.transaction() as cursor:
        cursor.execute("UPDATE banyan_outbox SET relay = false")
    reconciled.age()

    assert found(reconciled.reconcile()) == {ORDERS[1]: ("different_row", ["item_count", "items", "total_amount"])}
    reconciled.reconcile(repair=True)
    reconciled.project(ORDERS[1])
    reconciled.age()
    assert found(reconciled.reconcile()) == {}
    reconciled.world.expect_equal(ORDERS[1])
    reconciled.world.close()


def test_a_write_in_the_outbox_is_on_its_way_for_as_long_as_the_window(postgres: Any, moto: DynamoDBEngine) -> None:
    reconciled = Reconciled(World(moto, postgres))
    reconciled.begin()
    with _without_relay(reconciled):
        reconciled.world.add(ORDERS[1])
        reconciled.pause = lambda: reconciled.world.clock.move(-WINDOW)
        moving = reconciled.reconcile()
        reconciled.age()
        late = reconciled.reconcile()
    assert (found(moving), moving.moving) == ({}, (str(ORDERS[1]),))
    assert list(found(late)) == [ORDERS[1]]
    assert "did not arrive" in late.findings[0].detail
    reconciled.world.close()


def test_an_item_changed_under_its_version_is_found(moto: DynamoDBEngine) -> None:
    legacy = OnDynamoDB(moto)
    reconciled = Reconciled(World(moto, legacy))
    reconciled.begin()
    key = {"tenant": {"S": ORDERS[1].tenant}, "id": {"S": ORDERS[1].id}}
    moto.client.update_item(
        TableName=legacy.table,
        Key=key,
        UpdateExpression="SET customer = :other",
        ExpressionAttributeValues={":other": {"S": "c-9"}},
    )
    reconciled.age()

    assert found(reconciled.reconcile(repair=True)) == {ORDERS[1]: ("different_row", ["customer_id"])}
    reconciled.project(ORDERS[1])
    reconciled.age()
    assert found(reconciled.reconcile()) == {}
    reconciled.world.expect_equal(ORDERS[1])


@pytest.mark.parametrize("step", [LEGACY_ONLY, EVENTS])
def test_where_one_side_gets_nothing_there_is_nothing_to_compare(moto: DynamoDBEngine, step: Step) -> None:
    reconciled = Reconciled(World(moto, OnDynamoDB(moto)))
    if step is EVENTS:
        reconciled.begin()
    reconciled.world.go_to(step)
    report = reconciled.reconciler().run()
    assert report is not None
    assert "legacy" not in {section.name for section in report.sections}


@pytest.mark.parametrize("step", [DUAL, TURNED])
@pytest.mark.parametrize("reconciled", ["postgres", "dynamodb", "streamed"], indirect=True)
def test_live_traffic_gives_no_false_alarm(reconciled: Reconciled, step: Step) -> None:
    reconciled.begin(step)
    traffic = Traffic(reconciled)
    reconciled.between, reconciled.pause = traffic.step, traffic.settle

    for full in (False, True):
        traffic.busy(8)
        section = reconciled.reconcile(full=full)
        assert section.findings == ()
    assert traffic.sent > 20


@pytest.mark.parametrize(
    ("reconciled", "indexed"), [("postgres", 1), ("streamed", 1), ("dynamodb", 2 * MANY)], indirect=["reconciled"]
)
def test_of_a_legacy_system_that_tells_of_changes_only_these_are_read(reconciled: Reconciled, indexed: int) -> None:
    streams = [order(number) for number in range(1, MANY + 1)]
    reconciled.begin(streams=streams)
    reconciled.world.legacy.write_directly(streams[0], changed(streams[0], customer="c-2"))
    reconciled.age()

    section = reconciled.reconcile()
    assert found(section) == {streams[0]: ("different_row", ["customer_id"])}
    judged = kept = 2
    assert (section.compared, section.rows_read) == (MANY, indexed + judged + kept)


@pytest.mark.parametrize("kind", [OnDynamoDB, Streamed])
@pytest.mark.parametrize("engine", [LOCAL], indirect=True)
def test_on_the_exact_engine_too(engine: DynamoDBEngine, kind: Callable[[DynamoDBEngine], OnDynamoDB]) -> None:
    reconciled = Reconciled(World(engine, kind(engine)))
    reconciled.begin()
    planted = plant(reconciled)
    reconciled.age()
    assert found(reconciled.reconcile(repair=True)) == planted
    reconciled.project(*ORDERS, GHOST)
    reconciled.age()
    assert found(reconciled.reconcile()) == {}
    reconciled.world.expect_equal(*ORDERS, GHOST)


class Traffic:
    """Commands and late deliveries, one between any two reads of the reconciliation."""

    def __init__(self, reconciled: Reconciled) -> None:
        self.sent = 0
        self._reconciled = reconciled
        self._random = random.Random(7)
        self._pending: list[StreamId] = []
        self._next = 1000

    def step(self) -> None:
        """A command on some order, or the delivery of one."""
        if self._pending and self._random.random() < 0.4:
            self._reconciled.project(self._pending.pop(self._random.randrange(len(self._pending))))
            return
        self._command(self._random.choice(ORDERS))

    def busy(self, steps: int) -> None:
        """Several of them."""
        for _ in range(steps):
            self.step()

    def settle(self) -> None:
        """A pause is as long as anything may be on its way; and then it goes on."""
        self._reconciled.project(*self._pending)
        self._pending.clear()
        self.busy(1)

    def _command(self, stream: StreamId) -> None:
        if self._random.random() < 0.2:
            self._next += 1
            stream = order(self._next)
            self._reconciled.world.create(stream)
        else:
            try:
                self._reconciled.world.add(stream)
            except CommandRejected:
                return
        self.sent += 1
        self._pending.append(stream)


@contextmanager
def _without_relay(reconciled: Reconciled) -> Iterator[None]:
    """Entries stay in the outbox."""
    relay: Any = reconciled.world.parts.relay
    relay.stream = lambda _: None
    yield
    del relay.stream
