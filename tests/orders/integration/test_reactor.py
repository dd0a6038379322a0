"""The reactor on DynamoDB: its requests, its answers lost, and its rivals."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from tests.orders.unit.workflow import WorkflowFixture, check_closed
from tests.support.engines import DynamoDBEngine
from tests.support.wire import lost_answer

from banyan.errors import StoreUnavailable
from banyan.reactions.base import REACTOR
from orders.state import OrderStatus

ORDERS = [f"o-{number}" for number in range(6)]
RACERS = 3


def workflow_on(engine: DynamoDBEngine) -> WorkflowFixture:
    """A workflow whose reactor has met its first commit."""
    workflow = WorkflowFixture(engine.table(), engine.views())
    workflow.receive("tea", 9)
    workflow.settle()
    return workflow


def test_an_order_costs_two_requests_for_its_cursor_and_three_for_each_sku_that_is_tracked(
    dynamodb: DynamoDBEngine,
) -> None:
    workflow = workflow_on(dynamodb)
    workflow.create("o-1", ("tea", 1), *((f"untracked-{number}", 1) for number in range(20)))
    (commit,) = [commit for commit in workflow.commits() if commit.stream.entity == "order"]
    reactor = workflow.reactor()
    dynamodb.wire.clear()
    assert not reactor.project([commit])
    cursors, beginning = Counter(BatchGetItem=1, UpdateItem=1), Counter(BatchGetItem=1)
    existing, tea = Counter(BatchGetItem=1), Counter(Query=2, PutItem=1)
    assert Counter(dynamodb.wire.sent) == cursors + beginning + existing + tea


def test_reactors_that_race_over_the_same_streams_end_the_workflow_well(dynamodb_local: DynamoDBEngine) -> None:
    workflow = workflow_on(dynamodb_local)
    for order in ORDERS:
        workflow.create(order, ("tea", 2), ("cup", 1))
    for order in ORDERS[::2]:
        workflow.pay(order)
    for order in ORDERS[::4]:
        workflow.cancel(order)
    commits = workflow.commits()

    def race(seed: int) -> None:
        reactor, shuffled = workflow.reactor(), Random(seed).sample(commits, len(commits))
        for start in range(0, len(commits), 5):
            try:
                reactor.project(shuffled[start : start + 5])
            except StoreUnavailable:
                continue

    with ThreadPoolExecutor(RACERS) as pool:
        list(pool.map(race, range(RACERS)))
    workflow.close()
    check_closed(workflow)
    assert not workflow.views.parked(REACTOR)


@pytest.mark.parametrize("operation", ["PutItem", "UpdateItem"])
def test_an_answer_that_is_lost_changes_nothing(dynamodb: DynamoDBEngine, operation: str) -> None:
    workflow = workflow_on(dynamodb)
    workflow.create("o-1", ("tea", 1))
    dynamodb.wire.inject(lost_answer, on=operation)
    workflow.settle()
    workflow.pay("o-1")
    workflow.close()
    check_closed(workflow)
    assert (workflow.order("o-1").status, workflow.stock("tea").available) == (OrderStatus.PAID, 8)
