"""Measures telemetry, prints it, and writes bench/measured/telemetry.json and the page that shows it.

python -m bench.telemetry [--seconds 300] [--rounds 5] [--print-only]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from tests.support.engines import DynamoDBEngine, local_tables

from banyan_tools.local.dynamodb_local import DynamoDBLocal, unavailable
from bench import matrix
from bench.__main__ import tables
from bench.page import PAGE, machine, markdown, written
from bench.results import Chapter
from bench.stored import Stored, write_stored
from bench.telemetry import counted, side_by_side
from bench.telemetry.fleet import INTERVAL_MS
from bench.telemetry.rates import DEVICES, Rates, Step

BEGIN = "<!-- telemetry: `make bench-telemetry` writes what follows -->"
END = "<!-- telemetry -->"
NAME = "telemetry"


def main() -> None:
    """Measure, one part after the other."""
    options = _options()
    if reason := unavailable():
        raise SystemExit(f"Telemetry is measured on DynamoDB Local. {reason}")
    console, begun = Console(width=120), time.monotonic()
    where = machine(f"{datetime.now(UTC):%Y-%m-%d}", os.getloadavg()[0])
    with DynamoDBLocal() as server, local_tables(server.endpoint) as engine:
        chapters = measured(engine, options.seconds, options.rounds, lambda what: console.print(f"{what} …"))
    for chapter in chapters:
        console.print(*tables(chapter))
    console.print(f"{(time.monotonic() - begun) / 60:.1f} minutes.")
    if not options.print_only:
        publish(Stored(where, chapters))


def measured(engine: DynamoDBEngine, seconds: float, rounds: int, step: Step) -> Sequence[Chapter]:
    """All chapters."""
    rates = Rates(engine, seconds, step)
    each = f"devices: {DEVICES}, each with a reading every {INTERVAL_MS // 1000} s of its time"
    return [
        Chapter("What readings consume", list(counted.measure(engine, step))),
        Chapter(
            "Side by side", list(side_by_side.measure(engine, rounds, step)), sizes=f"rounds: {rounds}, one process"
        ),
        Chapter("At a rate", list(rates.sustained()), sizes=f"{each}; seconds of each run: {seconds:.0f}"),
        Chapter("Twice the rate that holds", list(rates.twice()), sizes=f"seconds: {seconds:.0f}, and as many after"),
        Chapter("One hot device", list(rates.hot()), sizes=f"seconds of each run: {seconds:.0f}"),
    ]


def publish(measured: Stored) -> None:
    """Keep what was measured, and put it into the page."""
    write_stored(NAME, measured)
    PAGE.write_text(written(PAGE.read_text(), shown(measured), BEGIN, END))
    matrix.main()


def shown(measured: Stored) -> str:
    """What the page shows."""
    return markdown(measured.chapters, measured.where)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.telemetry", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30, help="of each run at a rate (30)")
    parser.add_argument("--rounds", type=int, default=3, help="in which everything that is compared takes turns (3)")
    parser.add_argument("--print-only", action="store_true", help="write nothing")
    return parser.parse_args()


if __name__ == "__main__":
    main()
