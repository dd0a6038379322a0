"""An order told by the legacy system reads as if it had been told from its beginning."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.orders.unit.test_properties import courses, play
from tests.support.clocks import START

from banyan.errors import ConfigurationError
from banyan.events import DomainEvent, Event, Metadata
from banyan.migration.stores.adapter import adapter_of
from banyan.migration.stores.memory import MemoryLegacy
from banyan.migration.writes.legacy_led import LegacyLed
from banyan.projections.base import Add, AnyStreamProjection, ViewProjection
from banyan.projections.check import fold_state
from banyan.store.eventstore import utc_now
from banyan.streams import StreamId
from orders import DOMAIN
from orders.commands import CreateOrder
from orders.decider import ORDER
from orders.events import Item
from orders.legacy import LEGACY, LegacyOrder, details, summary
from orders.projections import CUSTOMER_TOTALS, DAILY_SALES, ORDER_DETAILS, ORDER_LIST

STREAM = StreamId("acme", "order", "1")
HOUR = timedelta(hours=7)

BOUGHT = CreateOrder(order_id="1", customer_id="guest", items=(Item(sku="a", quantity=1, price=Decimal("1.25")),))
lives = courses.map(lambda course: play([BOUGHT, *course])[0])
bounded = settings(max_examples=60)


def recorded(events: Sequence[DomainEvent]) -> list[Event]:
    """Events as they were recorded, some hours apart."""
    return [
        Event(
            event_id=str(version),
            event_type=event.event_type(),
            stream_id=STREAM,
            version=version,
            timestamp=START + version * HOUR,
            payload=event,
            metadata=Metadata(),
        )
        for version, event in enumerate(events, start=1)
    ]


def row_of(events: Sequence[Event]) -> LegacyOrder:
    """The legacy row behind some events."""
    row: LegacyOrder | None = None
    for event in events:
        row = LEGACY.evolve(row, event.payload, event.occurred_at)
    assert row is not None
    return row


def sums(view: ViewProjection, events: Sequence[Event]) -> dict[tuple[str, str, str], Decimal]:
    """What a view adds up to, without zeros."""
    found: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for event in events:
        for write in view.apply(event):
            assert isinstance(write, Add)
            for name, number in write.numbers.items():
                found[write.partition, write.sort, name] += number
    return {key: number for key, number in found.items() if number}


def read_alike(told: Sequence[DomainEvent], life: Sequence[Event]) -> None:
    """Expect every read model and the rules' state to be the same for both."""
    short = recorded(told)
    assert ORDER.fold(told) == ORDER.fold([event.payload for event in life])
    projections: list[AnyStreamProjection] = [ORDER_DETAILS, ORDER_LIST]
    for projection in projections:
        assert fold_state(projection, short) == fold_state(projection, life)
    for view in (CUSTOMER_TOTALS, DAILY_SALES):
        assert sums(view, short) == sums(view, life)


@given(lives)
@bounded
def test_an_imported_order_reads_as_one_that_was_told_event_by_event(events: list[DomainEvent]) -> None:
    life = recorded(events)
    read_alike([LEGACY.imported(row_of(life), None)], life)


@given(lives, st.data())
@bounded
def test_a_corrected_order_reads_so_too(events: list[DomainEvent], data: st.DataObject) -> None:
    life = recorded(events)
    told = life[: data.draw(st.integers(1, len(life)))]
    correction = LEGACY.imported(row_of(life), row_of(told))
    read_alike([LEGACY.imported(row_of(told), None), correction], life)


@given(lives)
@bounded
def test_a_row_says_what_the_read_models_say(events: list[DomainEvent]) -> None:
    life = recorded(events)
    row = row_of(life)
    assert LEGACY.state(row) == ORDER.fold(events)
    assert details(row) == fold_state(ORDER_DETAILS, life)
    assert summary(row) == fold_state(ORDER_LIST, life)


@given(lives)
@bounded
def test_import_and_row_are_each_others_inverse(events: list[DomainEvent]) -> None:
    row = row_of(recorded(events))
    assert LEGACY.evolve(None, LEGACY.imported(row, None), START) == row
    assert LegacyOrder.model_validate_json(row.model_dump_json()) == row


def test_a_command_for_which_nothing_was_decided_is_named_while_the_legacy_system_is_primary() -> None:
    forgets: Any = lambda command, state: None  # noqa: ARG005, E731
    led = LegacyLed(
        MemoryLegacy[LegacyOrder](), LEGACY, replace(ORDER, decide=forgets), DOMAIN.registry, utc_now, dual=False
    )

    with pytest.raises(ConfigurationError, match="'order' returned None for CreateOrder"):
        led.handle(STREAM, BOUGHT, commit_id="c-1")


def test_what_legacy_rows_are_compared_with_reads_their_entity_alone() -> None:
    both = replace(ORDER_DETAILS, entity=("order", "inventory"))
    with pytest.raises(ConfigurationError, match="'order' reads order, inventory"):
        adapter_of(replace(DOMAIN, projections=[both]))
    assert adapter_of(DOMAIN) is LEGACY
