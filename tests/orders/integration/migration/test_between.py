"""What comes between a read and the write that builds on it, or between two steps: nothing is lost to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import timedelta
from itertools import count
from threading import Thread
from typing import Any

import pytest
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


@on_postgres
def test_a_cutover_that_dies_with_entries_pending_drains_them_when_it_is_finished(
    moto_world: MigrationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = moto_world
    world.go_to(CANARY)

    def leave_pending(number: int) -> None:
        world.create(order(number))
        with monkeypatch.context() as patch:
            patch.setattr(world.migration.relay, "stream", fail)
            world.add(order(number))
        assert len(pending(world)) == 1

    leave_pending(1)
    for moment in deaths(world, lambda _: world.cut_over(CUT_OVER)):
        state = world.migration.transitions.finish()
        if state.step != CUT_OVER:
            world.cut_over(CUT_OVER)
        assert pending(world) == []
        world.expect_equal(order(moment))
        world.cut_over(CANARY)
        leave_pending(moment + 1)


def pending(world: MigrationFixture) -> Any:
    """Entries of the outbox that the event table does not have."""
    assert isinstance(world.migration.repository, PostgresLegacy)
    return world.migration.repository.pending()


@pytest.fixture
def late(moto_world: MigrationFixture) -> Iterator[PostgresLegacy[Any]]:
    """The repository of another process."""
    assert isinstance(moto_world.legacy, OnPostgres)
    with closing(Connections(f"{moto_world.legacy.url}&application_name=late")) as connections:
        yield PostgresLegacy(connections, LEGACY)


def waiting(world: MigrationFixture, work: Callable[[], object]) -> Thread:
    """A thread that works, once it waits for a lock; if it does not, it ends."""
    thread = Thread(target=work)
    thread.start()
    assert isinstance(world.legacy, OnPostgres)
    while thread.is_alive():
        with world.legacy.connections.transaction() as cursor:
            cursor.execute(
                "SELECT FROM pg_stat_activity WHERE application_name = 'late' AND wait_event_type = 'Lock'"
                " AND pid IN (SELECT pid FROM pg_locks WHERE NOT granted)"
            )
            if cursor.fetchone() is not None:
                break
    return thread


@on_postgres
def test_a_cutover_waits_for_a_transaction_of_the_legacy_system_that_is_open(
    moto_world: MigrationFixture, late: PostgresLegacy[Any]
) -> None:
    moto_world.go_to(CANARY)
    cutover = fencing_token(moto_world.migration.phases.refreshed().cutover + 1)
    with moto_world.migration.repository.unit(order(), Primary.LEGACY):
        thread = waiting(moto_world, lambda: late.transfer(Primary.NONE, cutover))
        assert thread.is_alive()
    thread.join()
    assert moto_world.migration.repository.primary() is Primary.NONE


@on_postgres
def test_of_two_who_create_one_row_the_second_waits_and_sees_it(
    moto_world: MigrationFixture, late: PostgresLegacy[Any]
) -> None:
    seen = []

    def look() -> None:
        with late.unit(order(), Primary.LEGACY) as unit:
            seen.append(unit.row)

    with moto_world.migration.repository.unit(order(), Primary.LEGACY) as unit:
        thread = waiting(moto_world, look)
        assert thread.is_alive()
        unit.write(LegacyRow(order(), 1, row(order()), None), [])
    thread.join()
    assert seen == [moto_world.migration.repository.load(order())]
    assert seen[0] is not None


@on_postgres
def test_going_back_is_refused_while_a_row_cannot_follow(
    moto_world: MigrationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = moto_world
    world.go_to(CUT_OVER)
    assert world.migration.legacy_sync is not None
    with monkeypatch.context() as patch:
        patch.setattr(world.migration.legacy_sync, "sync", fail)
        for number in (1, 2):
            world.create(order(number))
        with pytest.raises(StoreUnavailable, match="2 streams"):
            world.cut_over(CANARY)
        assert world.migration.phases.refreshed().moving_to == CANARY
        assert world.migration.repository.primary() is Primary.EVENTS
    assert world.migration.transitions.finish().step == CANARY
    world.expect_equal(order(1), order(2))


@on_postgres
def test_events_are_not_primary_while_an_entry_cannot_be_relayed(
    moto_world: MigrationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = moto_world
    world.go_to(CANARY)
    world.create(order())
    assert world.migration.relay is not None
    with monkeypatch.context() as patch:
        patch.setattr(world.migration.relay, "stream", fail)
        world.add(order())
        with pytest.raises(StoreUnavailable, match="1 entries of the outbox"):
            world.cut_over(CUT_OVER)
        assert world.migration.repository.primary() is Primary.NONE
        with pytest.raises(BanyanError):
            world.add(order())
    assert world.migration.transitions.finish().step == CUT_OVER
    world.add(order())
    world.expect_equal(order())
    assert len(world.row(order()).lines) == 3


@on_postgres
def test_what_comes_while_a_row_follows_is_still_to_follow(moto_world: MigrationFixture) -> None:
    world = moto_world
    world.go_to(CUT_OVER)
    world.create(order())
    client, table = world.engine.client, world.engine.tables.migration
    backlog = SyncBacklog(Gateway(client), table, LEGACY.entity)
    commits = list(world.engine.table().forward(order(), 0))
    world.add(order())
    newer = list(world.engine.table().forward(order(), 1))
    for commit in (*commits, *newer):
        client.put_item(**backlog.put(commit)["Put"])  # type: ignore[arg-type]
    backlog.complete(order(), 1)
    assert [entry.version for entry in backlog.all()] == [2]
    backlog.complete(order(), 3)
    assert list(backlog.all()) == []


@on_postgres
def test_a_commit_that_comes_while_a_row_follows_is_followed_too(
    moto_world: MigrationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def adds_and_dies(migration: Migration, stream: StreamId) -> None:
        assert migration.legacy_sync is not None
        monkeypatch.setattr(migration.legacy_sync, "sync", fail)
        item = AddItem(item=Item(sku="pot", quantity=1, price="1"))
        migration.facade.handle(stream, item, commit_id=f"between-{stream.id}")

    world = moto_world
    world.go_to(CUT_OVER)
    for number in count(1):
        stream = order(number)
        world.create(stream)
        moments = Moments(
            number,
            lambda s=stream: meanwhile(world, lambda migration: adds_and_dies(migration, s)),  # type: ignore[misc]
        )
        with stepping(world, moments, within=False):
            world.add(stream)
        assert world.migration.recover() == 0
        world.expect_equal(stream)
        assert len(world.row(stream).lines) == (3 if moments.passed >= number else 2)
        if moments.passed < number:
            break
    assert number > 4


@on_dynamodb
@pytest.mark.parametrize("step", [LEGACY_ONLY, DUAL, CUT_OVER], ids=str)
@pytest.mark.parametrize("directly", [True, False])
def test_what_is_written_while_a_command_is_handled_stays(
    moto_world: MigrationFixture, step: Step, directly: bool
) -> None:
    def other(migration: Migration, stream: StreamId) -> None:
        if directly:
            moto_world.legacy.write_directly(stream, row(stream))
        else:
            item = AddItem(item=Item(sku="pot", quantity=1, price="1"))
            migration.facade.handle(stream, item, commit_id=f"between-{stream.id}")

    moto_world.go_to(step)
    for number in count(1):
        stream = order(number)
        moto_world.create(stream)
        moments = Moments(
            number,
            lambda s=stream: meanwhile(moto_world, lambda migration: other(migration, s)),  # type: ignore[misc]
        )
        with stepping(moto_world, moments):
            moto_world.add(stream, "once")
        if moments.passed < number:
            break
        skus = [each.sku for each in moto_world.row(stream).lines]
        after = directly and moments.passed == number
        assert skus == ["tea", "cup"] if after else sorted(skus) == sorted(["tea", "cup", "cup" if directly else "pot"])
    assert number > 2


@on_dynamodb
def test_the_newest_of_many_commands_is_remembered(moto_world: MigrationFixture) -> None:
    world = moto_world
    world.create(order())
    for number in range(1, 54):
        world.add(order(), f"commit-{number}")
    for number in (53, 10):
        again = world.add(order(), f"commit-{number}")
        assert (again.repeated, again.head.version) == (True, number + 1)
    assert len(world.row(order()).lines) == 54


@on_postgres
def test_a_row_that_changes_between_look_and_mark_is_looked_at_again(moto_world: MigrationFixture) -> None:
    world = moto_world
    assert isinstance(world.migration.repository, PostgresLegacy)
    feed = world.migration.repository.changes(MemoryDocuments()).feed
    until = START + timedelta(days=36500)
    for number in (1, 2):
        world.legacy.write_directly(order(number), row(order(number)))
    looked = feed.changed(until, 10)
    world.legacy.write_directly(order(1), row(order(1), customer="c-2"))
    feed.seen(looked)
    assert feed.changed(until, 10).ids == (str(order(1)),)


@pytest.mark.parametrize("step", [DUAL, CUT_OVER], ids=str)
def test_a_repair_takes_nothing_back_that_is_written_meanwhile(moto_world: MigrationFixture, step: Step) -> None:
    world = moto_world
    world.go_to(step)
    number = 0
    while True:
        number += 1
        stream = order(number)
        world.create(stream)
        world.migration.recover()
        world.legacy.write_directly(stream, row(stream, customer="c-2"))
        written: list[bool] = []
        moments = Moments(number, lambda s=stream, w=written: w.append(changes(world, s)))  # type: ignore[misc]
        with stepping(world, moments, within=False), suppress(NotRepairable):
            repair(world, stream)
        with suppress(NotRepairable):
            repair(world, stream)
        world.migration.recover()
        world.expect_equal(stream)
        by_hand = "c-3" if any(written) else "c-2"
        assert world.row(stream).customer == (by_hand if step == DUAL else "c-1")
        if moments.passed < number:
            break
    assert number > 3


def repair(world: MigrationFixture, stream: StreamId) -> None:
    """Put a row right."""
    LegacyRepair(world.migration, world.engine.store(DOMAIN.registry))(stream)


def changes(world: MigrationFixture, stream: StreamId) -> bool:
    """An old program writes the row, unless it would wait for the lock on it; whether it did."""
    if isinstance(world.legacy, OnPostgres):
        with world.legacy.connections.transaction() as cursor:
            cursor.execute("SELECT FROM orders WHERE order_id = %s FOR UPDATE SKIP LOCKED", (stream.id,))
            if cursor.fetchone() is None:
                return False
    meanwhile(world, lambda _: world.legacy.write_directly(stream, row(stream, customer="c-3")))
    return True


def test_limits_of_zero_let_a_healthy_migration_move_on(moto_world: MigrationFixture) -> None:
    moto_world.go_to(DUAL)
    for expected in (10, 25):
        moto_world.clock.move(DAY)
        compare(moto_world, LIMITS.samples)
        assert run(moto_world, lag_ms=0, mismatch_rate=0.0).step.percentage == expected


def test_nothing_is_restored_before_the_last_object_was_checked(
    moto_world: MigrationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE", 1)
    monkeypatch.setattr(reading, "PIECE_BYTES", 1)
    world, objects = moto_world, MemoryObjects()
    world.go_to(DUAL)
    for number in (1, 2, 3):
        world.create(order(number))
    for step in (CUT_OVER, EVENTS):
        world.go_to(step)
    archive = archived(world, objects)
    last = max((key for key in objects.kept if key.endswith(".gz")), key=lambda key: key.rpartition("/")[2])
    objects.kept[last] += b"\0"
    empty(world)
    world.process().archives.restore()
    done = worker(world, objects).restore_on()
    assert done is not None
    assert (done.archive, done.checked, done.written) == (archive.id, archive.parts - 1, 0)
    assert list(world.migration.repository.scan(None, 10)) == []
