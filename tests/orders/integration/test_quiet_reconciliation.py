"""What a reconciliation costs when nothing happened since the last one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.orders.support.reconciliation import ReconciliationFixture
from tests.support.engines import LISTED, DynamoDBEngine, MemoryEngine

HOURS = timedelta(hours=6)


def quiet(reconciled: ReconciliationFixture) -> tuple[int, int, int]:
    """Requests, entities read and nodes read of a run."""
    requests = 0

    def requested() -> None:
        nonlocal requests
        requests += 1

    reconciled.between = requested
    report = reconciled.reconcile()
    assert report.differences == 0
    return (
        requests,
        sum(section.rows_read for section in report.sections),
        sum(section.nodes_read for section in report.sections),
    )


@pytest.mark.parametrize("since", [pytest.param(timedelta(seconds=1), marks=pytest.mark.slow), HOURS])
def test_a_quiet_run_reads_roots_only_however_much_there_is(since: timedelta) -> None:
    found = []
    for orders in (100, 1000):
        reconciled = ReconciliationFixture(MemoryEngine(), orders=orders)
        reconciled.reconcile()
        runs = []
        for _ in range(2):
            reconciled.clock.move(since)
            runs.append(quiet(reconciled))
        found.append(runs)
    assert found[0] == found[1]
    roots = 2 * len(reconciled.plan().comparisons)
    assert {(rows, nodes) for _, rows, nodes in found[0]} == {(0, roots)}


def test_a_quiet_run_asks_each_bucket_of_the_log_once(dynamodb: DynamoDBEngine) -> None:
    reconciled = ReconciliationFixture(dynamodb)
    reconciled.reconcile()
    logs: list[str] = []
    dynamodb.client.meta.events.register(
        "provide-client-params.dynamodb.Query",
        lambda params, **_: logs.append(params["TableName"]) if params["TableName"] == dynamodb.events else None,
    )
    for _ in range(2):
        reconciled.clock.move(HOURS)
        logs.clear()
        dynamodb.wire.clear()
        reconciled.reconciler().run()
        assert len(logs) == 1 + LISTED
        assert len(dynamodb.wire.sent) < 100
