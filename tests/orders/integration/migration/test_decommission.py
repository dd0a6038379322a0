"""The end of a migration: only when the legacy system is not used, and only with an archive that is whole."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from psycopg.errors import RaiseException
from tests.orders.support.archives import MemoryObjects, archived, forge, worker
from tests.orders.support.legacies import OnDynamoDB, order, row
from tests.orders.support.migration import CANARY, CUT_OVER, DUAL, EVENTS, MigrationFixture
from tests.orders.support.moments import deaths

from banyan.entrypoints.http.problems import problem_of
from banyan.errors import Conflict, LegacyWritesOff
from banyan.migration.checks import completion
from banyan.migration.checks.reads import MigratingQueries
from banyan.migration.checks.usage import READ, WRITE
from banyan.migration.phases.aggregate import MigrationState, Phase, Step
from banyan.migration.stores.legacy import LegacyRow, SyncPoint
from banyan.migration.writes.primary import Primary
from banyan.streams import StreamId
from orders import DOMAIN
from orders.projections import ORDER_DETAILS

COMPLETE = Step(phase=Phase.COMPLETE, percentage=100)
DAY = timedelta(hours=25)
on_postgres = pytest.mark.parametrize("kind", ["postgres"], indirect=True)
on_dynamodb = pytest.mark.parametrize("kind", ["dynamodb"], indirect=True)


@pytest.fixture
def objects() -> MemoryObjects:
    """An empty bucket."""
    return MemoryObjects()


@pytest.fixture
def ended(moto_migration: MigrationFixture) -> MigrationFixture:
    """A migration in which events stand alone."""
    moto_migration.go_to(CUT_OVER)
    for number in (1, 2, 3):
        moto_migration.create(order(number))
    moto_migration.go_to(EVENTS)
    return moto_migration


@pytest.fixture
def quiet(ended: MigrationFixture, objects: MemoryObjects) -> MigrationFixture:
    """The same with an archive, a day later: nothing stands in the way of the last step."""
    check(ended)
    archived(ended, objects)
    ended.clock.move(DAY)
    return ended


def check(migrating: MigrationFixture) -> MigrationState:
    """What the controller does each minute."""
    return migrating.process().controller.run()


def refusal(migrating: MigrationFixture) -> Conflict:
    """Why the last step is not made."""
    with pytest.raises(Conflict) as refused:
        migrating.process().transitions.move(COMPLETE, reason="test")
    assert migrating.migration.phases.refreshed().step == EVENTS
    return refused.value


def test_the_last_step_says_what_it_was_based_on(quiet: MigrationFixture) -> None:
    check(quiet)
    quiet.go(COMPLETE)
    evidence = quiet.migration.phases.history()[-1].payload.model_dump()["evidence"]
    archive = quiet.migration.archives.progress()
    assert archive is not None
    assert (evidence["archive"], evidence["manifestSha256"]) == (archive.id, archive.manifest_sha256)
    assert (evidence["quiet"]["looks"], evidence["quiet"]["refused"], evidence["quiet"]["seen"]) == (3, 0, "")
    assert evidence["tables"] == [rows.model_dump(by_alias=True) for rows in archive.reading.tables]


def test_it_waits_until_nothing_was_seen_for_long_enough(ended: MigrationFixture, objects: MemoryObjects) -> None:
    archived(ended, objects)
    assert refusal(ended).code == "not_quiet_for_long_enough"
    ended.clock.move(timedelta(hours=23))
    assert refusal(ended).code == "not_quiet_for_long_enough"
    ended.clock.move(timedelta(hours=1))
    ended.go(COMPLETE)


def test_it_waits_for_an_archive_that_was_read_back_and_is_old_enough(
    ended: MigrationFixture, objects: MemoryObjects
) -> None:
    ended.clock.move(DAY)
    assert refusal(ended).code == "not_archived"
    ended.migration.archives.begin()
    assert refusal(ended).code == "not_archived"
    worker(ended, objects).go_on()
    assert refusal(ended).code == "archive_too_young"
    ended.clock.move(DAY)
    ended.go(COMPLETE)


@on_postgres
def test_a_direct_write_that_was_refused_was_a_use(quiet: MigrationFixture) -> None:
    with pytest.raises(RaiseException, match="legacy_writes_off"):
        quiet.legacy.write_directly(order(9), row(order(9)))
    seen = refusal(quiet)
    assert (seen.code, "1 direct writes were refused, seen at 2026-01-0" in seen.detail) == ("legacy_in_use", True)
    quiet.clock.move(DAY)
    check(quiet)
    quiet.go(COMPLETE)


@on_postgres
def test_a_direct_write_that_was_noticed_is_named(quiet: MigrationFixture) -> None:
    assert not isinstance(quiet.legacy, OnDynamoDB)
    with quiet.legacy.connections.transaction() as cursor:
        cursor.execute("SET LOCAL banyan.facade = 'on'")
        cursor.execute("UPDATE orders SET status = 'paid' WHERE order_id = 'o-0002'")
    seen = refusal(quiet)
    assert (seen.code, "1 direct writes, the last to acme:order:o-0002" in seen.detail) == ("legacy_in_use", True)


@on_dynamodb
def test_an_item_that_was_written_since_it_was_archived_is_named(
    quiet: MigrationFixture, objects: MemoryObjects
) -> None:
    quiet.legacy.write_directly(order(2), row(order(2), customer="c-9"))
    seen = refusal(quiet)
    assert (seen.code, "other rows than were archived (acme:order:o-0002)" in seen.detail) == ("legacy_in_use", True)
    quiet.clock.move(DAY)
    assert refusal(quiet).code == "legacy_in_use"
    archived(quiet, objects, again=True)
    quiet.clock.move(DAY)
    quiet.go(COMPLETE)


def test_a_change_that_not_even_moved_a_version_is_found(quiet: MigrationFixture, kind: str) -> None:
    forge(quiet, "o-0002")
    seen = refusal(quiet)
    table = "orders" if kind == "postgres" else "items"
    assert (seen.code, f"other rows than were archived ({table})" in seen.detail) == ("legacy_in_use", True)


def test_a_comparison_that_is_too_old_is_made_again(quiet: MigrationFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(completion, "SECONDS", -1.0)
        assert refusal(quiet).code == "still_comparing"
    check(quiet)
    quiet.clock.move(completion.FRESH - timedelta(minutes=1))
    forge(quiet, "o-0002")
    quiet.clock.move(timedelta(minutes=1))
    assert "other rows than were archived" in refusal(quiet).detail


@pytest.mark.parametrize("use", [READ, WRITE])
def test_a_use_through_the_facade_is_seen(quiet: MigrationFixture, use: str) -> None:
    quiet.process().usage.used(use)
    seen = refusal(quiet)
    assert (seen.code, f"a {use} through the facade, seen at" in seen.detail) == ("legacy_in_use", True)


def test_the_facade_notes_when_it_uses_the_legacy_system(moto_migration: MigrationFixture) -> None:
    def queries() -> MigratingQueries:
        engine = moto_migration.engine
        clock, store = moto_migration.clock, engine.store(DOMAIN.registry)
        return MigratingQueries(moto_migration.migration, 0, store=store, views=engine.views(), wait_ms=0, clock=clock)

    moto_migration.go_to(DUAL)
    moto_migration.create(order())
    assert moto_migration.migration.usage.last().keys() == {WRITE}
    queries().get(ORDER_DETAILS, order())
    before = moto_migration.migration.usage.last()
    assert before.keys() == {READ, WRITE}
    moto_migration.go_to(EVENTS)
    moto_migration.clock.move(DAY)
    moto_migration.restart()
    moto_migration.add(order())
    queries().get(ORDER_DETAILS, order())
    assert moto_migration.migration.usage.last() == before


def test_what_happened_before_the_first_look_is_not_missed(ended: MigrationFixture) -> None:
    ended.process().usage.used(READ)
    quiet = ended.migration.monitor.check()
    assert (quiet.seen, quiet.since == quiet.seen_at, quiet.looks) == ("a read through the facade", True, 1)


def test_a_large_system_is_compared_a_piece_at_a_time(quiet: MigrationFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion, "SECONDS", -1.0)
    assert refusal(quiet).code == "still_comparing"
    monkeypatch.undo()
    check(quiet)
    monkeypatch.setattr(completion, "SECONDS", -1.0)
    quiet.go(COMPLETE)


def test_the_last_step_that_dies_anywhere_is_made_once(quiet: MigrationFixture) -> None:
    def work(_: int) -> None:
        quiet.process().transitions.move(COMPLETE, reason="test")

    for _ in deaths(quiet, work):
        if quiet.migration.phases.refreshed().step == COMPLETE:
            break
    quiet.go(COMPLETE)
    made = [e for e in quiet.migration.phases.history() if e.payload.model_dump().get("to") == COMPLETE.model_dump()]
    assert len(made) == 1


def test_once_legacy_writes_are_off_banyan_itself_is_refused_with_a_code(ended: MigrationFixture) -> None:
    with pytest.raises(LegacyWritesOff) as refused:
        write_a_row(ended, order(1))
    assert (problem_of(refused.value).status, problem_of(refused.value).code) == (409, "legacy_writes_off")


def write_a_row(migrating: MigrationFixture, stream: StreamId) -> None:
    """Write a row as a repair does."""
    with migrating.migration.repository.unit(stream, Primary.LEGACY) as unit:
        unit.write(LegacyRow(stream, 9, row(stream), SyncPoint(9, 9)), [])


@on_dynamodb
@pytest.mark.parametrize("step", [CANARY, CUT_OVER], ids=str)
def test_a_process_that_still_writes_both_sides_writes_no_item_any_more(
    moto_migration: MigrationFixture, step: Step
) -> None:
    moto_migration.go_to(CANARY)
    moto_migration.create(order())
    moto_migration.go_to(step)
    late = moto_migration.process()
    assert late.phases.current().step == step
    moto_migration.go_to(EVENTS)
    before = moto_migration.migration.repository.load(order())
    moto_migration.migration = late
    assert moto_migration.add(order()).head.version == 2
    with suppress(LegacyWritesOff):
        late.importer.import_row(order())
    moto_migration.restart()
    assert moto_migration.migration.repository.load(order()) == before
    assert len(moto_migration.told(order()).lines) == 2
