"""What ids, names and texts may look like."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from orders.commands import CancelOrder, CreateOrder, PayOrder
from orders.events import Item


def order(**changes: Any) -> CreateOrder:
    return CreateOrder.model_validate({"orderId": "1", "customerId": "guest", "items": [], **changes})


@pytest.mark.parametrize("sku", ["85123A", "15056bl", "BANK CHARGES", "a", "x" * 64, 'm2 "new" #1'])
def test_accepts_a_retailers_sku(sku: str) -> None:
    assert Item.model_validate({"sku": sku, "quantity": 1, "price": "1"}).sku == sku


@pytest.mark.parametrize("sku", ["", " a", "a ", "a\tb", "a\n", "x" * 65, "a\x00", "a\x7f"])
def test_refuses_a_sku_that_cannot_be_seen(sku: str) -> None:
    with pytest.raises(ValidationError, match="sku"):
        Item.model_validate({"sku": sku, "quantity": 1, "price": "1"})


@pytest.mark.parametrize("quantity", ["1", 1.0, 1.5, True, None])
def test_refuses_a_quantity_that_is_no_integer(quantity: Any) -> None:
    with pytest.raises(ValidationError, match="quantity"):
        Item.model_validate({"sku": "a", "quantity": quantity, "price": "1"})


@pytest.mark.parametrize("customer", ["17850", "guest", "ann@example.com", "Zoë O'Neil", "crm:12", "x" * 128])
def test_accepts_a_customer(customer: str) -> None:
    assert order(customerId=customer).customer_id == customer


@pytest.mark.parametrize(
    "customer", ["", "a#b", "#", " a", "a ", "a  b", "a/b", "a%2Fb", "a\nb", "a\x00", "a\u202eb", "a\u00a0b", "x" * 129]
)
def test_refuses_a_customer_that_is_no_safe_key(customer: str) -> None:
    with pytest.raises(ValidationError, match="customerId"):
        order(customerId=customer)


@pytest.mark.parametrize("order_id", ["", "a:b", "a#b", "-1", "a b", "x" * 129, "ä"])
def test_refuses_an_order_id_that_is_no_part_of_a_stream_name(order_id: str) -> None:
    with pytest.raises(ValidationError, match="orderId"):
        order(orderId=order_id)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_refuses_an_empty_or_endless_reason(reason: str) -> None:
    with pytest.raises(ValidationError, match="reason"):
        CancelOrder(reason=reason)


@pytest.mark.parametrize("method", ["", "x" * 51])
def test_refuses_an_empty_or_endless_method(method: str) -> None:
    with pytest.raises(ValidationError, match="method"):
        PayOrder.model_validate({"amount": "1", "method": method})


def test_names_no_method_unless_told() -> None:
    assert PayOrder.model_validate({"amount": "1"}).method == "unspecified"


def test_refuses_unknown_fields() -> None:
    with pytest.raises(ValidationError, match="discount"):
        order(discount="1")
