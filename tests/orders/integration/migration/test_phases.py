"""Each phase of a migration: who holds what, on the way and back."""

from __future__ import annotations

import pytest
from tests.orders.support.legacies import OnDynamoDB, OnPostgres, order, row
from tests.orders.support.migration import CANARY, CUT_OVER, DUAL, EVENTS, LEGACY_ONLY, MigrationFixture

from banyan.errors import CommandRejected, ConcurrencyError, NotFound, StoreUnavailable
from banyan.migration.phases.aggregate import Step
from banyan.migration.writes.primary import Primary
from orders.state import Order


def test_in_phase_legacy_no_event_is_written(migrating: MigrationFixture) -> None:
    migrating.create(order())
    migrating.add(order())
    assert len(migrating.row(order()).lines) == 2
    assert migrating.commits(order()) == []


@pytest.mark.parametrize("step", [DUAL, CANARY, CUT_OVER], ids=str)
def test_in_every_phase_with_two_sides_both_have_every_command(migrating: MigrationFixture, step: Step) -> None:
    migrating.go_to(step)
    created, added = migrating.create(order(), "a"), migrating.add(order(), "b")
    paid = migrating.pay(order(), "12.25", "c")
    assert [outcome.head.version for outcome in (created, added, paid)] == [1, 2, 3]
    assert [event.version for event in paid.events] == [3]
    assert migrating.commits(order()) == ["a", "b", "c"]
    assert migrating.row(order()).status == "paid"
    migrating.expect_equal(order())


def test_a_row_of_an_old_program_is_imported_with_its_first_command(migrating: MigrationFixture) -> None:
    migrating.legacy.write_directly(order(), row(order()))
    migrating.go_to(DUAL)
    assert migrating.add(order()).head.version == 2
    assert len(migrating.commits(order())) == 2
    migrating.expect_equal(order())


def test_what_an_old_program_wrote_meanwhile_becomes_a_corrective_event(migrating: MigrationFixture) -> None:
    migrating.go_to(DUAL)
    migrating.create(order(), "a")
    migrating.legacy.write_directly(order(), row(order(), customer="c-9"))
    assert migrating.add(order(), "b").head.version == 3
    assert migrating.row(order()).customer == "c-9"
    migrating.expect_equal(order())


def test_commands_are_refused_by_the_rules_on_either_side(migrating: MigrationFixture) -> None:
    for step in (LEGACY_ONLY, DUAL, CUT_OVER):
        migrating.go_to(step)
        with pytest.raises(NotFound, match="no such order"):
            migrating.add(order(9))


def test_a_repeated_command_has_its_first_outcome_in_every_phase(migrating: MigrationFixture) -> None:
    started = migrating.clock()
    for number, step in enumerate((LEGACY_ONLY, DUAL, CUT_OVER), start=1):
        migrating.go_to(step)
        migrating.create(order(number))
        first = migrating.add(order(number), "once")
        migrating.add(order(number), "other")
        migrating.restart()
        again = migrating.add(order(number), "once", first_attempt=started)
        assert (again.repeated, again.head.version, again.state) == (True, first.head.version, first.state)
        assert len(migrating.row(order(number)).lines) == 3


