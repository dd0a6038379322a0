"""Cutovers that race each other: whoever comes late changes nothing any more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import count

import pytest
from tests.orders.integration.migration.conftest import slow_on_postgres
from tests.orders.support.legacies import order, row
from tests.orders.support.migration import CANARY, CUT_OVER, MigrationFixture
from tests.orders.support.moments import Moments, meanwhile, stepping
from tests.support.interruptions import Killed

from banyan.adapters.dynamodb.gateway import Gateway
from banyan.errors import BanyanError
from banyan.migration.migration import Migration
from banyan.migration.phases.aggregate import BeginMove, Step
from banyan.migration.writes.primary import DynamoDBPrimary

Intruder = Callable[[Migration], object]


def finishes(migration: Migration) -> None:
    """The controller makes the same cutover."""
    migration.transitions.finish()


def gives_up(migration: Migration) -> None:
    """The controller lets the earlier primary take over again."""
    migration.transitions.give_up("test")


@slow_on_postgres
@pytest.mark.parametrize(
    ("intruder", "source", "to"),
    [(finishes, CANARY, CUT_OVER), (gives_up, CANARY, CUT_OVER), (gives_up, CUT_OVER, CANARY)],
    ids=["finishes", "gives up to events", "gives up to legacy"],
)
def test_whatever_comes_between_two_steps_of_a_cutover_both_stores_agree(
    moto_migration: MigrationFixture, intruder: Intruder, source: Step, to: Step
) -> None:
    moto_migration.go_to(source)
    moto_migration.create(order())
    for number in range(1, cut_over(moto_migration, source, to, Moments()) + 1):
        moments = Moments(number, lambda: meanwhile(moto_migration, intruder))
        cut_over(moto_migration, source, to, moments)


def cut_over(migrating: MigrationFixture, source: Step, to: Step, moments: Moments) -> int:
    """A cutover in which something happens at a moment, and what must hold after it; returns the number of moments."""
    migrating.restart()
    migrating.migration.phases.handle(BeginMove(to=to, reason="test", at=migrating.clock()))
    with stepping(migrating, moments, within=False), suppress(BanyanError):
        migrating.migration.transitions.finish()
    migrating.restart()
    expect_agreement(migrating)
    migrating.add(order())
    migrating.expect_equal(order())
    if migrating.migration.phases.refreshed().step != source:
        migrating.cut_over(source)
    return moments.passed


def expect_agreement(migrating: MigrationFixture) -> None:
    """What the controller does each minute leaves both stores with the leader that the migration says."""
    state = migrating.migration.transitions.finish()
    assert state.moving_to is None
    primary = DynamoDBPrimary(Gateway(migrating.engine.client), migrating.engine.tables.migration, "order")
    assert {primary.get(), migrating.migration.repository.primary()} == {state.primary}


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
def test_a_cutover_takes_along_what_an_old_program_wrote_after_the_rows_were_compared(
    moto_migration: MigrationFixture,
) -> None:
    moto_migration.go_to(CANARY)
    moto_migration.legacy.write_directly(order(), row(order()))
    moto_migration.cut_over(CUT_OVER)
    moto_migration.expect_equal(order())


class Late(Moments):
    """A process that another one overtakes at its first moment, and that dies at a later one.

    Parameters
    ----------
    deadly : int
        The moment at which it dies.
    """

    def __init__(self, deadly: int, overtake: Callable[[], object]) -> None:
        super().__init__(deadly)
        self._overtake = overtake

    def __call__(self) -> None:
        if self.passed == 0:
            self._overtake()
        super().__call__()


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
@pytest.mark.parametrize(
    ("source", "to"), [(CANARY, CUT_OVER), pytest.param(CUT_OVER, CANARY, marks=pytest.mark.slow)], ids=str
)
def test_whoever_comes_late_and_dies_leaves_the_primary_where_it_is(
    moto_migration: MigrationFixture, source: Step, to: Step
) -> None:
    moto_migration.go_to(source)
    moto_migration.create(order())
    for deadly in count(2):
        moto_migration.migration.phases.handle(BeginMove(to=to, reason="test", at=moto_migration.clock()))
        late = Late(deadly, lambda: meanwhile(moto_migration, finishes))
        with stepping(moto_migration, late, within=False), suppress(Killed):
            moto_migration.migration.transitions.finish()
        moto_migration.restart()
        expect_agreement(moto_migration)
        moto_migration.add(order())
        moto_migration.expect_equal(order())
        if late.passed < deadly:
            break
        moto_migration.cut_over(source)
    assert deadly > 2
