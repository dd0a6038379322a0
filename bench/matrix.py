"""The decision matrix of docs/pattern.md: who shows each of its rows, and what was measured there.

Its figures come from what `make bench`, `make bench-telemetry` and `make bench-hot-account` stored or wrote, and from
what the pages about the migration and the ledger say; each of these writes the matrix again.

python -m bench.matrix
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from banyan_tools.project import ROOT
from bench.page import PAGE as PERFORMANCE
from bench.page import written
from bench.results import number
from bench.stored import read_stored

PAGE: Final = ROOT / "docs" / "pattern.md"
BEGIN: Final = "<!-- matrix: `make bench-matrix` writes what follows -->"
END: Final = "<!-- matrix -->"
HEADER: Final = "| what you build | shown by | what it uses | measured | by |\n|---|---|---|---|---|"
MOST_CLIENTS: Final = 8


def main() -> None:
    """Write the matrix into the page."""
    PAGE.write_text(written(PAGE.read_text(), matrix(), BEGIN, END))


def matrix() -> str:
    """All four rows."""
    return "\n".join([HEADER, *(f"| {' | '.join(row)} |" for row in _rows())])


def _rows() -> Iterator[Sequence[str]]:
    yield (
        "a new service",
        "`orders`",
        "one stream for each entity, projections, sagas with deadlines, idempotent requests, events on the bus",
        _orders(),
        "`make bench`",
    )
    yield (
        "a way out of a legacy monolith",
        "`orders`, on PostgreSQL or DynamoDB",
        "dual writes with an owner, backfill, canary reads, a controller that goes back by itself, reconciliation",
        _monolith(),
        "`make demo`",
    )
    yield (
        "a regulated ledger",
        "`ledger`",
        "decisions over several streams, four eyes, closed periods, statements, a digest chain, time travel",
        _ledger(),
        "`python -m tests.ledger.support.costs`, `make bench-hot-account`",
    )
    yield (
        "high-frequency telemetry",
        "`telemetry`",
        "ingest of a Kinesis stream, a commit of columns for each batch, streams that end, windows, retention",
        _telemetry(),
        "`make bench-telemetry`",
    )


def _orders() -> str:
    page = PERFORMANCE.read_text()
    requests, units, projected = (
        _found(rf"^\| {re.escape(what)} \| ([\d.,]+)", page)
        for what in (
            "POST /orders with Idempotency-Key: requests",
            "POST /orders with Idempotency-Key: write units",
            "the orders' projections, batches of 50: write units an event",
        )
    )
    return (
        f"`POST /orders`, warm: {requests} requests and {units} write units with its idempotency; "
        f"{projected} write units an event for all its projections"
    )


def _monolith() -> str:
    page = (ROOT / "docs" / "migration.md").read_text()
    orders, seconds = (_found(pattern, page) for pattern in (r"real week of ([\d,]+) orders", r"took ([\d,]+) seconds"))
    return (
        f"from `legacy` to `complete` under traffic with {orders} orders in {seconds} s, a write past the API and "
        f"falsified rows found and repaired, nothing lost"
    )


def _ledger() -> str:
    page = (ROOT / "docs" / "ledger.md").read_text()
    row = re.search(r"^\| 2 \| \d+ \| (\d+) \| .* \| (\d+) \| ([\d.]+) \|$", page, re.MULTILINE)
    assert row, "the page about the ledger has no costs of a transfer"
    hot = read_stored("hot_account").value("into one account", f"{MOST_CLIENTS} clients")
    return (
        f"a transfer of two postings, warm: {row[1]} requests, {row[2]} write units, $ {row[3]} a million; "
        f"one account takes {number(hot)} transfers/s from {MOST_CLIENTS} clients"
    )


def _telemetry() -> str:
    found = read_stored("telemetry")
    append, views, cursor = (
        found.value("write units for 1,000 readings, 100 a record", part)
        for part in ("append", "views", "the reactor's cursor")
    )
    money = found.value("US cents for a million readings, 100 a record", "append")
    held = found.value("readings/s that hold", "100 a record")
    lag = found.value("lag until the window shows: p99", "100 a record")
    return (
        f"in commits of 100 readings {number(append)} write units for 1,000 of them ({number(money)} US cents a "
        f"million), {number(views)} for their windows and {number(cursor)} for the reactor's cursor; "
        f"{number(held)} readings/s hold on two cores until the "
        f"window shows, with a lag of {number(lag)} ms at p99"
    )


def _found(pattern: str, page: str) -> str:
    match = re.search(pattern, page, re.MULTILINE)
    assert match, f"no page says {pattern}"
    return match[1]


if __name__ == "__main__":
    main()
