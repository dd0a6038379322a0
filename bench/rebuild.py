"""Projecting and rebuilding, against as many bare writes on the same DynamoDB Local, one by one.

python -m bench.rebuild [--streams 200] [--rounds 3]
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from tests.orders.support.busy_shop import batches
from tests.support.engines import DynamoDBEngine, local_tables
from tests.support.ledger import account, deposits
from tests.support.projections import Ledger
from tests.support.rebuilder import Rebuilder
from tests.support.wire import Capacity, Unreported

from banyan.bootstrap.rebuilds import STREAMS_IN_FLIGHT
from banyan.projections.items import state_item
from banyan.projections.processor import ProjectionProcessor
from banyan.projections.views import Generation
from banyan.store import Commit
from banyan.streams import StreamHead
from banyan_tools.local.dynamodb_local import DynamoDBLocal
from bench.ground import Ground
from bench.results import Figure, Goals, at_least, at_most
from orders import DOMAIN

TITLE: Final = "Projector and rebuild"
USES: Final = ("streams", "rebuilds")
PROJECTOR: Final = "projector, batches of 50, both projections"
ROWS, SHARED = "rebuild of a row per stream", "rebuild of shared rows"
ORDERS: Final = "the orders' projections, batches of 50"
GOALS: Final[Goals] = {
    f"{PROJECTOR}: events/s against bare writes": at_least(0.8),
    f"{ROWS}: events/s against bare writes": at_least(0.7),
    f"{SHARED}: events/s against bare writes": at_least(0.7),
    f"{ORDERS}: requests an event": at_most(1.5),
    f"{ORDERS}: write units an event": at_most(4),
}

EVENTS_OF_A_STREAM = 4
BATCH = 50
WRITES = ("PutItem", "UpdateItem", "BatchExecuteStatement", "TransactWriteItems")


@dataclass(frozen=True)
class Run:
    """One measurement.

    Parameters
    ----------
    seconds, waited : float
        Of work, and of pauses, which a rebuild makes for projectors to learn of it however little there is to do.
    bare_seconds : float
        Of as many bare writes, right behind it.
    items, events : int
        Written, and applied.
    """

    seconds: float
    waited: float
    bare_seconds: float
    items: int
    events: int
    requests: Counter[str]


Runs = Mapping[str, Sequence[Run]]


def main() -> None:
    """Run every measurement in turn, round by round, and print medians."""
    options = _options()
    with DynamoDBLocal() as server:
        Console(width=120).print(_table(_runs(server.endpoint, options.streams, options.rounds)))


def measure(ground: Ground) -> Sequence[Figure]:
    """The same as figures, and what the example's projections cost."""
    ground.step("projector and rebuilds")
    with DynamoDBLocal() as server:
        runs = _runs(server.endpoint, ground.sizes.streams, ground.sizes.rebuilds)
    figures = [figure for name, measured in runs.items() for figure in _figures(name, measured)]
    return [*figures, *_orders(ground)]


def _runs(endpoint: str, streams: int, rounds: int) -> Runs:
    runs: dict[str, list[Run]] = defaultdict(list)
    for _ in range(rounds):
        with local_tables(endpoint) as engine:
            for name, run in _round(engine, streams):
                runs[name].append(run)
    return runs


def _figures(name: str, measured: Sequence[Run]) -> Iterator[Figure]:
    what = f"{name}: events/s against bare writes"
    yield Figure(what, [run.bare_seconds / run.seconds for run in measured], "×", GOALS[what])
    yield Figure(f"{name}: events/s", [run.events / run.seconds for run in measured], "")
    yield Figure(f"{name}: requests an event", [run.requests.total() / run.events for run in measured], "")


