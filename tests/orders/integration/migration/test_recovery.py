"""Completing what is half done takes no longer than it may, whatever there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest
from tests.orders.support.legacies import InMemory, order, row
from tests.orders.support.migration import CUT_OVER, DUAL, MigrationFixture
from tests.orders.support.reconciled import OverMemory
from tests.support.engines import DynamoDBEngine

from banyan.migration.migration import RECOVERY_SECONDS
from banyan.migration.sync.backlog import LegacySync
from banyan.migration.writes.parked import Owner, ParkedRow

ORDERS = [order(number) for number in range(1, 8)]


def waiting_for_the_event_table(engine: DynamoDBEngine, _: pytest.MonkeyPatch) -> MigrationFixture:
    """Rows whose imports lie in the outbox."""
    migrating = OverMemory(engine, InMemory())
    for stream in ORDERS:
        migrating.legacy.write_directly(stream, row(stream))
    migrating.go_to(DUAL)
    for stream in ORDERS:
        migrating.migration.importer.import_row(stream)
    return migrating


def waiting_for_the_legacy_system(engine: DynamoDBEngine, monkeypatch: pytest.MonkeyPatch) -> MigrationFixture:
    """Orders that the legacy system does not have yet."""
    migrating = OverMemory(engine, InMemory())
    migrating.go_to(CUT_OVER)
    with monkeypatch.context() as down:
        down.setattr(LegacySync, "attempt", lambda *_: False)
        for stream in ORDERS:
            migrating.create(stream)
    return migrating


Backlog = Callable[[DynamoDBEngine, pytest.MonkeyPatch], MigrationFixture]


@pytest.mark.parametrize("backlog", [waiting_for_the_event_table, waiting_for_the_legacy_system])
def test_a_long_backlog_is_worked_off_in_several_turns(
    moto: DynamoDBEngine, backlog: Backlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrating = backlog(moto, monkeypatch)
    ticks = count(step=RECOVERY_SECONDS / 2)
    slow = replace(migrating.migration, ticks=lambda: float(next(ticks)))
    left = [len(ORDERS)]
    while left[-1]:
        left.append(slow.recover())
        assert left[-1] < left[-2]
    assert len(left) > 3
    migrating.expect_equal(*ORDERS)


@pytest.mark.parametrize(
    ("backlog", "owner"),
    [(waiting_for_the_event_table, Owner.RELAY), (waiting_for_the_legacy_system, Owner.LEGACY_SYNC)],
)
def test_what_is_parked_is_tried_last(
    moto: DynamoDBEngine, backlog: Backlog, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are, they leave time for the others."""
    migrating = backlog(moto, monkeypatch)
    assert migrating.migration.parked
    for stream in ORDERS[:-1]:
        migrating.migration.parked.put(ParkedRow(stream, owner, "why", migrating.clock()))
    ticks = count(step=RECOVERY_SECONDS)
    replace(migrating.migration, ticks=lambda: float(next(ticks))).recover()
    migrating.expect_equal(ORDERS[-1])
    with pytest.raises(AssertionError):
        migrating.expect_equal(ORDERS[0])
