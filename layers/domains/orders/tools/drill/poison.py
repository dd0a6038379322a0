"""The first drill: a deployment that cannot take one event in, until it is mended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx

from banyan.notices import PROJECTION_PAUSED
from banyan.streams import StreamId
from banyan.text import counted
from banyan_tools.cli.client import Client
from orders.projections import DAILY_SALES, ORDER_LIST, PROJECTIONS
from orders.tools.drill.alarms import datapoints, incident
from orders.tools.drill.bus import Listener, listen
from orders.tools.drill.folds import Truth, prove_equal, verdict
from orders.tools.drill.proofs import Proofs
from orders.tools.drill.scene import TENANT, Scene
from orders.tools.drill.waiting import wait_until
from orders.tools.importer.api import Api
from orders.tools.importer.planning import Order
from orders.tools.importer.sending import send_all

DRILL: Final = "poison"
BUGGY: Final = "Domain=buggy_orders"
BROKEN: Final = (ORDER_LIST.name, DAILY_SALES.name, "reactor")
METRIC: Final = "ProjectionParked"
SECONDS: Final = 60.0


def poison(scene: Scene, orders: Sequence[Order], proofs: Proofs) -> None:
    """Send orders to a deployment that trips over the payment of one of them."""
    stream = victim(orders)
    with scene.stack("--parameter", BUGGY, BUGGY_ORDER=stream.id) as stack, scene.customer(stack.url) as client:
        listener = listen(scene)
        _send(client, orders, proofs)
        scene.quiet(stack.url)
        _prove_announced(scene, proofs)
        _prove_heard(listener, stream, proofs)
        parked = _prove_parked(scene.operator(stack.url), stream, proofs)
        _prove_others_go_on(scene, parked, proofs)
        _prove_new_orders_are_taken_in(client, proofs)


def mend(scene: Scene, url: str, orders: Sequence[Order], proofs: Proofs) -> None:
    """Let what was parked continue under the mended deployment, which answers at a URL."""
    operator, stream = scene.operator(url), victim(orders)
    again = {name: operator.post("projections", name, "retry", stream=str(stream)).content for name in BROKEN}
    proofs.add(DRILL, "fixed and retried, it continues", all(a == {"parked": None} for a in again.values()), again)
    left = [each["parked"] for each in operator.get("projections").content["projections"] if each["parked"]]
    proofs.add(DRILL, "nothing is parked any more", not left, left or "none")
    scene.quiet(url)
    prove_equal(DRILL, scene, proofs)


def victim(orders: Sequence[Order]) -> StreamId:
    """The order whose payment cannot be applied."""
    return StreamId(TENANT, "order", orders[len(orders) // 2].id)


def _send(client: httpx.Client, orders: Sequence[Order], proofs: Proofs) -> None:
    failed = [outcome for outcome in send_all(Api(client), orders, workers=4) if outcome.failure]
    lines = sum(len(order.lines) for order in orders)
    proofs.add(
        DRILL,
        "every order of the file is accepted",
        not failed,
        f"{counted(len(orders), 'order')}, {counted(lines, 'line')}",
    )


def _prove_announced(scene: Scene, proofs: Proofs) -> None:
    values, alarm = list(datapoints(scene.log, METRIC)), incident(METRIC)
    total = sum(value for _, value in values)
    seen = f"{METRIC} counted {total:g}, threshold {alarm.threshold:g}"
    proofs.add(DRILL, f"the alarm {METRIC} rings", alarm.rings(values), seen)


def _prove_heard(listener: Listener, stream: StreamId, proofs: Proofs) -> None:
    notices = [entry["detail"] for entry in listener.heard() if entry["detail-type"] == PROJECTION_PAUSED]
    heard = {notice["projection"]: f"{notice['stream']}: {notice['reason']}" for notice in notices}
    said = heard.keys() == set(BROKEN) and all(
        notice["stream"] == str(stream) and ZeroDivisionError.__name__ in notice["reason"] for notice in notices
    )
    proofs.add(DRILL, f"{PROJECTION_PAUSED} is heard on the bus, with the reason", said, heard)


def _prove_parked(operator: Client, stream: StreamId, proofs: Proofs) -> Mapping[str, Any]:
    """Show what is parked; the stream's failures by projection."""
    found = {each["projection"]: each["parked"] for each in operator.get("projections").content["projections"]}
    parked = {name: failures for name, failures in found.items() if failures}
    only = {name: [failure["stream"] for failure in failures] for name, failures in parked.items()}
    proofs.add(DRILL, "one stream is parked, alone", only == {name: [str(stream)] for name in BROKEN}, only)
    failures = {name: failures[0] for name, failures in parked.items()}
    said = {
        name: f"{each['error']} at version {each['version']}, {each['attempts']} attempts"
        for name, each in failures.items()
    }
    why = failures.keys() == set(BROKEN) and all(
        each["error"] == ZeroDivisionError.__name__ and each["attempts"] > 1 for each in failures.values()
    )
    proofs.add(DRILL, "`banyan projections show …` says where and why", why, said)
    return failures


def _prove_others_go_on(scene: Scene, parked: Mapping[str, Any], proofs: Proofs) -> None:
    truth = Truth(scene.app)
    behind = {name: {StreamId.parse(each["stream"]): each["version"] - 1} for name, each in parked.items()}
    found = {each.name: truth.differing(each, behind.get(each.name)) for each in PROJECTIONS}
    proofs.add(DRILL, "all else went on: rows equal a fold but for the parked payment", *verdict(truth, found))


def _prove_new_orders_are_taken_in(client: httpx.Client, proofs: Proofs) -> None:
    body = {"customerId": "late", "items": [{"sku": "LATE", "quantity": 1, "price": "1.00"}]}
    created = client.post("/orders", json=body).raise_for_status().json()["orderId"]

    def listed() -> list[str]:
        found = client.get("/orders", params={"customer": "late"}).raise_for_status().json()["orders"]
        return [order["orderId"] for order in found]

    wait_until(listed, "a new order in the list", SECONDS)
    proofs.add(DRILL, "an order placed meanwhile is listed", listed() == [created], created)
