"""Each phase of a migration: who holds what, on the way and back."""

from __future__ import annotations

import pytest
from tests.orders.support.legacies import OnDynamoDB, OnPostgres, order, row
from tests.orders.support.migration import CANARY, CUT_OVER, DUAL, EVENTS, LEGACY_ONLY, MigrationFixture

from banyan.errors import CommandRejected, ConcurrencyError, NotFound, StoreUnavailable
from banyan.migration.phases.aggregate import Step
from banyan.migration.writes.primary import Primary
from orders.state import Order


def test_in_phase_legacy_no_event_is_written(world: MigrationFixture) -> None:
    world.create(order())
    world.add(order())
    assert len(world.row(order()).lines) == 2
    assert world.commits(order()) == []


@pytest.mark.parametrize("step", [DUAL, CANARY, CUT_OVER], ids=str)
def test_in_every_phase_with_two_sides_both_have_every_command(world: MigrationFixture, step: Step) -> None:
    world.go_to(step)
    created, added = world.create(order(), "a"), world.add(order(), "b")
    paid = world.pay(order(), "12.25", "c")
    assert [outcome.head.version for outcome in (created, added, paid)] == [1, 2, 3]
    assert [event.version for event in paid.events] == [3]
    assert world.commits(order()) == ["a", "b", "c"]
    assert world.row(order()).status == "paid"
    world.expect_equal(order())


def test_a_row_of_an_old_program_is_imported_with_its_first_command(world: MigrationFixture) -> None:
    world.legacy.write_directly(order(), row(order()))
    world.go_to(DUAL)
    assert world.add(order()).head.version == 2
    assert len(world.commits(order())) == 2
    world.expect_equal(order())


def test_what_an_old_program_wrote_meanwhile_becomes_a_corrective_event(world: MigrationFixture) -> None:
    world.go_to(DUAL)
    world.create(order(), "a")
    world.legacy.write_directly(order(), row(order(), customer="c-9"))
    assert world.add(order(), "b").head.version == 3
    assert world.row(order()).customer == "c-9"
    world.expect_equal(order())


def test_commands_are_refused_by_the_rules_on_either_side(world: MigrationFixture) -> None:
    for step in (LEGACY_ONLY, DUAL, CUT_OVER):
        world.go_to(step)
        with pytest.raises(NotFound, match="no such order"):
            world.add(order(9))


def test_a_repeated_command_has_its_first_outcome_in_every_phase(world: MigrationFixture) -> None:
    started = world.clock()
    for number, step in enumerate((LEGACY_ONLY, DUAL, CUT_OVER), start=1):
        world.go_to(step)
        world.create(order(number))
        first = world.add(order(number), "once")
        world.add(order(number), "other")
        world.restart()
        again = world.add(order(number), "once", first_attempt=started)
        assert (again.repeated, again.head.version, again.state) == (True, first.head.version, first.state)
        assert len(world.row(order(number)).lines) == 3


def test_a_repeated_command_is_answered_though_the_model_of_its_state_has_changed(
    world: MigrationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, step in enumerate((LEGACY_ONLY, DUAL), start=1):
        world.go_to(step)
        world.create(order(number))
        with monkeypatch.context() as earlier:
            earlier.setattr(Order, "model_dump_json", lambda _: '{"status":"open"}')
            world.add(order(number), "once")
        again = world.add(order(number), "once")
        assert (again.repeated, again.head.version, again.state.item_count) == (True, 2, 2)


def test_a_command_is_found_again_on_the_other_side_of_the_turn(world: MigrationFixture) -> None:
    started = world.clock()
    world.go_to(CANARY)
    world.create(order())
    world.add(order(), "before")
    world.go(CUT_OVER)
    world.restart()
    assert world.add(order(), "before", first_attempt=started).repeated
    world.add(order(), "behind")
    world.go(CANARY)
    world.restart()
    assert world.add(order(), "behind", first_attempt=started).repeated
    assert len(world.row(order()).lines) == 3
    world.expect_equal(order())


def test_a_caller_who_saw_an_older_version_is_told_so(world: MigrationFixture) -> None:
    for number, step in enumerate((LEGACY_ONLY, DUAL, CUT_OVER), start=1):
        world.go_to(step)
        world.create(order(number))
        assert world.add(order(number), expected=1).head.version == 2
        with pytest.raises(ConcurrencyError, match="at version 2, not 1"):
            world.add(order(number), expected=1)


def test_behind_the_cutover_back_the_legacy_system_has_everything(world: MigrationFixture) -> None:
    world.go_to(CUT_OVER)
    world.create(order(1))
    world.add(order(1))
    world.go(CANARY)
    world.add(order(1))
    world.create(order(2))
    world.go(LEGACY_ONLY)
    world.add(order(2))
    assert len(world.row(order(1)).lines) == 3
    world.go_to(CUT_OVER)
    world.add(order(2))
    assert len(world.row(order(2)).lines) == 3
    world.expect_equal(order(1), order(2))


def test_a_process_that_believes_in_the_old_phase_writes_nothing_twice_and_loses_nothing(
    world: MigrationFixture,
) -> None:
    world.go_to(CANARY)
    world.create(order())
    old = world.process()
    assert old.phases.current().step == CANARY
    world.go(CUT_OVER)
    world.add(order())
    stale, world.migration = world.migration, old
    world.add(order())
    world.migration = stale
    world.go(CANARY)
    world.migration = old
    world.add(order())
    assert len(world.row(order()).lines) == 4
    world.expect_equal(order())


def test_once_events_stand_alone_the_legacy_system_is_left_alone(world: MigrationFixture) -> None:
    world.go_to(CUT_OVER)
    world.create(order())
    world.go(EVENTS)
    world.add(order())
    assert (len(world.told(order()).lines), len(world.row(order()).lines)) == (2, 1)
    assert world.migration.repository.primary() is Primary.OFF
    with pytest.raises(CommandRejected, match="no move leads"):
        world.go(CUT_OVER)


def test_a_process_that_still_writes_both_sides_learns_that_events_stand_alone(world: MigrationFixture) -> None:
    world.go_to(CUT_OVER)
    world.create(order())
    old = world.process()
    assert old.phases.current().step == CUT_OVER
    world.go(EVENTS)
    world.add(order())
    world.migration = old
    assert world.add(order()).head.version == 3
    assert len(world.told(order()).lines) == 3


def test_the_migration_tells_its_own_history(world: MigrationFixture) -> None:
    world.go(DUAL, CANARY, CUT_OVER, CANARY)
    history = [event.event_type for event in world.migration.phases.history()]
    assert history == ["Moved", "Moved", "MoveBegan", "Moved", "MoveBegan", "Moved"]


def test_worlds_are_of_both_kinds(world: MigrationFixture, kind: str) -> None:
    assert isinstance(world.legacy, OnPostgres if kind == "postgres" else OnDynamoDB)


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
def test_a_cutover_takes_along_what_the_other_side_does_not_have_yet(
    moto_world: MigrationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreUnavailable("not now")

    moto_world.go_to(CANARY)
    monkeypatch.setattr(moto_world.migration.relay, "stream", fail)
    moto_world.create(order())
    assert moto_world.commits(order()) == []
    moto_world.restart()
    moto_world.go(CUT_OVER)
    moto_world.expect_equal(order())
    monkeypatch.setattr(moto_world.migration.legacy_sync, "sync", fail)
    moto_world.add(order())
    assert len(moto_world.row(order()).lines) == 1
    moto_world.restart()
    moto_world.go(CANARY)
    moto_world.expect_equal(order())
    assert len(moto_world.row(order()).lines) == 2
