"""Steps forward by hand: none from which going back would lose something, and each with its evidence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.orders.support.archives import forge
from tests.orders.support.legacies import order, row
from tests.orders.support.migration import CANARY, CUT_OVER, DUAL, EVENTS, LEGACY_ONLY, MigrationFixture

from banyan.errors import Conflict, StoreUnavailable
from banyan.migration.checks import verification
from banyan.migration.phases.aggregate import Phase, Step

ORDERS = [order(number) for number in range(1, 6)]
COMPLETE = Step(phase=Phase.COMPLETE, percentage=100)


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "SLICE", 2)


def with_orders(migrating: MigrationFixture, step: Step) -> MigrationFixture:
    """The same with orders in it, at a step."""
    migrating.go_to(DUAL)
    for stream in ORDERS:
        migrating.create(stream)
    migrating.go_to(step)
    return migrating


def last(migrating: MigrationFixture) -> dict[str, Any]:
    """What the migration told last."""
    return migrating.migration.phases.history()[-1].payload.model_dump()


def test_every_step_forward_says_which_rows_were_compared(moto_migration: MigrationFixture) -> None:
    migrating = with_orders(moto_migration, DUAL)
    migrating.go(CANARY)
    told = last(migrating)["evidence"]
    assert (told["halfDone"], told["verified"]["rows"], len(told["verified"]["digest"])) == (0, 5, 64)
    migrating.go(CUT_OVER)
    assert last(migrating)["evidence"]["verified"]["digest"] == told["verified"]["digest"]
    migrating.add(order())
    migrating.go(EVENTS)
    assert last(migrating)["evidence"]["verified"]["digest"] != told["verified"]["digest"]


@pytest.mark.parametrize(("step", "to"), [(DUAL, CANARY), (CANARY, CUT_OVER), (CUT_OVER, EVENTS)], ids=str)
def test_content_that_differs_though_versions_agree_is_named_down_to_the_field(
    moto_migration: MigrationFixture, step: Step, to: Step
) -> None:
    migrating = with_orders(moto_migration, step)
    forge(migrating, ORDERS[2].id)
    with pytest.raises(Conflict, match=f"{ORDERS[2]} is not what its stream says: customer$") as refused:
        migrating.go(to)
    assert refused.value.code == "would_lose"
    assert migrating.migration.phases.refreshed().step == step
    migrating.go(LEGACY_ONLY)


def test_rows_that_no_stream_knows_are_named(moto_migration: MigrationFixture) -> None:
    migrating = with_orders(moto_migration, CANARY)
    migrating.legacy.write_directly(order(9), row(order(9)))
    with pytest.raises(Conflict, match=f"{order(9)} is not known to its stream"):
        migrating.go(CUT_OVER)


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
def test_writes_that_stay_half_done_are_counted(
    moto_migration: MigrationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreUnavailable("not now")

    migrating = with_orders(moto_migration, CANARY)
    monkeypatch.setattr(migrating.migration.relay, "stream", fail)
    migrating.add(order())
    with pytest.raises(Conflict, match=r"lose something: 1 half-done write$"):
        migrating.go(CUT_OVER)
    monkeypatch.undo()
    migrating.go(CUT_OVER)


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
def test_a_half_done_write_is_completed_and_is_no_difference(
    moto_migration: MigrationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreUnavailable("not now")

    migrating = with_orders(moto_migration, CANARY)
    monkeypatch.setattr(migrating.migration.relay, "stream", fail)
    migrating.add(ORDERS[0])
    monkeypatch.undo()
    monkeypatch.setattr(verification, "SLICE", 2)
    compared = migrating.process().verification.go_on(100, migrating.migration.phases.refreshed().moved_at).current
    assert (compared.differences, compared.rows) == ((), len(ORDERS))
    migrating.expect_equal(*ORDERS)


def test_a_stream_that_lost_an_event_is_found_although_nothing_is_half_done(
    moto_migration: MigrationFixture,
) -> None:
    migrating = with_orders(moto_migration, CANARY)
    migrating.add(ORDERS[3])
    commits = list(migrating.engine.table().forward(ORDERS[3], 0))
    migrating.engine.remove(commits[-1])
    with pytest.raises(Conflict, match=f"{ORDERS[3]} is at version 2, and its stream at 1"):
        migrating.go(CUT_OVER)


def test_rows_are_compared_a_slice_at_a_time_and_the_place_is_kept(moto_migration: MigrationFixture) -> None:
    migrating = with_orders(moto_migration, DUAL)
    moved_at = migrating.migration.phases.refreshed().moved_at
    begun = migrating.process().verification.go_on(2, moved_at).current
    assert (begun.rows, begun.ended_at) == (2, None)
    assert migrating.process().verification.go_on(100, moved_at).current.rows == len(ORDERS)
    proof = migrating.process().verification.evidence(moved_at)
    assert proof["rows"] == len(ORDERS)


def test_a_step_does_not_compare_again_what_was_compared_just_now(moto_migration: MigrationFixture) -> None:
    migrating = with_orders(moto_migration, DUAL)
    moved_at = migrating.migration.phases.refreshed().moved_at
    compared = migrating.process().verification.go_on(100, moved_at).current
    assert migrating.process().verification.go_on(100, moved_at).current == compared
    forge(migrating, ORDERS[2].id)
    migrating.clock.move(timedelta(seconds=verification.SECONDS))
    with pytest.raises(Conflict, match=f"{ORDERS[2]} is not what its stream says"):
        migrating.process().verification.evidence(moved_at)


def test_the_step_without_a_way_back_compares_all_rows_again(moto_migration: MigrationFixture) -> None:
    migrating = with_orders(moto_migration, CUT_OVER)
    migrating.process().verification.go_on(100, migrating.migration.phases.refreshed().moved_at)
    forge(migrating, ORDERS[2].id)
    with pytest.raises(Conflict, match=f"{ORDERS[2]} is not what its stream says"):
        migrating.go(EVENTS)


def test_what_was_compared_before_a_step_says_nothing_about_it(
    moto_migration: MigrationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrating = with_orders(moto_migration, CANARY)
    monkeypatch.setattr(verification, "SECONDS", 0.0)
    with pytest.raises(Conflict, match="2 of about") as refused:
        migrating.go(CUT_OVER)
    assert refused.value.code == "not_verified_yet"
    for _ in range(len(ORDERS)):
        migrating.migration.verification.go_on(2, migrating.migration.phases.refreshed().moved_at)
    migrating.go(CUT_OVER)


def test_another_walk_over_the_same_rows_refuses_no_step(
    moto_migration: MigrationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrating = with_orders(moto_migration, DUAL)
    moved_at = migrating.migration.phases.refreshed().moved_at
    mine, others, scan = migrating.process().verification, migrating.process().verification, [True, True]
    slice_of = verification.RowVerification._slice

    def overtaken(
        self: verification.RowVerification, passes: verification.VerificationPasses
    ) -> verification.VerificationPasses:
        if self is mine and scan and scan.pop():
            others.go_on(1, moved_at)
        return slice_of(self, passes)

    monkeypatch.setattr(verification.RowVerification, "_slice", overtaken)
    assert mine.evidence(moved_at)["rows"] == len(ORDERS)
    assert scan == []
