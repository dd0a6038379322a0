"""Unfinished work of a migration that makes no progress is told for as long as it makes none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.orders.integration.migration.test_backfill import a_backfill, fill
from tests.orders.support.migration import DUAL, MigrationFixture
from tests.support.projections import CountingTelemetry

from banyan.migration.checks.idle import report_idle

GAUGE = "MigrationIdleSeconds"


def idle(migrating: MigrationFixture) -> dict[str, float]:
    """What the next run, a minute later, tells of each work; the whole under the empty name."""
    migrating.clock.move(timedelta(minutes=1))
    telemetry = CountingTelemetry()
    report_idle(replace(migrating.process(), telemetry=telemetry))
    return {of: round(value) for (name, of), value in telemetry.gauges.items() if name == GAUGE}


def test_without_unfinished_work_it_is_zero(moto_migration: MigrationFixture) -> None:
    moto_migration.go_to(DUAL)
    assert idle(moto_migration) == {"": 0}


def test_a_backfill_that_no_process_continues_is_reported_until_it_moves_and_is_over_when_it_is_done(
    moto_migration: MigrationFixture,
) -> None:
    fill(moto_migration)
    moto_migration.go_to(DUAL)
    a_backfill(moto_migration).begin()
    assert [idle(moto_migration)["backfill"] for _ in range(3)] == [0, 60, 120]
    a_backfill(moto_migration).run(pages=1)
    assert [idle(moto_migration)["backfill"] for _ in range(2)] == [0, 60]
    a_backfill(moto_migration).run()
    assert idle(moto_migration) == {"": 0}
