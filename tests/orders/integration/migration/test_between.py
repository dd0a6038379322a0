"""What comes between a read and the write that builds on it, or between two steps: nothing is lost to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import timedelta
from itertools import count
from threading import Thread
from typing import Any

import pytest
from tests.orders.integration.migration.conftest import slow_on_postgres
from tests.orders.integration.migration.test_controller import DAY, LIMITS, compare, run
from tests.orders.support.archives import MemoryObjects, archived, empty, worker
from tests.orders.support.legacies import OnPostgres, order, row
from tests.orders.support.migration import CANARY, CUT_OVER, DUAL, EVENTS, LEGACY_ONLY, MigrationFixture
from tests.orders.support.moments import Moments, deaths, meanwhile, stepping
from tests.support.clocks import START

from banyan.adapters.dynamodb.gateway import Gateway
from banyan.documents import MemoryDocuments
from banyan.errors import BanyanError, StoreUnavailable
from banyan.migration.archive import tables as reading
from banyan.migration.migration import Migration
from banyan.migration.phases.aggregate import Step
from banyan.migration.stores.connections import Connections
from banyan.migration.stores.legacy import LegacyRow
from banyan.migration.stores.postgres import PostgresLegacy
from banyan.migration.sync.backlog import SyncBacklog
from banyan.migration.sync.repair import LegacyRepair
from banyan.migration.writes.primary import Primary, fencing_token
from banyan.reconciliation.sides import NotRepairable
from banyan.streams import StreamId
from orders import DOMAIN
from orders.commands import AddItem
from orders.events import Item
from orders.legacy import LEGACY

on_postgres = pytest.mark.parametrize("kind", ["postgres"], indirect=True)
on_dynamodb = pytest.mark.parametrize("kind", ["dynamodb"], indirect=True)


def fail(*_: object) -> None:
    """Nothing answers."""
    raise StoreUnavailable("not now")


@pytest.mark.slow
@on_postgres
def test_a_cutover_that_dies_with_entries_pending_drains_them_when_it_is_finished(
    moto_migration: MigrationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrating = moto_migration
    migrating.go_to(CANARY)

    def leave_pending(number: int) -> None:
        migrating.create(order(number))
        with monkeypatch.context() as patch:
            patch.setattr(migrating.migration.relay, "stream", fail)
            migrating.add(order(number))
        assert len(pending(migrating)) == 1

    leave_pending(1)
    for moment in deaths(migrating, lambda _: migrating.cut_over(CUT_OVER)):
        state = migrating.migration.transitions.finish()
        if state.step != CUT_OVER:
            migrating.cut_over(CUT_OVER)
        assert pending(migrating) == []
        migrating.expect_equal(order(moment))
        migrating.cut_over(CANARY)
        leave_pending(moment + 1)


def pending(migrating: MigrationFixture) -> Any:
    """Entries of the outbox that the event table does not have."""
    assert isinstance(migrating.migration.repository, PostgresLegacy)
    return migrating.migration.repository.pending()


@pytest.fixture
def late(moto_migration: MigrationFixture) -> Iterator[PostgresLegacy[Any]]:
    """The repository of another process."""
    assert isinstance(moto_migration.legacy, OnPostgres)
    with closing(Connections(f"{moto_migration.legacy.url}&application_name=late")) as connections:
        yield PostgresLegacy(connections, LEGACY)


def waiting(migrating: MigrationFixture, work: Callable[[], object]) -> Thread:
    """A thread that works, once it waits for a lock; if it does not, it ends."""
    thread = Thread(target=work)
    thread.start()
    assert isinstance(migrating.legacy, OnPostgres)
    while thread.is_alive():
        with migrating.legacy.connections.transaction() as cursor:
            cursor.execute(
                "SELECT FROM pg_stat_activity WHERE application_name = 'late' AND wait_event_type = 'Lock'"
                " AND pid IN (SELECT pid FROM pg_locks WHERE NOT granted)"
            )
            if cursor.fetchone() is not None:
                break
    return thread


@on_postgres
def test_a_cutover_waits_for_a_transaction_of_the_legacy_system_that_is_open(
    moto_migration: MigrationFixture, late: PostgresLegacy[Any]
) -> None:
    moto_migration.go_to(CANARY)
    cutover = fencing_token(moto_migration.migration.phases.refreshed().cutover + 1)
    with moto_migration.migration.repository.unit(order(), Primary.LEGACY):
        thread = waiting(moto_migration, lambda: late.transfer(Primary.NONE, cutover))
        assert thread.is_alive()
    thread.join()
    assert moto_migration.migration.repository.primary() is Primary.NONE


@on_postgres
def test_of_two_who_create_one_row_the_second_waits_and_sees_it(
    moto_migration: MigrationFixture, late: PostgresLegacy[Any]
) -> None:
    seen = []

    def look() -> None:
        with late.unit(order(), Primary.LEGACY) as unit:
            seen.append(unit.row)

    with moto_migration.migration.repository.unit(order(), Primary.LEGACY) as unit:
        thread = waiting(moto_migration, look)
        assert thread.is_alive()
        unit.write(LegacyRow(order(), 1, row(order()), None), [])
    thread.join()
    assert seen == [moto_migration.migration.repository.load(order())]
    assert seen[0] is not None


@on_postgres
def test_going_back_is_refused_while_a_row_cannot_follow(
    moto_migration: MigrationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrating = moto_migration
    migrating.go_to(CUT_OVER)
    assert migrating.migration.legacy_sync is not None
    with monkeypatch.context() as patch:
        patch.setattr(migrating.migration.legacy_sync, "sync", fail)
        for number in (1, 2):
            migrating.create(order(number))
        with pytest.raises(StoreUnavailable, match="2 streams"):
            migrating.cut_over(CANARY)
        assert migrating.migration.phases.refreshed().moving_to == CANARY
        assert migrating.migration.repository.primary() is Primary.EVENTS
    assert migrating.migration.transitions.finish().step == CANARY
    migrating.expect_equal(order(1), order(2))


@on_postgres
def test_events_are_not_primary_while_an_entry_cannot_be_relayed(
    moto_migration: MigrationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrating = moto_migration
    migrating.go_to(CANARY)
    migrating.create(order())
    assert migrating.migration.relay is not None
    with monkeypatch.context() as patch:
        patch.setattr(migrating.migration.relay, "stream", fail)
        migrating.add(order())
        with pytest.raises(StoreUnavailable, match="1 entries of the outbox"):
            migrating.cut_over(CUT_OVER)
        assert migrating.migration.repository.primary() is Primary.NONE
        with pytest.raises(BanyanError):
            migrating.add(order())
    assert migrating.migration.transitions.finish().step == CUT_OVER
    migrating.add(order())
    migrating.expect_equal(order())
    assert len(migrating.row(order()).lines) == 3


@on_postgres
def test_what_comes_while_a_row_follows_is_still_to_follow(moto_migration: MigrationFixture) -> None:
    migrating = moto_migration
    migrating.go_to(CUT_OVER)
    migrating.create(order())
    client, table = migrating.engine.client, migrating.engine.tables.migration
    backlog = SyncBacklog(Gateway(client), table, LEGACY.entity)
    commits = list(migrating.engine.table().forward(order(), 0))
    migrating.add(order())
    newer = list(migrating.engine.table().forward(order(), 1))
    for commit in (*commits, *newer):
        client.put_item(**backlog.put(commit)["Put"])  # type: ignore[arg-type]
    backlog.complete(order(), 1)
    assert [entry.version for entry in backlog.all()] == [2]
    backlog.complete(order(), 3)
    assert list(backlog.all()) == []


@on_postgres
def test_a_commit_that_comes_while_a_row_follows_is_followed_too(
    moto_migration: MigrationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def adds_and_dies(migration: Migration, stream: StreamId) -> None:
        assert migration.legacy_sync is not None
        monkeypatch.setattr(migration.legacy_sync, "sync", fail)
        item = AddItem(item=Item(sku="pot", quantity=1, price="1"))
        migration.facade.handle(stream, item, commit_id=f"between-{stream.id}")

    migrating = moto_migration
    migrating.go_to(CUT_OVER)
    for number in count(1):
        stream = order(number)
        migrating.create(stream)
        moments = Moments(
            number,
            lambda s=stream: meanwhile(migrating, lambda migration: adds_and_dies(migration, s)),  # type: ignore[misc]
        )
        with stepping(migrating, moments, within=False):
            migrating.add(stream)
        assert migrating.migration.recover() == 0
        migrating.expect_equal(stream)
        assert len(migrating.row(stream).lines) == (3 if moments.passed >= number else 2)
        if moments.passed < number:
            break
    assert number > 4


@on_dynamodb
@pytest.mark.parametrize("step", [LEGACY_ONLY, DUAL, CUT_OVER], ids=str)
@pytest.mark.parametrize("directly", [True, False])
def test_what_is_written_while_a_command_is_handled_stays(
    moto_migration: MigrationFixture, step: Step, directly: bool
) -> None:
    def other(migration: Migration, stream: StreamId) -> None:
        if directly:
            moto_migration.legacy.write_directly(stream, row(stream))
        else:
            item = AddItem(item=Item(sku="pot", quantity=1, price="1"))
            migration.facade.handle(stream, item, commit_id=f"between-{stream.id}")

    moto_migration.go_to(step)
    for number in count(1):
        stream = order(number)
        moto_migration.create(stream)
        moments = Moments(
            number,
            lambda s=stream: meanwhile(moto_migration, lambda migration: other(migration, s)),  # type: ignore[misc]
        )
        with stepping(moto_migration, moments):
            moto_migration.add(stream, "once")
        if moments.passed < number:
            break
        skus = [each.sku for each in moto_migration.row(stream).lines]
        after = directly and moments.passed == number
        assert skus == ["tea", "cup"] if after else sorted(skus) == sorted(["tea", "cup", "cup" if directly else "pot"])
    assert number > 2


@on_dynamodb
def test_the_newest_of_many_commands_is_remembered(moto_migration: MigrationFixture) -> None:
    migrating = moto_migration
    migrating.create(order())
    for number in range(1, 54):
        migrating.add(order(), f"commit-{number}")
    for number in (53, 10):
        again = migrating.add(order(), f"commit-{number}")
        assert (again.repeated, again.head.version) == (True, number + 1)
    assert len(migrating.row(order()).lines) == 54


@on_postgres
def test_a_row_that_changes_between_look_and_mark_is_looked_at_again(moto_migration: MigrationFixture) -> None:
    migrating = moto_migration
    assert isinstance(migrating.migration.repository, PostgresLegacy)
    feed = migrating.migration.repository.changes(MemoryDocuments()).feed
    until = START + timedelta(days=36500)
    for number in (1, 2):
        migrating.legacy.write_directly(order(number), row(order(number)))
    looked = feed.changed(until, 10)
    migrating.legacy.write_directly(order(1), row(order(1), customer="c-2"))
    feed.seen(looked)
    assert feed.changed(until, 10).ids == (str(order(1)),)


@slow_on_postgres
@pytest.mark.parametrize("step", [DUAL, CUT_OVER], ids=str)
def test_a_repair_takes_nothing_back_that_is_written_meanwhile(moto_migration: MigrationFixture, step: Step) -> None:
    migrating = moto_migration
    migrating.go_to(step)
    number = 0
    while True:
        number += 1
        stream = order(number)
        migrating.create(stream)
        migrating.migration.recover()
        migrating.legacy.write_directly(stream, row(stream, customer="c-2"))
        written: list[bool] = []
        moments = Moments(number, lambda s=stream, w=written: w.append(changes(migrating, s)))  # type: ignore[misc]
        with stepping(migrating, moments, within=False), suppress(NotRepairable):
            repair(migrating, stream)
        with suppress(NotRepairable):
            repair(migrating, stream)
        migrating.migration.recover()
        migrating.expect_equal(stream)
        by_hand = "c-3" if any(written) else "c-2"
        assert migrating.row(stream).customer == (by_hand if step == DUAL else "c-1")
        if moments.passed < number:
            break
    assert number > 3


def repair(migrating: MigrationFixture, stream: StreamId) -> None:
    """Put a row right."""
    LegacyRepair(migrating.migration, migrating.engine.store(DOMAIN.registry))(stream)


def changes(migrating: MigrationFixture, stream: StreamId) -> bool:
    """An old program writes the row, unless it would wait for the lock on it; whether it did."""
    if isinstance(migrating.legacy, OnPostgres):
        with migrating.legacy.connections.transaction() as cursor:
            cursor.execute("SELECT FROM orders WHERE order_id = %s FOR UPDATE SKIP LOCKED", (stream.id,))
            if cursor.fetchone() is None:
                return False
    meanwhile(migrating, lambda _: migrating.legacy.write_directly(stream, row(stream, customer="c-3")))
    return True


def test_limits_of_zero_let_a_healthy_migration_move_on(moto_migration: MigrationFixture) -> None:
    moto_migration.go_to(DUAL)
    for expected in (10, 25):
        moto_migration.clock.move(DAY)
        compare(moto_migration, LIMITS.samples)
        assert run(moto_migration, lag_ms=0, mismatch_rate=0.0).step.percentage == expected


def test_nothing_is_restored_before_the_last_object_was_checked(
    moto_migration: MigrationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE", 1)
    monkeypatch.setattr(reading, "PIECE_BYTES", 1)
    migrating, objects = moto_migration, MemoryObjects()
    migrating.go_to(DUAL)
    for number in (1, 2, 3):
        migrating.create(order(number))
    for step in (CUT_OVER, EVENTS):
        migrating.go_to(step)
    archive = archived(migrating, objects)
    last = max((key for key in objects.kept if key.endswith(".gz")), key=lambda key: key.rpartition("/")[2])
    objects.kept[last] += b"\0"
    empty(migrating)
    migrating.process().archives.restore()
    done = worker(migrating, objects).restore_on()
    assert done is not None
    assert (done.archive, done.checked, done.written) == (archive.id, archive.parts - 1, 0)
    assert list(migrating.migration.repository.scan(None, 10)) == []
