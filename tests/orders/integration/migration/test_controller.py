"""The controller: on while healthy for long enough, back at once when not, and never on without a way back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.orders.support.legacies import order, row
from tests.orders.support.migration import CANARY, CUT_OVER, DUAL, LEGACY_ONLY, MigrationFixture

from banyan.migration.checks.health import Limits
from banyan.migration.phases.aggregate import BeginMove, MigrationState, Phase, Step
from banyan.migration.phases.controller import Controller
from banyan.migration.writes.primary import Primary
from banyan.reconciliation.content import FieldDifference

LIMITS = Limits(stable=timedelta(hours=24), samples=10)
DAY = timedelta(hours=25)
FIRST = Step(phase=Phase.CANARY, percentage=10)


def run(migrating: MigrationFixture, **limits: object) -> MigrationState:
    """One run of the controller."""
    return Controller(replace(migrating.migration, limits=replace(LIMITS, **limits))).run()  # type: ignore[arg-type]


def compare(migrating: MigrationFixture, alike: int, differing: int = 0, lag_ms: int = 0) -> None:
    """Keep samples of reads."""
    state = migrating.migration.phases.refreshed()
    for number in range(alike + differing):
        fields = [FieldDifference(name="status", expected='"created"', actual='"paid"')] if number < differing else []
        migrating.migration.samples.compared(state, order(), fields, lag_ms, migrating.clock())


def test_nothing_moves_before_an_operator_begins(moto_migration: MigrationFixture) -> None:
    moto_migration.clock.move(DAY)
    assert run(moto_migration).step == LEGACY_ONLY


def test_a_healthy_migration_moves_on_a_step_after_each_window(moto_migration: MigrationFixture) -> None:
    moto_migration.go_to(DUAL)
    assert run(moto_migration).deferred == "not stable for long enough"
    reached = []
    for _ in range(4):
        moto_migration.clock.move(DAY)
        compare(moto_migration, LIMITS.samples)
        reached.append(run(moto_migration).step.percentage)
        assert run(moto_migration).step.percentage == reached[-1]
    assert reached == [10, 25, 50, 100]
    moto_migration.clock.move(DAY)
    assert run(moto_migration).step == CUT_OVER


def test_too_few_samples_hold_it(moto_migration: MigrationFixture) -> None:
    moto_migration.go_to(CANARY)
    moto_migration.clock.move(DAY)
    compare(moto_migration, LIMITS.samples - 1)
    assert run(moto_migration).deferred == "too few reads were compared"


def test_differing_reads_move_it_back_within_one_run(moto_migration: MigrationFixture) -> None:
    moto_migration.go_to(CANARY)
    compare(moto_migration, 98, 2)
    state = run(moto_migration)
    assert state.step == DUAL
    told = moto_migration.migration.phases.history()[-1].payload
    assert told.model_dump()["reason"] == "too many reads differ"
    assert told.model_dump()["evidence"]["mismatchRate"] == 0.02


def test_a_long_lag_moves_it_back_even_over_the_cutover(moto_migration: MigrationFixture) -> None:
    moto_migration.go_to(CUT_OVER)
    moto_migration.create(order())
    compare(moto_migration, 1, lag_ms=LIMITS.lag_ms + 1)
    assert run(moto_migration).step == DUAL
    assert moto_migration.migration.repository.primary() is Primary.LEGACY
    moto_migration.add(order())
    moto_migration.expect_equal(order())


def test_between_half_a_limit_and_the_limit_it_stays(moto_migration: MigrationFixture) -> None:
    moto_migration.go_to(CANARY)
    moto_migration.clock.move(DAY)
    compare(moto_migration, LIMITS.samples, lag_ms=LIMITS.lag_ms - 1)
    state = run(moto_migration)
    assert (state.step, state.deferred) == (CANARY, "the lag is too long")


def test_what_was_seen_before_a_step_says_nothing_about_it(moto_migration: MigrationFixture) -> None:
    compare(moto_migration, 0, 5)
    moto_migration.go_to(CANARY)
    assert run(moto_migration).step == CANARY


def test_it_does_not_go_on_while_a_row_is_not_known_to_its_stream(moto_migration: MigrationFixture) -> None:
    moto_migration.go_to(DUAL)
    moto_migration.legacy.write_directly(order(), row(order()))
    moto_migration.clock.move(DAY)
    assert "backfill" in run(moto_migration).deferred
    moto_migration.add(order())
    assert run(moto_migration).step == FIRST


def test_a_decision_to_stay_is_recorded_once(moto_migration: MigrationFixture) -> None:
    moto_migration.go_to(DUAL)
    before = len(moto_migration.migration.phases.history())
    for _ in range(3):
        run(moto_migration)
    assert [event.event_type for event in moto_migration.migration.phases.history()[before:]] == ["Held"]


def test_a_cutover_that_was_cut_short_is_finished(moto_migration: MigrationFixture) -> None:
    moto_migration.go_to(CANARY)
    moto_migration.migration.phases.handle(BeginMove(to=CUT_OVER, reason="by hand", at=moto_migration.clock()))
    assert run(moto_migration).step == CUT_OVER
    moto_migration.create(order())
    moto_migration.expect_equal(order())


def test_a_cutover_that_cannot_be_finished_is_given_up(moto_migration: MigrationFixture, kind: str) -> None:
    if kind == "dynamodb":
        pytest.skip("there both sides change together: nothing can be left over")
    moto_migration.go_to(CANARY)
    moto_migration.create(order())
    moto_migration.legacy.write_directly(order(2), row(order(2), customer="no#key"))
    moto_migration.migration.phases.handle(BeginMove(to=CUT_OVER, reason="by hand", at=moto_migration.clock()))
    state = run(moto_migration)
    assert (state.step, state.moving_to) == (CANARY, None)
    moto_migration.add(order())
    assert moto_migration.migration.repository.primary() is Primary.LEGACY
