"""What the read models of orders cost in a batch of 50 commits, as a busy shop makes them."""

from __future__ import annotations

from tests.orders.support.busy_shop import BATCH, batches
from tests.support.engines import DynamoDBEngine
from tests.support.wire import Capacity, Unreported

from banyan.projections.processor import ProjectionProcessor
from orders import DOMAIN

WRITES = ("PutItem", "UpdateItem")


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
