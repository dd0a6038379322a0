"""Measures telemetry, prints it, and writes bench/measured/telemetry.json and the page that shows it.

python -m bench.telemetry [--seconds 300] [--rounds 5] [--only rates] [--print-only]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from rich.console import Console
from tests.support.engines import DynamoDBEngine, local_tables

from banyan_tools.local.dynamodb_local import DynamoDBLocal, unavailable
from bench import matrix
from bench.__main__ import tables
from bench.page import PAGE, machine, markdown, written
from bench.results import Chapter
from bench.stored import Stored, read_stored, write_stored
from bench.telemetry import counted, peers, side_by_side
from bench.telemetry.fleet import INTERVAL_MS
from bench.telemetry.rates import DEVICES, Rates, Seconds, Step

BEGIN = "<!-- telemetry: `make bench-telemetry` writes what follows -->"
END = "<!-- telemetry -->"
NAME = "telemetry"
PARTS = ("counted", "side", "peers", "rates")
TITLES = COUNTED, SIDE, PEERS, RATE, TWICE, HOT = (
    "What readings consume",
    "Side by side",
    "Beside other event stores",
    "At a rate",
    "Twice the rate that holds",
    "One hot device",
)


def main() -> None:
    """Measure, one part after the other."""
    options = _options()
    if reason := unavailable():
        raise SystemExit(f"Telemetry is measured on DynamoDB Local. {reason}")
    console, begun = Console(width=120), time.monotonic()
    where = machine(f"{datetime.now(UTC):%Y-%m-%d}", os.getloadavg()[0])
    with DynamoDBLocal() as server, local_tables(server.endpoint) as engine:
        chapters = list(measured(engine, options, lambda what: console.print(f"{what} …")))
    for chapter in chapters:
        console.print(*tables(chapter))
    console.print(f"{(time.monotonic() - begun) / 60:.1f} minutes.")
    if not options.print_only:
        publish(Stored(where, chapters))


def measured(engine: DynamoDBEngine, options: argparse.Namespace, step: Step) -> Iterator[Chapter]:
    """The chapters that are asked for."""
    if "counted" in options.only:
        yield Chapter(COUNTED, list(counted.measure(engine, step)))
    if "side" in options.only:
        sizes = f"rounds: {options.rounds}, one process"
        yield Chapter(SIDE, list(side_by_side.measure(engine, options.rounds, step)), sizes=sizes)
    if "peers" in options.only:
        yield peers.measure(engine, PEERS, options.rounds, step)
    if "rates" in options.only:
        seconds = Seconds(options.seconds, options.recovering or options.seconds, options.beside or options.seconds)
        yield from _at_rates(Rates(engine, seconds, step), seconds)


def _at_rates(rates: Rates, seconds: Seconds) -> Iterator[Chapter]:
    each = f"devices: {DEVICES}, each with a reading every {INTERVAL_MS // 1000} s of its time"
    yield Chapter(RATE, list(rates.sustained()), sizes=f"{each}; seconds of each long run: {seconds.held:.0f}")
    after = f"seconds: {seconds.held:.0f}, and {seconds.recovering:.0f} after"
    yield Chapter(TWICE, list(rates.twice()), sizes=after)
    beside = f"seconds of each run: {seconds.beside:.0f}, at half of the rate that holds for 10 a record"
    yield Chapter(HOT, list(rates.hot()), sizes=beside)


def publish(measured: Stored) -> None:
    """Keep what was measured beside what was not measured now, and put it into the page."""
    found = {chapter.title: chapter for chapter in (*_kept(), *measured.chapters)}
    whole = Stored(measured.where, [found[title] for title in TITLES if title in found])
    write_stored(NAME, whole)
    PAGE.write_text(written(PAGE.read_text(), shown(whole), BEGIN, END))
    matrix.main()


def _kept() -> Sequence[Chapter]:
    try:
        return read_stored(NAME).chapters
    except FileNotFoundError:
        return ()


def shown(measured: Stored) -> str:
    """What the page shows."""
    return markdown(measured.chapters, measured.where)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.telemetry", description=__doc__)
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, help="parts to measure; of others what is kept"
    )
    parser.add_argument(
        "--seconds", type=float, default=30, help="of each run at a rate that holds, and at twice it (30)"
    )
    parser.add_argument("--recovering", type=float, help="seconds after twice the rate (as many)")
    parser.add_argument("--beside", type=float, help="seconds with a hot device, and without (as many)")
    parser.add_argument("--rounds", type=int, default=3, help="in which everything that is compared takes turns (3)")
    parser.add_argument("--print-only", action="store_true", help="write nothing")
    return parser.parse_args()


if __name__ == "__main__":
    main()
