"""A shop whose orders are paid and whose stock moves with them."""

from __future__ import annotations

from tests.orders.unit.workflow import WorkflowFixture

from banyan.store import Commit

SKUS = "abc"
ORDERS = 40
PAID_LATER = 3
"""Orders that come between an order and its payment."""
BATCH = 50


def batches() -> tuple[WorkflowFixture, list[Commit], list[Commit]]:
    """The shop, what was projected before, and the next batch."""
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
