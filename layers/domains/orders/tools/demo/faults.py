"""What goes wrong on purpose."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace

from banyan.adapters.dynamodb.gateway import Gateway
from banyan.adapters.dynamodb.views import DynamoDBViews
from banyan.projections.views import Generation, WriteConflict
from banyan.streams import StreamId
from orders.tools.demo.ledger import Ledger
from orders.tools.demo.stage import CURSORS, TENANT, VIEWS, Stage

ORDERS = Generation("order")
DICE = 2011


def tampered(stage: Stage, orders: Sequence[str], count: int) -> set[str]:
    """Falsify the customer in rows of the read model; the streams whose rows are false now."""
    dice = random.Random(DICE)
    streams = [StreamId(TENANT, "order", order) for order in dice.sample(list(orders), min(2 * count, len(orders)))]
    views = DynamoDBViews(Gateway(stage.dynamodb), VIEWS, CURSORS)
    rows = views.states(ORDERS, streams[:100])
    false: set[str] = set()
    for stream, row in rows.items():
        if len(false) == count:
            break
        state = json.dumps({**json.loads(row.state), "customer_id": "someone-else"})
        try:
            views.put_state(ORDERS, replace(row, state=state), row.version)
        except WriteConflict:
            continue
        false.add(str(stream))
    return false


def written_directly(stage: Stage, ledger: Ledger, orders: Sequence[str]) -> set[str]:
    """An old program changes the customer of some orders, past every API; their streams."""
    for order in orders:
        customer = f"moved-{order}"
        stage.program.update(TENANT, order, "customer", customer)
        ledger.moved(order, customer)
    return {str(StreamId(TENANT, "order", order)) for order in orders}
