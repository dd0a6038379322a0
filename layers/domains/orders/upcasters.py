"""How old schema versions of events are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from banyan import Upcaster
from orders.money import ZERO, as_text, parse

GUEST: Final = "guest"

Data = Mapping[str, Any]


def _created_from_1(data: Data) -> Data:
    return {**data, "customerId": data.get("customerId") or GUEST}


def _created_from_2(data: Data) -> Data:
    amounts = (parse(item["price"]) * item["quantity"] for item in data["items"])
    return {**data, "totalAmount": as_text(sum(amounts, ZERO))}


UPCASTERS: Final = (
    Upcaster("OrderCreated", 1, _created_from_1),
    Upcaster("OrderCreated", 2, _created_from_2),
)
