"""Backfill: every row becomes an event, once, while others write."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from tests.orders.support.legacies import OnDynamoDB, order, row
from tests.orders.support.migration import CANARY, CUT_OVER, DUAL, LEGACY_ONLY, MigrationFixture
from tests.orders.support.moments import deaths
from tests.support.engines import DynamoDBEngine

from banyan.errors import Conflict
from banyan.migration.stores.legacy import LegacyRow
from banyan.migration.sync import backfill
from banyan.migration.sync.backfill import Backfill, BackfillProgress

ROWS = 12
TRAFFIC_PAGES = 3
MOMENTS = 100


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "PAGE", 5)


def a_backfill(migrating: MigrationFixture) -> Backfill:
    """A backfill of a new process."""
    return migrating.process().backfill


def fill(migrating: MigrationFixture) -> None:
    """Rows that old programs wrote."""
    for number in range(1, ROWS + 1):
        migrating.legacy.write_directly(order(number), row(order(number), customer=f"c-{number}"))


def test_every_row_becomes_one_event_and_a_second_run_changes_nothing(moto_migration: MigrationFixture) -> None:
    fill(moto_migration)
    moto_migration.go_to(DUAL)
    seen: list[int] = []
    done = a_backfill(moto_migration).run(lambda progress: seen.append(progress.seen))
    assert (done.seen, done.imported, done.failed, done.finished) == (ROWS, ROWS, {}, True)
    assert seen == [5, 10, 12, 12]
    streams = [order(number) for number in range(1, ROWS + 1)]
    moto_migration.expect_equal(*streams)
    before = [moto_migration.commits(stream) for stream in streams]
    again = a_backfill(moto_migration).run()
    assert (again.rows, again.seen, again.imported) == (ROWS, ROWS, 0)
    assert [moto_migration.commits(stream) for stream in streams] == before
    moto_migration.go_to(CUT_OVER)


def test_a_backfill_continues_where_it_was_cut_short(moto_migration: MigrationFixture) -> None:
    fill(moto_migration)
    moto_migration.go_to(DUAL)
    first = a_backfill(moto_migration).run(pages=1)
    assert (first.seen, first.finished) == (5, False)
    assert a_backfill(moto_migration).progress() == first
    rest = a_backfill(moto_migration).run()
    assert (rest.seen, rest.imported, rest.finished) == (ROWS, ROWS, True)


def test_a_backfill_that_dies_anywhere_is_resumed_and_imports_each_row_once(
    mortal: MigrationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "PAGE", 2)
    streams = list(map(order, range(1, 4)))
    for stream in streams:
        mortal.legacy.write_directly(stream, row(stream))
    mortal.go_to(DUAL)
    for moment in deaths(mortal, lambda _: a_backfill(mortal).run()):
        assert mortal.migration.recover() == 0
        assert moment < MOMENTS, "it never ends"
    done = a_backfill(mortal).run()
    assert (done.failed, done.finished) == ({}, True)
    mortal.expect_equal(*streams)
    assert [len(mortal.commits(stream)) for stream in streams] == [1, 1, 1]


@pytest.mark.parametrize(("tenant", "id"), [("acme", "o 1"), ("a:b", "1"), ("_system", "1"), ("acme", "\n" * 3)])
def test_a_row_that_no_stream_can_be_named_after_is_passed_over_by_name(
    moto: DynamoDBEngine, tenant: str, id: str
) -> None:
    legacy = OnDynamoDB(moto)
    migrating = MigrationFixture(moto, legacy)
    fill(migrating)
    update: Any = legacy.repository.update(None, LegacyRow(order(1), 1, row(order(1))))["Update"]
    moto.client.update_item(**{**update, "Key": {"tenant": {"S": tenant}, "id": {"S": id}}})
    migrating.go_to(DUAL)
    done = a_backfill(migrating).run()
    ((name, why),) = done.failed.items()
    assert (done.seen, done.imported, done.failures, done.finished) == (ROWS + 1, ROWS, 1, True)
    assert (name.startswith(tenant), name.isprintable(), "cannot be part of a stream's name" in why) == (True,) * 3
    with pytest.raises(Conflict, match="cannot be part of a stream's name"):
        migrating.go(CANARY)


def test_commands_that_come_meanwhile_are_neither_lost_nor_told_twice(moto_migration: MigrationFixture) -> None:
    fill(moto_migration)
    moto_migration.go_to(DUAL)
    pages = count(1)

    def traffic(progress: BackfillProgress) -> None:  # noqa: ARG001
        page = next(pages)
        if page <= TRAFFIC_PAGES:
            moto_migration.add(order(page))
            moto_migration.add(order(ROWS - page))
            moto_migration.create(order(ROWS + page))

    a_backfill(moto_migration).run(traffic)
    a_backfill(moto_migration).run()
    found = {row.stream: row for row in moto_migration.migration.repository.scan(None, 100)}
    assert len(found) == ROWS + TRAFFIC_PAGES
    moto_migration.expect_equal(*found)
    assert [len(moto_migration.row(order(number)).lines) for number in (1, 2, 3)] == [3, 3, 3]


def test_a_row_that_cannot_become_an_event_is_named_and_stops_no_other(moto_migration: MigrationFixture) -> None:
    fill(moto_migration)
    moto_migration.legacy.write_directly(order(3), row(order(3), customer="no#key"))
    moto_migration.go_to(DUAL)
    done = a_backfill(moto_migration).run()
    assert (done.failures, list(done.failed)) == (1, [str(order(3))])
    assert "customer_id" in done.failed[str(order(3))]
    assert "no#key" not in done.failed[str(order(3))]
    assert done.imported == ROWS - 1
    assert moto_migration.migration.recover() == 0


def test_the_controller_continues_what_was_asked_for_as_long_as_there_is_time(
    moto_migration: MigrationFixture,
) -> None:
    fill(moto_migration)
    moto_migration.go_to(DUAL)
    forever = lambda: 100.0  # noqa: E731
    assert a_backfill(moto_migration).go_on(forever) is None, "it was not asked for"
    asked = a_backfill(moto_migration).begin()
    time_left = iter([100.0, 100.0, 9.0])
    first = a_backfill(moto_migration).go_on(lambda: next(time_left))
    assert (asked.seen, first and first.seen) == (0, 10)
    assert a_backfill(moto_migration).begin() == first, "it is not begun again"
    moto_migration.go(LEGACY_ONLY)
    assert a_backfill(moto_migration).go_on(forever) == first, "it waits for its phase"
    moto_migration.go_to(DUAL)
    rest = a_backfill(moto_migration).go_on(forever)
    assert rest is not None
    assert (rest.seen, rest.imported, rest.finished) == (ROWS, ROWS, True)
    assert a_backfill(moto_migration).go_on(forever) == rest


def test_of_two_who_go_on_with_it_one_gives_way(moto_migration: MigrationFixture) -> None:
    fill(moto_migration)
    moto_migration.go_to(DUAL)
    a_backfill(moto_migration).begin()
    slow, quick = a_backfill(moto_migration), a_backfill(moto_migration)

    def overtake() -> float:
        assert quick.go_on(iter([100.0, 0.0]).__next__) is not None
        return 100.0

    with pytest.raises(Conflict, match="another process continues"):
        slow.go_on(overtake)
    done = a_backfill(moto_migration).run()
    assert (done.seen, done.imported) == (ROWS, ROWS)


def test_a_backfill_waits_for_the_phase_in_which_events_follow_every_write(moto_migration: MigrationFixture) -> None:
    with pytest.raises(Conflict, match="dual_write or canary"):
        a_backfill(moto_migration).run()


def test_a_preview_says_what_it_will_cost(moto_migration: MigrationFixture, kind: str) -> None:
    fill(moto_migration)
    preview = a_backfill(moto_migration).preview(0.625)
    if kind == "postgres":
        assert (preview.rows, preview.write_units) == (ROWS, 2 * ROWS)
    assert preview.price == preview.write_units * 0.625 / 1_000_000