def test_a_repeated_command_is_answered_though_the_model_of_its_state_has_changed(
    migrating: MigrationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, step in enumerate((LEGACY_ONLY, DUAL), start=1):
        migrating.go_to(step)
        migrating.create(order(number))
        with monkeypatch.context() as earlier:
            earlier.setattr(Order, "model_dump_json", lambda _: '{"status":"open"}')
            migrating.add(order(number), "once")
        again = migrating.add(order(number), "once")
        assert (again.repeated, again.head.version, again.state.item_count) == (True, 2, 2)


def test_a_command_is_found_again_on_the_other_side_of_the_turn(migrating: MigrationFixture) -> None:
    started = migrating.clock()
    migrating.go_to(CANARY)
    migrating.create(order())
    migrating.add(order(), "before")
    migrating.go(CUT_OVER)
    migrating.restart()
    assert migrating.add(order(), "before", first_attempt=started).repeated
    migrating.add(order(), "behind")
    migrating.go(CANARY)
    migrating.restart()
    assert migrating.add(order(), "behind", first_attempt=started).repeated
    assert len(migrating.row(order()).lines) == 3
    migrating.expect_equal(order())


def test_a_caller_who_saw_an_older_version_learns_so(migrating: MigrationFixture) -> None:
    for number, step in enumerate((LEGACY_ONLY, DUAL, CUT_OVER), start=1):
        migrating.go_to(step)
        migrating.create(order(number))
        assert migrating.add(order(number), expected=1).head.version == 2
        with pytest.raises(ConcurrencyError, match="at version 2, not 1"):
            migrating.add(order(number), expected=1)


def test_behind_the_cutover_back_the_legacy_system_has_everything(migrating: MigrationFixture) -> None:
    migrating.go_to(CUT_OVER)
    migrating.create(order(1))
    migrating.add(order(1))
    migrating.go(CANARY)
    migrating.add(order(1))
    migrating.create(order(2))
    migrating.go(LEGACY_ONLY)
    migrating.add(order(2))
    assert len(migrating.row(order(1)).lines) == 3
    migrating.go_to(CUT_OVER)
    migrating.add(order(2))
    assert len(migrating.row(order(2)).lines) == 3
    migrating.expect_equal(order(1), order(2))


def test_a_process_that_believes_in_the_old_phase_writes_nothing_twice_and_loses_nothing(
    migrating: MigrationFixture,
) -> None:
    migrating.go_to(CANARY)
    migrating.create(order())
    old = migrating.process()
    assert old.phases.current().step == CANARY
    migrating.go(CUT_OVER)
    migrating.add(order())
    stale, migrating.migration = migrating.migration, old
    migrating.add(order())
    migrating.migration = stale
    migrating.go(CANARY)
    migrating.migration = old
    migrating.add(order())
    assert len(migrating.row(order()).lines) == 4
    migrating.expect_equal(order())


def test_once_events_stand_alone_the_legacy_system_is_left_alone(migrating: MigrationFixture) -> None:
    migrating.go_to(CUT_OVER)
    migrating.create(order())
    migrating.go(EVENTS)
    migrating.add(order())
    assert (len(migrating.told(order()).lines), len(migrating.row(order()).lines)) == (2, 1)
    assert migrating.migration.repository.primary() is Primary.OFF
    with pytest.raises(CommandRejected, match="no move leads"):
        migrating.go(CUT_OVER)


def test_a_process_that_still_writes_both_sides_learns_that_events_stand_alone(migrating: MigrationFixture) -> None:
    migrating.go_to(CUT_OVER)
    migrating.create(order())
    old = migrating.process()
    assert old.phases.current().step == CUT_OVER
    migrating.go(EVENTS)
    migrating.add(order())
    migrating.migration = old
    assert migrating.add(order()).head.version == 3
    assert len(migrating.told(order()).lines) == 3


def test_the_migration_has_its_own_history(migrating: MigrationFixture) -> None:
    migrating.go(DUAL, CANARY, CUT_OVER, CANARY)
    history = [event.event_type for event in migrating.migration.phases.history()]
    assert history == ["Moved", "Moved", "MoveBegan", "Moved", "MoveBegan", "Moved"]


def test_fixtures_are_of_both_kinds(migrating: MigrationFixture, kind: str) -> None:
    assert isinstance(migrating.legacy, OnPostgres if kind == "postgres" else OnDynamoDB)


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
def test_a_cutover_takes_along_what_the_other_side_does_not_have_yet(
    moto_migration: MigrationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreUnavailable("not now")

    moto_migration.go_to(CANARY)
    monkeypatch.setattr(moto_migration.migration.relay, "stream", fail)
    moto_migration.create(order())
    assert moto_migration.commits(order()) == []
    moto_migration.restart()
    moto_migration.go(CUT_OVER)
    moto_migration.expect_equal(order())
    monkeypatch.setattr(moto_migration.migration.legacy_sync, "sync", fail)
    moto_migration.add(order())
    assert len(moto_migration.row(order()).lines) == 1
    moto_migration.restart()
    moto_migration.go(CANARY)
    moto_migration.expect_equal(order())
    assert len(moto_migration.row(order()).lines) == 2
