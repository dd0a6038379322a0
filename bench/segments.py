"""How a rebuild grows with its workers, one segment each, and against as many bare writes one by one.

On one machine DynamoDB Local and all workers share the processors, and what is measured is these. Here the tables are
in memory, and a request only waits, as long as one may take on DynamoDB.

python -m bench.segments [--streams 200] [--milliseconds 20] [--in-flight 4] [--rounds 3]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import islice
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from tests.support.ledger import account, deposits
from tests.support.rebuild import FOREVER, Fuse, Rebuilding

from banyan.projections.rebuild.builds import BuildPhase, Work
from banyan.projections.rebuild.worker import Pace
from banyan.projections.views import Generation
from banyan.spread import in_threads
from banyan.store.items import bucket_of
from bench.ground import Ground
from bench.results import Figure, Goals, at_least, ratios

WORKERS = (1, 2, 4)
PROJECTIONS = ("balances", "turnover")
RATE = 1_000_000

TITLE: Final = "Segments of a rebuild"
USES: Final = ("segment", "rebuilds")
GROWTH: Final = {name: f"rebuild of {name} with 4 segments against 1: streams/s" for name in PROJECTIONS}
OF_BARE: Final = {name: f"rebuild of {name} with 1 segment against bare writes: streams/s" for name in PROJECTIONS}
GOALS: Final[Goals] = {
    **{GROWTH[name]: at_least(3.6) for name in PROJECTIONS},
    **{OF_BARE[name]: at_least(0.7) for name in PROJECTIONS},
}
"""Nine tenths of four times as fast count as linear."""


class Slow(Fuse):
    """Lets every request wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def pass_on(self, request: Callable[[], Any]) -> Any:
        time.sleep(self._seconds)
        return request()


def main() -> None:
    """Rebuild with one, two and four workers in turn, and print medians."""
    options = _options()
    table = Table("", *(f"{workers} workers" for workers in WORKERS), "of linear at 4", "one worker, of bare writes")
    bare = median(_bare(options) for _ in range(options.rounds))
    for projection in PROJECTIONS:
        rates = [median(_rate(options, projection, workers) for _ in range(options.rounds)) for workers in WORKERS]
        linear = rates[-1] / rates[0] / WORKERS[-1]
        table.add_row(
            projection, *(f"{rate:,.0f} streams/s" for rate in rates), f"{linear:.0%}", f"{rates[0] / bare:.0%}"
        )
    Console(width=120).print(table)


def measure(ground: Ground) -> Sequence[Figure]:
    """The same as figures, with one segment and with four."""
    options = argparse.Namespace(streams=ground.sizes.segment, milliseconds=20, in_flight=4)
    rounds = range(ground.sizes.rebuilds)
    ground.step("bare writes")
    bare = [_bare(options) for _ in rounds]
    return [figure for name in PROJECTIONS for figure in _figures(ground, options, name, bare)]


def _figures(ground: Ground, options: argparse.Namespace, name: str, bare: Sequence[float]) -> Iterator[Figure]:
    ground.step(f"rebuilding {name}")
    pairs = [(_rate(options, name, WORKERS[0]), _rate(options, name, WORKERS[-1])) for _ in bare]
    one, four = map(list, zip(*pairs, strict=True))
    yield Figure(GROWTH[name], ratios(four, one), "×", GOALS[GROWTH[name]])
    yield Figure(OF_BARE[name], ratios(one, bare), "×", GOALS[OF_BARE[name]])


def _rate(options: argparse.Namespace, projection: str, workers: int) -> float:
    """Streams that are applied in a second."""
    rebuilding = Rebuilding(Slow(options.milliseconds / 1000), buckets=workers)
    rebuilding.spread = in_threads(options.in_flight)
    rebuilding.pace = Pace(workers, settle=timedelta())
    streams = options.streams * workers
    for name in _names(streams, workers):
        rebuilding.ledger.commit(account(name), *deposits(1))
    rebuilding.rebuild.start(projection, write_rate=RATE)
    works = [Work(Generation(projection, 2), segment) for segment in range(workers)]
    begun = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda work: rebuilding.worker().work(work, lambda: FOREVER), works))
    seconds = time.perf_counter() - begun
    progress = rebuilding.rebuild.progress(projection)
    assert (progress.streams, progress.phase.reached(BuildPhase.CAUGHT_UP)) == (streams, True)
    return float(streams / seconds)


def _bare(options: argparse.Namespace) -> float:
    """Rows that are written in a second, one by one."""
    fuse = Slow(options.milliseconds / 1000)
    begun = time.perf_counter()
    for _ in range(options.streams):
        fuse.pass_on(lambda: None)
    return float(options.streams / (time.perf_counter() - begun))


def _names(streams: int, buckets: int) -> Iterator[str]:
    """As many accounts in each bucket."""
    names = [f"a{number}" for number in range(4 * streams + 100)]
    for bucket in range(buckets):
        yield from islice((n for n in names if bucket_of(account(n), buckets) == bucket), streams // buckets)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.segments", description=__doc__)
    parser.add_argument("--streams", type=int, default=200, help="in each segment")
    parser.add_argument("--milliseconds", type=float, default=20.0, help="that each request takes")
    parser.add_argument("--in-flight", type=int, default=4, help="streams in each worker")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
