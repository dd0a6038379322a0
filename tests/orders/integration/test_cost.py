"""What the profile of the orders says of their cost is what a shop consumes."""

from __future__ import annotations

from datetime import timedelta
from uuid import NAMESPACE_OID, uuid5

import pytest
from tests.support.counted import TOLERATED, CountedPlatform, check_units
from tests.support.engines import DynamoDBEngine

from banyan_tools.cost.profile import read_profile
from banyan_tools.cost.units import RECONCILED
from banyan_tools.project import ROOT

PROFILE = ROOT / "layers" / "domains" / "orders" / "tools" / "cost.toml"
CALLER = {"sub": "user-1", "tenant": "acme"}
SKUS = [f"tea-{number}" for number in range(8)]
ORDERS, CANCELLED, UNPAID, GROWN = 10, 9, 8, (0, 5)


def test_the_units_of_the_profile_are_those_that_are_counted(dynamodb_local: DynamoDBEngine) -> None:
    profile = read_profile(PROFILE)
    shop = CountedPlatform(dynamodb_local, profile, CALLER)
    for sku in SKUS:
        shop.send(f"/inventory/{sku}/receive", {"quantity": 1000})
    shop.begin()

    commands = sum(ordered(shop, number) for number in range(ORDERS))
    shop.clock.move(timedelta(days=2))
    shop.fire()

    check_units(profile, shop, commands)


@pytest.mark.slow
def test_a_row_more_between_two_reconciliations_costs_what_the_model_says(dynamodb_local: DynamoDBEngine) -> None:
    shop = CountedPlatform(dynamodb_local, read_profile(PROFILE), CALLER)
    for sku in SKUS:
        shop.send(f"/inventory/{sku}/receive", {"quantity": 1000})
    runs = []
    for numbers in (range(5), range(5, 10), range(10, 40)):
        for number in numbers:
            ordered(shop, number)
        runs.append(shop.reconcile())
    _, few, many = runs
    rows = many.rows - few.rows
    assert rows > 40
    assert (many.written - few.written) / rows == pytest.approx(RECONCILED.write, rel=TOLERATED)
    assert (many.read - few.read) / rows == pytest.approx(RECONCILED.read, rel=TOLERATED)


def ordered(shop: CountedPlatform, number: int) -> int:
    """An order of two lines, and what becomes of it; how many commands that took."""
    id = str(uuid5(NAMESPACE_OID, str(number)))
    lines = [{"sku": SKUS[(number + each) % len(SKUS)], "quantity": 2, "price": "4.50"} for each in range(2)]
    shop.clock.move(timedelta(seconds=1))
    shop.send("/orders", {"orderId": id, "customerId": f"customer-{number % 4}", "items": lines}, 201, key=id)
    if number in GROWN:
        shop.send(f"/orders/{id}/items", {"sku": SKUS[number % len(SKUS)], "quantity": 1, "price": "3.00"})
    if number == CANCELLED:
        shop.send(f"/orders/{id}/cancel", {"reason": "changed my mind"})
    elif number != UNPAID:
        shop.send(f"/orders/{id}/pay", {"amount": "21.00" if number in GROWN else "18.00", "method": "card"})
    return 1 + (number in GROWN) + (number != UNPAID)
