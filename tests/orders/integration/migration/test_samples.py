"""Compared reads are counted, not kept: what a controller reads does not grow with them, nor with the rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.orders.support.legacies import order
from tests.orders.support.migration import CANARY, DUAL, MigrationFixture
from tests.support.clocks import START
from tests.support.engines import DynamoDBEngine

from banyan.adapters.dynamodb.gateway import Gateway
from banyan.migration.checks import verification
from banyan.migration.checks.health import Limits
from banyan.migration.checks.reads import SampledReads, Samples
from banyan.migration.phases.aggregate import MigrationState
from banyan.reconciliation.content import FieldDifference

READS = {"GetItem", "BatchGetItem", "Query", "Scan"}
MINUTE = timedelta(minutes=1)
FIELD = FieldDifference(name="status", expected='"created"', actual='"paid"')
BEFORE = MigrationState(step=DUAL, moved_at=START - 60 * MINUTE)
STEP = MigrationState(step=CANARY, moved_at=START)


@pytest.fixture
def samples(dynamodb: DynamoDBEngine) -> SampledReads:
    """Counters of nothing yet."""
    return SampledReads(Gateway(dynamodb.client), dynamodb.tables.migration, "order")


def items(dynamodb: DynamoDBEngine) -> int:
    """Items of the counters."""
    return int(dynamodb.client.scan(TableName=dynamodb.tables.migration, Select="COUNT")["Count"])


def test_reads_of_one_minute_are_one_item(samples: SampledReads, dynamodb: DynamoDBEngine) -> None:
    for lag_ms in (5, 40, 7):
        samples.compared(STEP, order(), [], lag_ms, START)
    samples.lagged(STEP, 12, START)
    assert samples.samples(STEP, START) == Samples(compared=3, differing=0, lag_ms=40)
    assert items(dynamodb) == 1


def test_a_read_that_differs_is_an_item_of_its_own_besides(samples: SampledReads, dynamodb: DynamoDBEngine) -> None:
    samples.compared(STEP, order(), [FIELD], 0, START)
    samples.compared(STEP, order(), [], 0, START)
    found = samples.samples(STEP, START)
    assert (found.compared, found.differing, found.mismatch_rate) == (2, 1, 0.5)
    assert [(each.stream, list(each.fields)) for each in samples.mismatches(START, 5).mismatches] == [
        (order(), [FIELD])
    ]
    assert items(dynamodb) == 2


def test_only_the_minutes_of_the_window_and_the_reads_of_the_step_count(samples: SampledReads) -> None:
    samples.compared(BEFORE, order(), [FIELD], 9000, START)
    samples.compared(STEP, order(), [FIELD], 8000, START)
    samples.compared(STEP, order(), [], 3, START + 5 * MINUTE)
    assert samples.samples(STEP, START + MINUTE) == Samples(compared=1, differing=0, lag_ms=3)
    assert samples.samples(STEP, START) == Samples(compared=2, differing=1, lag_ms=8000)


@pytest.mark.parametrize("kind", ["dynamodb"], indirect=True)
def test_a_run_of_the_controller_reads_no_more_when_there_is_more(
    moto_migration: MigrationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "SLICE", 2)
    moto_migration.go_to(DUAL)
    reads = []
    for first in (1, 7):
        for number in range(first, first + 6):
            moto_migration.create(order(number))
            state = moto_migration.migration.phases.refreshed()
            moto_migration.migration.samples.compared(state, order(number), [], 1, moto_migration.clock())
        moto_migration.migration.verification.go_on(100, moto_migration.clock())
        moto_migration.clock.move(MINUTE)
        moto_migration.engine.wire.clear()
        replace(moto_migration.process(), limits=Limits(rows=4)).controller.run()
        reads.append(Counter(name for name in moto_migration.engine.wire.sent if name in READS))
    assert reads[0] == reads[1]
    assert reads[0]["Scan"] == 2
