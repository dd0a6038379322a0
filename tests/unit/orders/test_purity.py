"""I10: the domain touches no clock, no random and no I/O."""

from __future__ import annotations

from tests.unit.orders.samples import HANGER, LANTERN, add, cancel, create, line, pay

from banyan.testing import check_purity
from orders import DOMAIN


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
        cancel(),
        cancel(),
    ]

    decided = check_purity(DOMAIN, "order", life)

    told_by_legacy = {"OrderImported", "OrderCorrected"}
    assert {event.event_type() for event in decided} == set(DOMAIN.registry.event_types) - told_by_legacy
