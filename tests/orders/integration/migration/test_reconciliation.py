"""A legacy system and the read model are compared: what is planted is found and put right, what moves is left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from tests.conftest import LOCAL
from tests.orders.support.legacies import InMemory, OnDynamoDB, line, order, row
from tests.orders.support.migration import CUT_OVER, DUAL, EVENTS, LEGACY_ONLY, MigrationFixture
from tests.orders.support.reconciled import ORDERS, OverMemory, Reconciled, Streamed, Traffic
from tests.orders.support.reconciliation import WINDOW
from tests.support.engines import DynamoDBEngine

from banyan.adapters.dynamodb.gateway import Gateway
from banyan.migration.phases.aggregate import Step
from banyan.migration.stores.dynamodb import DynamoDBLegacy
from banyan.projections.state import ProjectionState
from banyan.reconciliation.plan import CHUNK
from banyan.reconciliation.report import Section
from banyan.reconciliation.tree import LEAF_ENTRIES
from banyan.streams import StreamId
from orders.imported import OrderCorrected, OrderImported
from orders.legacy import LEGACY, LegacyOrder
from orders.projections.order import ORDER_DETAILS

GHOST = order(99)
MANY = 30

Found = dict[StreamId, tuple[str, list[str]]]


slow_except_on_dynamodb = pytest.mark.parametrize(
    "reconciled",
    ["dynamodb", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("postgres", "streamed"))],
    indirect=True,
)
"""For tests under traffic: `make test` runs them on DynamoDB, `make test-slow` on the others too."""


@pytest.fixture(params=["memory", "postgres", "dynamodb", "streamed"])
def reconciled(request: pytest.FixtureRequest, moto: DynamoDBEngine) -> Iterator[Reconciled]:
    """Each kind of legacy system, on the fast engine."""
    if request.param == "memory":
        migrating: MigrationFixture = OverMemory(moto, InMemory())
    elif request.param == "postgres":
        migrating = MigrationFixture(moto, request.getfixturevalue("postgres"))
    else:
        migrating = MigrationFixture(moto, Streamed(moto) if request.param == "streamed" else OnDynamoDB(moto))
    yield Reconciled(migrating)
    migrating.close()


def found(section: Section) -> Found:
    """Findings as kind and fields by stream."""
    return {StreamId.parse(f.where): (f.kind, [field.name for field in f.fields]) for f in section.findings}


def changed(stream: StreamId, **changes: Any) -> LegacyOrder:
    """The row of the old time, changed; those of the new time have one line."""
    return row(stream, **changes)


def plant(reconciled: Reconciled) -> Found:
    """An old program changes a field, takes a cent off a price, deletes a row and inserts one."""
    legacy = reconciled.migrating.legacy
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


@pytest.mark.parametrize("reconciled", ["memory"], indirect=True)
def test_rows_that_another_version_of_the_projection_made_are_no_difference(reconciled: Reconciled) -> None:
    reconciled.begin()
    plant(reconciled)
    reconciled.age()
    reconciled.projection_states.put(ProjectionState(ORDER_DETAILS.name).noted(ORDER_DETAILS.version - 1))

    report = reconciled.reconciler().run(full=True)
    assert report is not None
    assert "legacy" not in {section.name for section in report.sections}


def test_what_old_programs_write_is_found_down_to_the_field_and_reported(reconciled: Reconciled) -> None:
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
    reconciled.migrating.expect_equal(*ORDERS, GHOST)
    assert [type(event.payload) for event in reconciled.store.read(ORDERS[0])] == [OrderImported, OrderCorrected]
    assert [type(event.payload) for event in reconciled.store.read(GHOST)] == [OrderImported]


@pytest.mark.slow
@pytest.mark.parametrize("reconciled", ["memory"], indirect=True)
def test_rows_that_are_gone_are_all_found_however_many(reconciled: Reconciled) -> None:
    """The tree of the side shrinks while the entities that it knew are listed from it."""
    many = [order(number) for number in range(1, CHUNK + LEAF_ENTRIES - 4)]
    reconciled.begin(streams=many)
    for stream in many:
        reconciled.migrating.legacy.delete_directly(stream)
    reconciled.age()

    assert reconciled.reconcile().differences == len(many)


def test_while_events_are_primary_the_row_is_rewritten_and_history_is_left_alone(reconciled: Reconciled) -> None:
    reconciled.begin(CUT_OVER)
    plant(reconciled)
    history = {stream: reconciled.migrating.commits(stream) for stream in ORDERS}
    reconciled.age()

    assert reconciled.reconcile().differences == 4
    section = reconciled.reconcile(repair=True)
    assert {where: kind for where, (kind, _) in found(section).items()} == {
        ORDERS[0]: "different_row",
        ORDERS[2]: "different_row",
        ORDERS[4]: "missing_row",
        GHOST: "extra_row",
    }
    assert [finding.repair for finding in section.findings if finding.where == str(GHOST)] == [
        "not repaired: no event has such a row: remove it, or send what it says through the API"
    ]
    reconciled.migrating.legacy.delete_directly(GHOST)
    assert found(reconciled.reconcile()) == {}
    reconciled.migrating.expect_equal(*ORDERS)
    assert {stream: reconciled.migrating.commits(stream) for stream in ORDERS} == history


def test_a_row_that_was_restored_takes_commands_again(reconciled: Reconciled) -> None:
    reconciled.begin()
    reconciled.migrating.legacy.delete_directly(ORDERS[1])
    reconciled.age()
    reconciled.reconcile(repair=True)

    reconciled.migrating.pay(ORDERS[1], "9.00")
    reconciled.migrating.legacy.write_directly(ORDERS[1], row(ORDERS[1], customer="c-3"))
    reconciled.migrating.add(ORDERS[1])
    reconciled.migrating.expect_equal(ORDERS[1])


def test_a_row_that_contradicts_itself_is_named_and_left_to_a_person(reconciled: Reconciled) -> None:
    reconciled.begin()
    reconciled.migrating.legacy.write_directly(ORDERS[0], changed(ORDERS[0], total=Decimal("12.24")))
    reconciled.age()

    (finding,) = reconciled.reconcile(repair=True).findings
    assert [(field.name, field.expected, field.actual) for field in finding.fields] == [
        ("total_amount", "12.24", "12.25")
    ]
    assert finding.repair == "not repaired: the row contradicts itself: put total right in the legacy system"
    assert len(reconciled.migrating.commits(ORDERS[0])) == 1


def test_a_write_that_the_outbox_forgot_is_found_and_reported(postgres: Any, moto: DynamoDBEngine) -> None:
    reconciled = Reconciled(MigrationFixture(moto, postgres))
    reconciled.begin()
    with _without_relay(reconciled):
        reconciled.migrating.add(ORDERS[1])
    with postgres.connections.transaction() as cursor:
        cursor.execute("UPDATE banyan_outbox SET relay = false")
    reconciled.age()

    assert found(reconciled.reconcile()) == {ORDERS[1]: ("different_row", ["item_count", "items", "total_amount"])}
    reconciled.reconcile(repair=True)
    reconciled.project(ORDERS[1])
    reconciled.age()
    assert found(reconciled.reconcile()) == {}
    reconciled.migrating.expect_equal(ORDERS[1])
    reconciled.migrating.close()


def test_a_write_in_the_outbox_is_on_its_way_for_as_long_as_the_window(postgres: Any, moto: DynamoDBEngine) -> None:
    reconciled = Reconciled(MigrationFixture(moto, postgres))
    reconciled.begin()
    with _without_relay(reconciled):
        reconciled.migrating.add(ORDERS[1])
        reconciled.pause = lambda: reconciled.migrating.clock.move(-WINDOW)
        moving = reconciled.reconcile()
        reconciled.age()
        late = reconciled.reconcile()
    assert (found(moving), moving.moving) == ({}, (str(ORDERS[1]),))
    assert list(found(late)) == [ORDERS[1]]
    assert "did not arrive" in late.findings[0].detail
    reconciled.migrating.close()


def test_of_events_that_the_read_model_lacks_its_own_comparison_speaks(reconciled: Reconciled) -> None:
    reconciled.begin()
    reconciled.migrating.add(ORDERS[1])
    reconciled.age()
    section = reconciled.reconcile()
    assert (found(section), section.moving) == ({}, (str(ORDERS[1]),))


@pytest.mark.parametrize("kind", [OnDynamoDB, Streamed])
def test_an_item_changed_under_its_version_is_found(
    moto: DynamoDBEngine, kind: Callable[[DynamoDBEngine], OnDynamoDB]
) -> None:
    legacy = kind(moto)
    reconciled = Reconciled(MigrationFixture(moto, legacy))
    reconciled.begin()
    key = {"tenant": {"S": ORDERS[1].tenant}, "id": {"S": ORDERS[1].id}}
    moto.client.update_item(
        TableName=legacy.table,
        Key=key,
        UpdateExpression="SET customer = :other",
        ExpressionAttributeValues={":other": {"S": "c-9"}},
    )
    reconciled.age()

    assert found(reconciled.reconcile()) == {ORDERS[1]: ("different_row", ["customer_id"])}
    assert found(reconciled.reconcile(repair=True)) == {ORDERS[1]: ("different_row", ["customer_id"])}
    reconciled.project(ORDERS[1])
    reconciled.age()
    assert found(reconciled.reconcile()) == {}
    reconciled.migrating.expect_equal(ORDERS[1])


@pytest.mark.parametrize("step", [LEGACY_ONLY, EVENTS])
def test_where_one_side_gets_nothing_there_is_nothing_to_compare(moto: DynamoDBEngine, step: Step) -> None:
    reconciled = Reconciled(MigrationFixture(moto, OnDynamoDB(moto)))
    if step is EVENTS:
        reconciled.begin()
    reconciled.migrating.go_to(step)
    report = reconciled.reconciler().run()
    assert report is not None
    assert "legacy" not in {section.name for section in report.sections}


@pytest.mark.parametrize("step", [DUAL, pytest.param(CUT_OVER, marks=pytest.mark.slow)])
@slow_except_on_dynamodb
def test_live_traffic_gives_no_false_alarm(reconciled: Reconciled, step: Step) -> None:
    reconciled.begin(step)
    traffic = Traffic(reconciled)
    reconciled.between, reconciled.pause = traffic.step, traffic.settle

    for full in (False, True):
        traffic.busy(8)
        section = reconciled.reconcile(full=full)
        assert section.findings == ()
    assert traffic.sent > 20


@slow_except_on_dynamodb
def test_under_live_traffic_what_is_planted_is_found_and_nothing_else(reconciled: Reconciled) -> None:
    aside = [order(number) for number in range(50, 53)]
    reconciled.begin(streams=[*ORDERS, *aside])
    traffic = Traffic(reconciled)
    reconciled.between, reconciled.pause = traffic.step, traffic.settle
    traffic.busy(8)

    legacy = reconciled.migrating.legacy
    legacy.write_directly(aside[0], changed(aside[0], customer="c-2"))
    legacy.delete_directly(aside[2])
    legacy.write_directly(GHOST, row(GHOST))
    section = reconciled.reconcile()
    assert found(section) == {
        aside[0]: ("different_row", ["customer_id"]),
        aside[2]: ("extra_row", []),
        GHOST: ("missing_row", []),
    }
    assert traffic.sent > 10


def test_when_a_stream_reports_for_the_first_time_all_is_read_once(moto: DynamoDBEngine) -> None:
    legacy = Streamed(moto)
    reconciled = Reconciled(MigrationFixture(moto, legacy))
    told, legacy.repository.changes = legacy.repository.changes, lambda _: None  # type: ignore[method-assign, assignment]
    reconciled.begin()
    planted = plant(reconciled)
    assert reconciled.stream
    lost = list(reconciled.stream.read())
    assert lost
    legacy.repository.changes = told  # type: ignore[method-assign]
    reconciled.age()
    assert found(reconciled.reconcile()) == planted


@pytest.mark.parametrize("engine", [LOCAL], indirect=True)
@pytest.mark.parametrize("broken", ["off", "another"])
def test_a_stream_that_is_not_read_any_more_is_not_taken_for_silence(
    engine: DynamoDBEngine, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    legacy = Streamed(engine)
    reconciled = Reconciled(MigrationFixture(engine, legacy))
    reconciled.begin()
    reconciled.stream = None
    if broken == "off":
        engine.client.update_table(TableName=legacy.table, StreamSpecification={"StreamEnabled": False})
    else:
        name = f"arn:aws:dynamodb:eu-central-1:1:table/{legacy.table}/stream/2010-12-01T00:00:00.000"
        legacy.repository = DynamoDBLegacy(Gateway(engine.client), legacy.table, LEGACY, legacy.primary, stream=name)
        reconciled.migrating.restart()
    planted = plant(reconciled)
    reconciled.age()
    assert found(reconciled.reconcile()) == planted
    assert "has no such stream any more" in caplog.text


@pytest.mark.parametrize(
    ("reconciled", "indexed"),
    [("postgres", 1), ("streamed", 1), pytest.param("dynamodb", 2 * MANY, marks=pytest.mark.slow)],
    indirect=["reconciled"],
)
def test_of_a_legacy_system_that_reports_changes_only_these_are_read(reconciled: Reconciled, indexed: int) -> None:
    streams = [order(number) for number in range(1, MANY + 1)]
    reconciled.begin(streams=streams)
    reconciled.migrating.legacy.write_directly(streams[0], changed(streams[0], customer="c-2"))
    reconciled.age()

    section = reconciled.reconcile()
    assert found(section) == {streams[0]: ("different_row", ["customer_id"])}
    judged = kept = 2
    assert (section.compared, section.rows_read) == (MANY, indexed + judged + kept)


@pytest.mark.parametrize("kind", [OnDynamoDB, Streamed])
@pytest.mark.parametrize("engine", [LOCAL], indirect=True)
def test_on_the_exact_engine_too(engine: DynamoDBEngine, kind: Callable[[DynamoDBEngine], OnDynamoDB]) -> None:
    reconciled = Reconciled(MigrationFixture(engine, kind(engine)))
    reconciled.begin()
    planted = plant(reconciled)
    reconciled.age()
    assert found(reconciled.reconcile()) == planted
    assert found(reconciled.reconcile(repair=True)) == planted
    reconciled.project(*ORDERS, GHOST)
    reconciled.age()
    assert found(reconciled.reconcile()) == {}
    reconciled.migrating.expect_equal(*ORDERS, GHOST)


@contextmanager
def _without_relay(reconciled: Reconciled) -> Iterator[None]:
    """Entries stay in the outbox."""
    relay: Any = reconciled.migrating.migration.relay
    relay.stream = lambda _: None
    yield
    del relay.stream