def _orders(ground: Ground) -> Iterator[Figure]:
    """What the projections of the example cost in a batch of a busy shop."""
    ground.step("the orders' projections")
    shop, before, batch = batches()
    with local_tables(ground.endpoint) as engine:
        projector = ProjectionProcessor(shop.store, engine.views(), DOMAIN.projections)
        assert not projector.project(before)
        capacity, unreported = Capacity(engine.client), Unreported(engine.client)
        engine.wire.clear()
        assert not projector.project(batch)
    written = unreported.units + sum(capacity.units[operation] for operation in ("PutItem", "UpdateItem"))
    for kind, value in (("requests", len(engine.wire.sent)), ("write units", written)):
        what = f"{ORDERS}: {kind} an event"
        yield Figure(what, [value / len(batch)], "", GOALS[what])


def _round(engine: DynamoDBEngine, streams: int) -> Sequence[tuple[str, Run]]:
    ledger = Ledger(engine.views(), engine.table(), projection_states=engine.projection_states())
    commits = [commit for number in range(streams) for commit in _filled(ledger, f"a{number}")]
    events = streams * EVENTS_OF_A_STREAM
    rebuilder = Rebuilder(engine.client, engine.tables, STREAMS_IN_FLIGHT)
    return [
        (PROJECTOR, _measured(engine, events, lambda: _project(ledger, commits))),
        (ROWS, _measured(engine, events, lambda: _rebuild(rebuilder, "balances"))),
        (SHARED, _measured(engine, events, lambda: _rebuild(rebuilder, "turnover"))),
    ]


def _filled(ledger: Ledger, name: str) -> Sequence[Commit]:
    ledger.store.append(account(name), StreamHead.empty(account(name)), deposits(*range(EVENTS_OF_A_STREAM)))
    return list(ledger.store.commits(account(name)))


def _project(ledger: Ledger, commits: Sequence[Commit]) -> float:
    for start in range(0, len(commits), BATCH):
        ledger.runner.project(commits[start : start + BATCH])
    return 0.0


def _rebuild(rebuilder: Rebuilder, projection: str) -> float:
    before = rebuilder.queue.waited
    rebuilder.rebuild.start(projection)
    rebuilder.run()
    return rebuilder.queue.waited - before


def _measured(engine: DynamoDBEngine, events: int, act: Callable[[], float]) -> Run:
    """What an act took, which returns the seconds that it only waited."""
    engine.wire.clear()
    written = _Written(engine)
    seconds, waited = _timed(act)
    items, requests = written.items, Counter(engine.wire.sent)
    return Run(seconds - waited, waited, _bare(engine, items), items, events, requests)


class _Written:
    """Counts the items that are written, those of transactions and batches one by one."""

    def __init__(self, engine: DynamoDBEngine) -> None:
        self.items = 0
        for operation in WRITES:
            engine.client.meta.events.register(f"provide-client-params.dynamodb.{operation}", self._count)

    def _count(self, params: Mapping[str, Any], **_: Any) -> None:
        self.items += len(params.get("TransactItems") or params.get("Statements") or "1")


def _bare(engine: DynamoDBEngine, writes: int) -> float:
    row = engine.views().states(Generation("balances"), [account("a0")])[account("a0")]
    item = state_item(Generation("bare"), row)

    def write() -> float:
        for number in range(writes):
            engine.client.put_item(TableName=engine.tables.views, Item=item | {"row": {"S": f"bare@1#{number}"}})
        return 0.0

    return _timed(write)[0]


def _timed(act: Callable[[], float]) -> tuple[float, float]:
    begun = time.perf_counter()
    waited = act()
    return time.perf_counter() - begun, waited


def _table(runs: Runs) -> Table:
    table = Table("", "events/s", "of bare writes", "items/event", "writes/event", "reads/event", "paused")
    for name, measured in runs.items():
        run = measured[-1]
        writes = sum(run.requests[operation] for operation in WRITES)
        table.add_row(
            name,
            f"{median(run.events / run.seconds for run in measured):,.0f}",
            f"{median(run.bare_seconds / run.seconds for run in measured):.0%}",
            f"{run.items / run.events:.2f}",
            f"{writes / run.events:.2f}",
            f"{(run.requests.total() - writes) / run.events:.2f}",
            f"{run.waited:.0f} s",
        )
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.rebuild", description=__doc__)
    parser.add_argument("--streams", type=int, default=200, help="streams of 4 events each")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
