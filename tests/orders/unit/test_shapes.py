"""What ids, names and texts may look like."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from orders.commands import CancelOrder, CreateOrder, PayOrder
from orders.events import Item, OrderCancelled


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


@pytest.mark.parametrize(
    "customer",
    [
        *("राम कुमार", "สมชาย", "مُحَمَّد", "Nguyễn Văn Đức", "田中", "ශ්‍රී", "क्‍ष", "יִצְחָק", "Ёлкин", "ნინო", "김민수"),
        *("Smith, John", "O'Brien", "Jean-Luc", "٣", "ㄱ"),
    ],
)
def test_letters_with_marks_are_letters(customer: str) -> None:
    assert order(customerId=customer).customer_id == customer


@pytest.mark.parametrize(
    ("sent", "kept"), [("Zoe\u0308", "Zoë"), ("Nguye\u0302\u0303n", "Nguyễn"), ("\u1100\u1161", "가"), ("Å", "Å")]
)
def test_one_spelling_of_a_customer_is_kept(sent: str, kept: str) -> None:
    assert order(customerId=sent) == order(customerId=kept)


@pytest.mark.parametrize("customer", ["\u0301a", "a \u0301", "a\u200d", "\u200da", "a\u200d\u0301", "\ufffd", "😀"])
def test_a_mark_without_a_letter_names_nobody(customer: str) -> None:
    with pytest.raises(ValidationError, match="customerId"):
        order(customerId=customer)


UNREADABLE = [
    "\x00",
    "\x07",
    "\n",
    "\r",
    "\t",
    "\x1b",
    "\x7f",
    "\x85",
    "\u2028",
    "\u202e",
    "\u2066",
    "\ud800",
    "\ufffd",
    "\ufeff",
]


@pytest.mark.parametrize("character", UNREADABLE)
def test_text_is_a_line_that_can_be_read(character: str) -> None:
    with pytest.raises(ValidationError, match="reason"):
        CancelOrder(reason=f"a{character}b")
    with pytest.raises(ValidationError, match="method"):
        PayOrder.model_validate({"amount": "1", "method": f"a{character}b"})


def test_text_may_be_in_any_language() -> None:
    for reason in ["zu spät", "देर से", "😀", "\u200fמאוחר מדי", "Zu teuer – 50 % über “normal”"]:
        assert CancelOrder(reason=reason).reason == reason
    assert CancelOrder(reason=" zu spa\u0308t ").reason == "zu spät"


@pytest.mark.parametrize("reason", ["a\x00b", "a\nb", "\u202e", "Zoe\u0308"])
def test_an_event_of_earlier_days_is_read_as_it_is(reason: str) -> None:
    stored = {"orderId": "o-1", "customerId": "c", "reason": reason, "refundedAmount": "0"}
    assert OrderCancelled.model_validate(stored).reason == reason


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


def test_names_no_method_unless_reported() -> None:
    assert PayOrder.model_validate({"amount": "1"}).method == "unspecified"


def test_refuses_unknown_fields() -> None:
    with pytest.raises(ValidationError, match="discount"):
        order(discount="1")
