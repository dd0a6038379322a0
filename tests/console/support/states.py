"""What a test wants to find on a stack, brought about through its public doors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

from tests.console.support.deployments.troubled_orders import NoteTaken
from tests.console.support.stack import PATIENCE, TENANT, Stack
from tests.support.clocks import wait_until

from banyan.adapters.dynamodb.gateway import Gateway
from banyan.adapters.dynamodb.views import DynamoDBViews
from banyan.events import DomainEvent, Metadata
from banyan.projections.views import Generation
from banyan.streams import StreamId

PRICE: Final = "2.50"
PAUSED: Final = "customer_totals"
REBUILT: Final = "stock"
BREAKABLE: Final = {"order_list", "daily_sales", "reactor"}
SAGA: Final = "trace-of-a-saga"
PLACED, PAID, CANCELLED, GROWN = "o-placed", "o-paid", "o-cancelled", "o-grown"
SHORT, BROKEN, STUCK, FALSIFIED = "o-short", "o-broken", "hasty-stuck", "o-falsified"
GROWN_LINES: Final = 12
"""The saga of ``SHORT`` reserves tea, lacks cups, cancels the order and releases the tea; ``BROKEN`` is parked, the
deadline of ``STUCK`` too, and the row of ``FALSIFIED`` is not what its events say."""


def stream(order: str, tenant: str = TENANT) -> str:
    """The name of an order's stream."""
    return f"{tenant}:order:{order}"


def place(stack: Stack, order: str, correlation: str | None = None, **quantities: int) -> None:
    """Order so many of each SKU, one piece of ``tea`` by default."""
    items = [{"sku": sku, "quantity": count, "price": PRICE} for sku, count in (quantities or {"tea": 1}).items()]
    stack.post("/orders", {"orderId": order, "customerId": "c-1", "items": items}, correlation)


def pay(stack: Stack, order: str, amount: str = PRICE) -> None:
    """Pay an order in full."""
    stack.post(f"/orders/{order}/pay", {"amount": amount, "method": "card"})


def park_by_payment(stack: Stack, order: str) -> None:
    """Have a stream parked in two projections and in the reactor, by an event that breaks them."""
    stack.break_order(order)
    place(stack, order)
    pay(stack, order)

    def parked() -> bool:
        found = stack.admin.get("projections").content["projections"]
        able = [each for each in found if each["projection"] in BREAKABLE and not each["pause"]]
        return all(order in str(each["parked"]) for each in able)

    wait_until(parked, f"{order} to be parked", PATIENCE)


def park_a_deadline(stack: Stack, order: str) -> None:
    """Have a deadline parked, whose command fails; the order's id must begin with ``hasty``."""
    stack.break_order(order)
    place(stack, order)
    stack.settle()

    def parked() -> bool:
        stack.invoke("Deadlines")
        return any(order in each["stream"] for each in stack.admin.get("deadlines").content["parked"])

    wait_until(parked, f"the deadline of {order} to be parked", PATIENCE)


def falsify(stack: Stack, order: str) -> None:
    """Let the row of an order that queries read name another customer than its events."""
    live = stack.admin.get("projections", "order").content["live"]
    views = DynamoDBViews(Gateway(stack.dynamodb), "banyan-ViewsTable", "banyan-CursorsTable")
    rows, id = Generation("order", live), StreamId.parse(stream(order))
    row = views.states(rows, [id])[id]
    state = json.dumps({**json.loads(row.state), "customer_id": "someone-else"})
    views.put_state(rows, replace(row, state=state), row.version)


def reconcile(stack: Stack, *, full: bool = True, repair: bool = False) -> str:
    """Run a reconciliation to its end; the id of its report."""
    before = len(reports(stack))
    stack.admin.post("reconciliation", "run", full=full, repair=repair)
    wait_until(lambda: len(reports(stack)) > before, "the report of a reconciliation", PATIENCE)
    return str(reports(stack)[0]["id"])


def reports(stack: Stack) -> Sequence[Mapping[str, Any]]:
    """The newest reports, newest first."""
    found: Sequence[Mapping[str, Any]] = stack.admin.get("reconciliation", "reports").content["reports"]
    return found


def rebuild(stack: Stack, projection: str) -> None:
    """Build a second generation, until it is ready to be read."""
    stack.admin.post("projections", projection, "rebuild")

    def ready() -> bool:
        return bool(stack.admin.get("projections", projection, "rebuild").content["stage"] == "ready")

    wait_until(ready, f"a second generation of {projection}", PATIENCE)


def append(stack: Stack, name: str, events: Sequence[DomainEvent], per_commit: int = 500) -> None:
    """Append events that no command decides, under the stream's whole name, as if one request had brought them."""
    id, metadata = StreamId.parse(name), Metadata(correlation_id=name.replace(":", "."), actor="writer")
    head = stack.events.head(id)
    for first in range(0, len(events), per_commit):
        head = stack.events.append(id, head, events[first : first + per_commit], metadata=metadata).head


def take_notes(stack: Stack, texts: Sequence[str] = ("first",), tenant: str = TENANT) -> str:
    """Have a new stream of notes, one of each text; its name."""
    name = f"{tenant}:note:n-{uuid4().hex[:8]}"
    append(stack, name, [NoteTaken(text=text) for text in texts])
    return name


def seed(stack: Stack) -> None:
    """Bring about a bit of everything that an operator meets."""
    for sku, quantity in {"tea": 500, "cups": 2}.items():
        stack.post(f"/inventory/{sku}/receive", {"quantity": quantity})
    for order in (PLACED, PAID, CANCELLED, GROWN, FALSIFIED):
        place(stack, order)
    for order in (PAID, CANCELLED):
        pay(stack, order)
    stack.post(f"/orders/{CANCELLED}/cancel", {"reason": "changed my mind"})
    for number in range(GROWN_LINES):
        stack.post(f"/orders/{GROWN}/items", {"sku": f"extra-{number}", "quantity": 1, "price": PRICE})
    stack.settle()
    place(stack, SHORT, SAGA, tea=1, cups=5)
    park_by_payment(stack, BROKEN)
    park_a_deadline(stack, STUCK)
    rebuild(stack, REBUILT)
    stack.settle()
    falsify(stack, FALSIFIED)
    reconcile(stack)
    stack.admin.post("projections", PAUSED, "pause", reason="looking into its sums")
