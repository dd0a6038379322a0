"""The second drill: rebuilds under live traffic, and their worker killed with -9 in the middle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil
from signal import SIGKILL
from typing import Any, Final

from banyan.projections.base import Projection, ViewProjection
from banyan.projections.views import Generation
from banyan.text import counted
from banyan_tools.cli.client import Client
from banyan_tools.local.process import StackProcess
from orders.projections import DAILY_SALES, ORDER_LIST, PROJECTIONS
from orders.tools.drill.folds import prove_equal
from orders.tools.drill.proofs import Proofs
from orders.tools.drill.scene import Scene
from orders.tools.drill.traffic import Traffic, answers
from orders.tools.drill.waiting import wait_until
from orders.tools.importer.planning import Order

DRILL: Final = "rebuild"
REBUILT: Final[Sequence[Projection]] = (ORDER_LIST, DAILY_SALES)
UNFINISHED: Final = frozenset({"counting", "healing", "catching_up"})
CUSTOMERS: Final = 5
BUILD_SECONDS: Final = 8
UNITS_OF_A_STREAM: Final = 6
SECONDS: Final = 300.0


def rebuild(scene: Scene, url: str, orders: Sequence[Order], proofs: Proofs) -> None:
    """Rebuild what queries read, kill the worker, start another one, and compare; a stack answers at a URL."""
    operator = scene.operator(url)
    before = _lives(scene)
    with scene.customer(url) as client:
        traffic = Traffic(answers(client, _paths(orders)))
        with traffic.flowing(client):
            _begin(operator, len(orders))
            with scene.worker() as worker:
                _kill(worker, scene, operator, proofs)
            with scene.worker():
                _finish(scene, operator, before, len(orders), proofs)
    scene.quiet(url)
    _prove_traffic(traffic, proofs)
    prove_equal(DRILL, scene, proofs)


def _begin(operator: Client, streams: int) -> None:
    rate = ceil(streams * UNITS_OF_A_STREAM / BUILD_SECONDS)
    for projection in REBUILT:
        operator.post("projections", projection.name, "rebuild", writesPerSecond=rate, switchWhenEqual=True)


def _kill(worker: StackProcess, scene: Scene, operator: Client, proofs: Proofs) -> None:
    """Kill the worker as soon as it is in the middle of a rebuild."""
    wait_until(lambda: any(map(_in_the_middle, _builds(operator))), "a rebuild to be half done", SECONDS)
    code, builds = worker.stop(SIGKILL), _builds(operator)
    done = {each["projection"]: f"{each['streams']} of {each['total'] or '?'} streams" for each in builds}
    middle = code == -SIGKILL and any(map(_in_the_middle, builds))
    proofs.add(DRILL, "its worker was killed with -9 in the middle", middle, done)
    rows = [_rows(scene, projection, build["generation"]) for projection, build in zip(REBUILT, builds, strict=True)]
    live = [_rows(scene, projection, build["base"]) for projection, build in zip(REBUILT, builds, strict=True)]
    half = sum(rows) > 0 and all(build["stage"] == "building" for build in builds)
    seen = {each.name: f"{new} beside {old}" for each, new, old in zip(REBUILT, rows, live, strict=True)}
    proofs.add(DRILL, "half-built rows stand beside the live ones", half, seen)


def _finish(scene: Scene, operator: Client, before: Mapping[str, int], streams: int, proofs: Proofs) -> None:
    """Type `rebuild` again, and see it continue to the switch."""
    _begin(operator, streams)
    for projection in REBUILT:
        done = _ended(operator, projection.name)
        seen = f"{done['stage']}, {done['compared']} rows compared, {done['different']} differ, {done['failed']} failed"
        good = (done["stage"], done["different"], done["failed"]) == ("live", 0, 0)
        proofs.add(DRILL, f"{projection.name} is rebuilt, compared and switched to", good, seen)
    after, names = _lives(scene), {projection.name for projection in REBUILT}
    moved = {name for name in after if after[name] == before[name] + 1}
    proofs.add(DRILL, "queries read the new generations", moved == names, {name: after[name] for name in names})


def _prove_traffic(traffic: Traffic, proofs: Proofs) -> None:
    seen = f"{counted(traffic.reads, 'read')}, {len(traffic.wrong)} wrong: {sorted(set(traffic.wrong))}"
    proofs.add(DRILL, "no read was served half-built rows", bool(traffic.reads) and not traffic.wrong, seen)
    seen = f"{counted(traffic.ordered, 'order')}, {counted(len(traffic.failures), 'failure')} {traffic.failures[:1]}"
    proofs.add(DRILL, "people went on to order", traffic.ordered > 0 and not traffic.failures, seen)


def _paths(orders: Sequence[Order]) -> list[str]:
    """Queries whose answers the file alone decides, of every projection that is rebuilt."""
    customers = Counter(order.customer for order in orders).most_common(CUSTOMERS)
    days = sorted(moment.date() for order in orders for moment in _moments(order))
    return [
        f"/sales/daily?from={days[0]}&to={days[-1]}",
        *(f"/orders?customer={customer}&limit=50" for customer, _ in customers),
    ]


def _moments(order: Order) -> Sequence[Any]:
    return [order.finished, *([order.note.moment] if order.note else [])]


def _builds(operator: Client) -> list[Mapping[str, Any]]:
    return [operator.get("projections", projection.name, "rebuild").content for projection in REBUILT]


def _ended(operator: Client, name: str) -> Mapping[str, Any]:
    def look() -> Mapping[str, Any]:
        build: Mapping[str, Any] = operator.get("projections", name, "rebuild").content
        return build if build["stage"] != "building" else {}

    return wait_until(look, f"the rebuild of {name}", SECONDS)


def _in_the_middle(build: Mapping[str, Any]) -> bool:
    """Whether new rows are there, and not all of them."""
    return build["stage"] == "building" and build["streams"] > 0 and build["phase"] in UNFINISHED


def _lives(scene: Scene) -> Mapping[str, int]:
    """The generation that queries read, by projection."""
    found = scene.app.projection_states.get([projection.name for projection in PROJECTIONS])
    return {name: state.live for name, state in found.items()}


def _rows(scene: Scene, projection: Projection, number: int) -> int:
    generation = Generation(projection.name, number)
    if isinstance(projection, ViewProjection):
        return len(scene.app.views.all_rows(generation))
    return sum(1 for _ in scene.app.views.all_states(generation))
