"""Measures how long a running stack takes to show an order in its read model, and to answer a read of one's own write.

python -m bench.staleness --url http://127.0.0.1:3000 --token "$(make -s token TENANT=bench)"
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from statistics import quantiles
from uuid import uuid4

import httpx
from rich.console import Console
from rich.progress import track
from rich.table import Table

ORDER = {"customerId": "bench", "items": [{"sku": "tea", "quantity": 1, "price": "1.00"}]}
MEASURED = ("POST /orders", "GET with minVersion", "row visible after the answer")
GIVE_UP_SECONDS = 30.0


def main() -> None:
    """Post orders one by one, time each, and print percentiles in ms."""
    options = _options()
    with httpx.Client(base_url=options.url, headers={"Authorization": f"Bearer {options.token}"}) as client:
        rounds = track(range(options.orders), "orders", console=Console(stderr=True))
        times = [_measure(client) for _ in rounds]
    Console().print(_table(list(zip(*times, strict=True))))


def _measure(client: httpx.Client) -> tuple[float, float, float]:
    """Time a command, and each way to read what it wrote on an order of its own: one must not warm up the other."""
    first, second = f"bench-{uuid4()}", f"bench-{uuid4()}"
    posted = _timed(lambda: _post(client, first))
    own_write = _timed(lambda: client.get(f"/orders/{first}", params={"minVersion": 1}).raise_for_status())
    _until_projected(client, first)
    _post(client, second)
    return posted, own_write, _timed(lambda: _until_projected(client, second))


def _post(client: httpx.Client, order: str) -> None:
    client.post("/orders", json={"orderId": order, **ORDER}).raise_for_status()


def _until_projected(client: httpx.Client, order: str) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while client.get(f"/orders/{order}").raise_for_status().json()["servedFrom"] != "projection":
        if time.monotonic() > deadline:
            raise SystemExit(f"{order} was not projected within {GIVE_UP_SECONDS:.0f} s: is the projector running?")


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000


def _table(columns: Sequence[Sequence[float]]) -> Table:
    table = Table("", "p50 ms", "p99 ms", "max ms")
    for name, column in zip(MEASURED, columns, strict=True):
        cuts = quantiles(column, n=100, method="inclusive")
        table.add_row(name, f"{cuts[49]:.1f}", f"{cuts[98]:.1f}", f"{max(column):.1f}")
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--url", default="http://127.0.0.1:3000")
    parser.add_argument("--token", required=True)
    parser.add_argument("--orders", type=int, default=200)
    return parser.parse_args()


if __name__ == "__main__":
    main()
