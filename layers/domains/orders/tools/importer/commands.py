"""The commands of an order, in sequence, and those that are left where the order stands already."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from orders.tools.importer.planning import Order
from orders.tools.importer.reading import Line


class Kind(StrEnum):
    """What a command does."""

    CREATE = "create"
    ADD = "add"
    PAY = "pay"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Command:
    """One POST; equal commands at the same place of the same order have the same idempotency key."""

    kind: Kind
    order: str
    place: int
    path: str
    body: Mapping[str, Any]
    occurred_at: datetime

    @property
    def headers(self) -> dict[str, str]:
        """Idempotency key, correlation id and the time of the file."""
        occurred_at = self.occurred_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        content = json.dumps([self.path, self.place, self.body, occurred_at], sort_keys=True)
        return {
            "Idempotency-Key": str(uuid5(NAMESPACE_URL, content)),
            "X-Correlation-Id": f"import-{self.order}",
            "X-Occurred-At": occurred_at,
        }


class Item(BaseModel):
    """An item as the API answers it."""

    sku: str
    quantity: int
    price: Decimal


class Standing(BaseModel):
    """An order as `GET /orders/{id}` answers it."""

    model_config = ConfigDict(alias_generator=to_camel)

    customer_id: str
    status: str
    items: list[Item]
    version: int


class OrderMismatchError(Exception):
    """An order with this id exists already, with other contents than the file's."""


def commands(order: Order) -> tuple[Command, ...]:
    """Create, add each later line, pay in full, and cancel where a credit note says so."""
    path = f"/orders/{order.id}"
    created = {
        "orderId": order.id,
        "customerId": order.customer,
        "items": [_item(line) for line in order.created],
    }
    steps: list[tuple[Kind, str, Mapping[str, Any], datetime]] = [
        (Kind.CREATE, "/orders", created, order.lines[0].moment)
    ]
    steps += [(Kind.ADD, f"{path}/items", _item(line), line.moment) for line in order.added]
    steps.append((Kind.PAY, f"{path}/pay", {"amount": format(order.total, "f")}, order.finished))
    if order.note:
        reason = {"reason": f"credit note {order.note.id}"}
        steps.append((Kind.CANCEL, f"{path}/cancel", reason, order.note.moment))
    return tuple(Command(kind, order.id, place, to, body, at) for place, (kind, to, body, at) in enumerate(steps))


def remaining(order: Order, standing: Standing) -> tuple[Command, ...]:
    """The commands an order still lacks.

    Raises
    ------
    OrderMismatchError
        When what stands there is not a beginning of what the file says.
    """
    planned = [(line.sku, line.quantity, line.price) for line in order.lines]
    held = [(item.sku, item.quantity, item.price) for item in standing.items]
    closed = standing.status in ("paid", "cancelled")
    begins = held == planned if closed else held == planned[: len(held)] and len(held) >= len(order.created)
    if standing.customer_id != order.customer or not begins:
        raise OrderMismatchError
    if standing.status == "cancelled":
        return ()
    done = 1 + len(held) - len(order.created) + closed
    return commands(order)[done:]


def _item(line: Line) -> dict[str, Any]:
    return {"sku": line.sku, "quantity": line.quantity, "price": format(line.price, "f")}
