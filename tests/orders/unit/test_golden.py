"""What was stored before is read as what it means today: literal items, as the table holds them."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from banyan.projections.base import AnyStreamProjection
from banyan.projections.memory import MemoryViews
from banyan.projections.views import Generation, StateRow
from banyan.queries import Queries
from banyan.store import Commit, EventStore, Snapshot
from banyan.store.eventstore import restore
from banyan.store.items import from_item
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId
from orders import DOMAIN
from orders.decider import ORDER
from orders.events import OrderCreated
from orders.imported import OrderCorrected
from orders.projections import ORDER_DETAILS, ORDER_LIST
from orders.state import Order, OrderStatus

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / "2026-11.json").read_text())


def read(item: dict[str, Any]) -> Commit | Snapshot:
    """An item of the file; binary values are base64 text there."""
    plain = {
        name: {"B": base64.b64decode(value["B"]["base64"])} if "B" in value else value for name, value in item.items()
    }
    return from_item(plain)


@pytest.fixture
def store() -> EventStore:
    """A store that holds the commits and the snapshot of that time."""
    table = MemoryTable()
    for item in GOLDEN["commits"]:
        commit = read(item)
        assert isinstance(commit, Commit)
        table.insert([commit])
    snapshot = read(GOLDEN["snapshot"])
    assert isinstance(snapshot, Snapshot)
    table.put_snapshot(snapshot)
    return EventStore(table, DOMAIN.registry)


@pytest.mark.parametrize(
    ("order", "status", "total", "items"),
    [("o-1", "cancelled", "35.51", 3), ("o-2", "paid", "10.00", 1), ("o-3", "created", "25.51", 2)],
)
def test_orders_of_that_time_are_folded(store: EventStore, order: str, status: str, total: str, items: int) -> None:
    found = ORDER.fold(event.payload for event in store.read(StreamId("acme", "order", order)))

    assert (found.status, found.total_amount, found.item_count) == (OrderStatus(status), Decimal(total), items)


def test_their_events_say_what_todays_do(store: EventStore) -> None:
    created = next(store.read(StreamId("acme", "order", "o-1"))).payload
    _, corrected = (event.payload for event in store.read(StreamId("acme", "order", "o-2")))

    assert isinstance(created, OrderCreated)
    assert created.total_amount == Decimal("25.51")
    assert isinstance(corrected, OrderCorrected)
    assert (corrected.previous.status, corrected.order.status) == ("created", "paid")


@pytest.mark.parametrize("projection", [ORDER_DETAILS, ORDER_LIST], ids=lambda projection: projection.name)
def test_a_row_of_that_time_counts_as_missing(store: EventStore, projection: AnyStreamProjection) -> None:
    stream, views = StreamId("acme", "order", "o-3"), MemoryViews()
    moment = datetime(2026, 1, 5, 9, 7, tzinfo=UTC)
    state = GOLDEN["rows"][projection.name]
    views.put_state(Generation(projection.name), StateRow(stream, 1, moment, moment, state), 0)

    answer = Queries(store, views).get(projection, stream)

    assert answer is not None
    assert (answer.value.status, answer.provenance.served_from) == (OrderStatus.CREATED, "stream")


def test_a_snapshot_of_that_time_is_not_believed(store: EventStore) -> None:
    stream = StreamId("acme", "order", "o-3")
    loaded = store.load(stream, state_version=ORDER.state_version)

    assert loaded.snapshot is None
    assert ORDER.fold(event.payload for event in loaded.events) == Order(
        order_id="o-3",
        customer_id="customer-3",
        status=OrderStatus.CREATED,
        total_amount=Decimal("25.51"),
        item_count=2,
    )
    assert store.load(stream, state_version=1).snapshot is not None
    assert restore(ORDER, store.load(stream, state_version=1).snapshot) is None
