"""Orders recorded with older schema versions are still read."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.unit.orders.samples import CREATED, PAID

from banyan.errors import UnsupportedSchemaVersion
from banyan.events import DomainEvent
from banyan.store import EventStore, Expected
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId
from banyan.upcasting import EventRegistry
from orders import DOMAIN
from orders.decider import ORDER
from orders.events import Item, OrderCreated, OrderPaid
from orders.state import OrderStatus

STREAM = StreamId("acme", "order", "536365")
VERSION_1: dict[str, Any] = {"orderId": "536365", "items": [{"sku": "71053", "quantity": 6, "price": "3.39"}]}


class OrderCreated1(DomainEvent):
    """``OrderCreated`` as it was in version 1."""

    order_id: str
    items: tuple[Item, ...]

    @classmethod
    def event_type(cls) -> str:
        return "OrderCreated"


@pytest.mark.parametrize(
    ("stored", "customer"),
    [(VERSION_1, "guest"), ({**VERSION_1, "customerId": None}, "guest"), ({**VERSION_1, "customerId": "1"}, "1")],
)
def test_reads_version_1_of_order_created(stored: dict[str, Any], customer: str) -> None:
    item = Item(sku="71053", quantity=6, price=Decimal("3.39"))

    assert DOMAIN.registry.decode("OrderCreated", 1, stored) == OrderCreated(
        order_id="536365", customer_id=customer, items=(item,)
    )


def test_folds_a_stream_that_version_1_recorded() -> None:
    table = MemoryTable()
    old = OrderCreated1(order_id="536365", items=CREATED.items)
    first = EventStore(table, EventRegistry([OrderCreated1, OrderPaid])).append(STREAM, Expected.NO_STREAM, [old])

    store = EventStore(table, DOMAIN.registry)
    store.append(STREAM, first.head, [PAID])
    (created, paid) = store.load(STREAM).events

    assert created.payload == CREATED.model_copy(update={"customer_id": "guest"})
    assert (created.metadata.schema_version, paid.metadata.schema_version) == (1, 1)
    assert ORDER.fold([created.payload, paid.payload]).status is OrderStatus.PAID


def test_refuses_an_order_from_newer_code_by_name() -> None:
    with pytest.raises(UnsupportedSchemaVersion, match="OrderCreated has schema version 3"):
        DOMAIN.registry.decode("OrderCreated", 3, {})
