"""I10: the domain touches no clock, no random and no I/O."""

from __future__ import annotations

from tests.orders.unit.samples import HANGER, LANTERN, add, cancel, create, expire, line, pay
from tests.orders.unit.stock import confirm, receive, release, reserve, take_back

from banyan.testing import check_purity
from orders import DOMAIN
from orders.inventory.events import EVENTS as STOCK_EVENTS


def test_orders_are_pure() -> None:
    life = [
        pay(),
        create(line(quantity=0)),
        create(LANTERN, HANGER),
        add(line(price="0")),
        add(),
        pay("1.00"),
        pay("64.34"),
        add(),
        expire(),
        cancel(),
        cancel(),
    ]

    decided = check_purity(DOMAIN, "order", life)

    told_by_legacy = {"OrderImported", "OrderCorrected"}
    stock = {event.event_type() for event in STOCK_EVENTS}
    assert {event.event_type() for event in decided} == set(DOMAIN.registry.event_types) - told_by_legacy - stock


def test_stock_is_pure() -> None:
    life = [
        receive(0),
        receive(5),
        reserve("a/1", 4),
        reserve("b/1", 2),
        confirm("a/1"),
        release("b/1"),
        take_back("a/1", 4),
    ]

    decided = check_purity(DOMAIN, "inventory", life)

    assert {type(event) for event in decided} == set(STOCK_EVENTS)
