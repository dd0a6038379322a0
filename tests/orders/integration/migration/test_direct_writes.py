"""What old programs write past the facade, and what becomes of it."""

from __future__ import annotations

import pytest
from tests.orders.support.legacies import order, row
from tests.orders.support.migration import CANARY, CUT_OVER, DUAL, MigrationFixture

from banyan.errors import NotFound


def replace(migrating: MigrationFixture, customer: str = "c-9") -> None:
    """Delete a row and insert another in its place, with as many changes as the first had."""
    before = migrating.migration.repository.load(order())
    migrating.legacy.delete_directly(order())
    for _ in range(before.version if before else 1):
        migrating.legacy.write_directly(order(), row(order(), customer=customer))


@pytest.mark.parametrize("changes", [1, 2])
def test_a_row_put_in_the_place_of_a_deleted_one_is_imported_by_the_backfill(
    moto_migration: MigrationFixture, changes: int
) -> None:
    for _ in range(changes):
        moto_migration.legacy.write_directly(order(), row(order()))
    moto_migration.go_to(DUAL)
    moto_migration.import_row()
    replace(moto_migration)
    done = moto_migration.process().backfill.run()
    assert (done.imported, done.failed) == (1, {})
    assert moto_migration.told(order()).customer == "c-9"
    moto_migration.expect_equal(order())


def test_a_row_put_in_the_place_of_a_deleted_one_is_imported_with_its_next_command(
    moto_migration: MigrationFixture,
) -> None:
    moto_migration.go_to(DUAL)
    moto_migration.create(order(), "a")
    replace(moto_migration)
    assert moto_migration.add(order(), "b").head.version == 3
    assert [moto_migration.row(order()).customer, len(moto_migration.row(order()).lines)] == ["c-9", 3]
    moto_migration.expect_equal(order())


def test_rows_may_take_each_others_place_again_and_again(moto_migration: MigrationFixture) -> None:
    moto_migration.go_to(DUAL)
    for number in range(1, 5):
        replace(moto_migration, f"c-{number}")
        moto_migration.import_row()
        moto_migration.expect_equal(order())
    assert moto_migration.told(order()).customer == "c-4"


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
def test_an_order_that_was_deleted_directly_can_be_created_again(moto_migration: MigrationFixture) -> None:
    moto_migration.go_to(DUAL)
    moto_migration.create(order(), "a")
    moto_migration.add(order(), "b")
    moto_migration.legacy.delete_directly(order())
    with pytest.raises(NotFound):
        moto_migration.add(order(), "c")
    assert moto_migration.create(order(), "d").head.version == 3
    assert (moto_migration.create(order(), "d").repeated, moto_migration.add(order(), "e").head.version) == (
        True,
        4,
    )
    assert moto_migration.migration.recover() == 0
    assert len(moto_migration.row(order()).lines) == 2
    moto_migration.expect_equal(order())
    moto_migration.go_to(CUT_OVER)


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
def test_a_row_that_was_deleted_while_events_are_primary_comes_back_with_the_next_command(
    moto_migration: MigrationFixture,
) -> None:
    moto_migration.go_to(CUT_OVER)
    moto_migration.create(order(), "a")
    moto_migration.add(order(), "b")
    moto_migration.legacy.delete_directly(order())
    moto_migration.add(order(), "c")
    assert moto_migration.migration.recover() == 0
    moto_migration.expect_equal(order())
    moto_migration.go(CANARY)
    moto_migration.add(order(), "d")
    moto_migration.expect_equal(order())
