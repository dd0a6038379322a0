"""What the read models of orders cost in a batch of 50 commits, as a busy shop makes them."""

from __future__ import annotations

from tests.orders.unit.workflow import WorkflowFixture
from tests.support.engines import DynamoDBEngine
from tests.support.wire import Capacity, Unreported

from banyan.projections.processor import ProjectionProcessor
from banyan.store import Commit
from orders import DOMAIN

SKUS = "abc"
ORDERS = 40
PAID_LATER = 3
"""Orders that come between an order and its payment."""
BATCH = 50
WRITES = ("PutItem", "UpdateItem")


def batches() -> tuple[WorkflowFixture, list[Commit], list[Commit]]:
    """A shop whose orders are paid and whose stock moves with them; what was projected before, and the next batch."""
    shop = WorkflowFixture()
    for sku in SKUS:
        shop.receive(sku, 1000)
    for number in range(ORDERS):
        shop.create(f"o{number}", (SKUS[number % len(SKUS)], 1))
        shop.settle()
        shop.pay(f"o{number - PAID_LATER}")
        shop.settle()
    commits = shop.commits()
    half = len(commits) // 2
    return shop, commits[:half], commits[half : half + BATCH]


def test_an_event_costs_few_requests_and_units(dynamodb_local: DynamoDBEngine) -> None:
    shop, before, batch = batches()
    projector = ProjectionProcessor(shop.store, dynamodb_local.views(), DOMAIN.projections)
    assert not projector.project(before)
    capacity, unreported = Capacity(dynamodb_local.client), Unreported(dynamodb_local.client)
    dynamodb_local.wire.clear()

    assert not projector.project(batch)

    events = sum(commit.count for commit in batch)
    units = unreported.units + sum(capacity.units[operation] for operation in WRITES)
    assert events == BATCH
    assert dynamodb_local.wire.sent.count("BatchGetItem") == len(DOMAIN.projections)
    assert len(dynamodb_local.wire.sent) / events <= 0.5
    assert 2 < units / events <= 4
