"""Many deadlines that are due at once, on a real table: worked off in order, in as many runs as the time takes."""

from __future__ import annotations

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from tests.support.clocks import ManualClock, lengthy
from tests.support.deferring import CREDITED, DOMAIN, deadline
from tests.support.engines import BUCKETS, DynamoDBEngine
from tests.support.ledger import REGISTRY

from banyan.adapters.dynamodb.deadlines import DynamoDBDeadlines
from banyan.commands.handler import CommandHandler
from banyan.deadlines.runner import DeadlineRun, DeadlineRunner
from banyan.store import EventStore

CROWD = int(os.environ.get("BANYAN_TEST_CROWD", "10000"))
TIMEOUT_SECONDS = 55
PAGES = 200
SCHEDULERS = 4


@pytest.mark.timeout(1800)
@lengthy
def test_ten_thousand_due_at_once_fire_in_order_with_three_requests_each(dynamodb_local: DynamoDBEngine) -> None:
    clock = ManualClock()
    store, deadlines = (
        dynamodb_local.store(REGISTRY, clock),
        DynamoDBDeadlines(dynamodb_local.gateway, dynamodb_local.named("deadlines"), dynamodb_local.log_buckets()),
    )
    names = [f"a{number:05}" for number in range(CROWD)]
    with ThreadPoolExecutor(SCHEDULERS) as pool:
        list(pool.map(lambda n: deadlines.schedule(deadline(names[n], after=n / 1000)), range(CROWD)))
    clock.move(timedelta(hours=1))
    dynamodb_local.wire.clear()

    runs = [in_time(store, deadlines, clock)]
    while runs[-1].out_of_time:
        runs.append(in_time(store, deadlines, clock))

    assert [sum(run.fired for run in runs), sum(run.failed + run.parked + run.delayed for run in runs)] == [CROWD, 0]
    sent = Counter(dynamodb_local.wire.sent)
    assert (sent["PutItem"], sent["DeleteItem"]) == (CROWD, CROWD)
    assert CROWD <= sent["Query"] <= CROWD + PAGES * len(runs)
    log = sorted((entry.recorded_at, entry.stream.id) for bucket in range(BUCKETS) for entry in store.log(bucket))
    assert [name for _, name in log] == names


def in_time(store: EventStore, deadlines: DynamoDBDeadlines, clock: ManualClock) -> DeadlineRun:
    """One run of a new process, which must end before the function would be stopped."""
    end = time.monotonic() + TIMEOUT_SECONDS
    runner = DeadlineRunner(deadlines, DOMAIN.deciders, {"account": CommandHandler(store, CREDITED)}, clock=clock)
    run = runner.run(lambda: (end - time.monotonic()) * 1000)
    assert time.monotonic() < end
    return run
