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


def _imported_from_1(data: Data) -> Data:
    return {**data, "order": _with_status(data["order"])}


def _corrected_from_1(data: Data) -> Data:
    return {**data, "order": _with_status(data["order"]), "previous": _with_status(data["previous"])}


def _with_status(content: Data) -> Data:
    return {**content, "status": "created"} if content["status"] == "open" else content


UPCASTERS: Final = (
    Upcaster("OrderCreated", 1, _created_from_1),
    Upcaster("OrderCreated", 2, _created_from_2),
    Upcaster("OrderImported", 1, _imported_from_1),
    Upcaster("OrderCorrected", 1, _corrected_from_1),
)
