"""Orders recorded with older schema versions are still read."""

from __future__ import annotations

from typing import Any

import pytest
from tests.orders.unit.samples import CREATED, LANTERN, PAID, created

from banyan.errors import InvalidEvent, UnsupportedSchemaVersion
from banyan.events import DomainEvent, EventRegistry
from banyan.store import EventStore, Expected
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId
from orders import DOMAIN
from orders.decider import ORDER
from orders.events import Item, OrderPaid
from orders.imported import OrderCorrected, OrderImported
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
    assert DOMAIN.registry.decode("OrderCreated", 1, stored) == created(LANTERN, customer_id=customer)


@pytest.mark.parametrize(
    ("lines", "total"),
    [
        ([("6", 6, "3.39")], "20.34"),
        ([("6", 6, "3.39"), ("7", 2, "7.755")], "35.85"),
        ([("6", 1, "0.0001")] * 3, "0.0003"),
        ([("6", 1_000_000, "999999.9999")], "999999999900.00"),
    ],
)
def test_an_order_of_version_2_gets_its_total_from_its_items(lines: list[tuple[str, int, str]], total: str) -> None:
    items = [{"sku": sku, "quantity": quantity, "price": price} for sku, quantity, price in lines]
    lifted = DOMAIN.registry.decode("OrderCreated", 2, {"orderId": "1", "customerId": "c", "items": items})

    assert lifted.model_dump(mode="json", by_alias=True)["totalAmount"] == total


@pytest.mark.parametrize(("stored", "lifted"), [("open", "created"), ("paid", "paid"), ("cancelled", "cancelled")])
def test_a_status_of_version_1_is_called_as_it_is_today(stored: str, lifted: str) -> None:
    order = {"customerId": "c", "items": [], "status": stored, "createdAt": "2010-12-01T08:26:00Z"}
    imported = DOMAIN.registry.decode("OrderImported", 1, {"orderId": "1", "order": order})
    corrected = DOMAIN.registry.decode("OrderCorrected", 1, {"orderId": "1", "order": order, "previous": order})

    assert isinstance(imported, OrderImported)
    assert isinstance(corrected, OrderCorrected)
    assert (imported.order.status, corrected.order.status, corrected.previous.status) == (lifted,) * 3


@pytest.mark.parametrize("data", [{}, {"items": None}, {"items": [{}]}, {"items": [{"price": "x", "quantity": 1}]}])
def test_a_stored_event_that_cannot_be_lifted_is_named(data: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent, match="OrderCreated of schema version 2"):
        DOMAIN.registry.decode("OrderCreated", 2, data)


def test_folds_a_stream_that_version_1_recorded() -> None:
    table = MemoryTable()
    old = OrderCreated1(order_id="536365", items=CREATED.items)
    first = EventStore(table, EventRegistry([OrderCreated1, OrderPaid])).append(STREAM, Expected.NO_STREAM, [old])

    store = EventStore(table, DOMAIN.registry)
    store.append(STREAM, first.head, [PAID])
    (first_event, paid) = store.load(STREAM).events

    assert first_event.payload == created(*CREATED.items, customer_id="guest")
    assert (first_event.metadata.schema_version, paid.metadata.schema_version) == (1, 1)
    assert ORDER.fold([first_event.payload, paid.payload]).status is OrderStatus.PAID


def test_refuses_an_order_from_newer_code_by_name() -> None:
    with pytest.raises(UnsupportedSchemaVersion, match="OrderCreated has schema version 4"):
        DOMAIN.registry.decode("OrderCreated", 4, {})
