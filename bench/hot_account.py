"""Transfers a second into one account, by the number of clients, beside transfers between accounts of their own.

Writes bench/measured/hot_account.json and the table of docs/ledger.md.

python -m bench.hot_account [--seconds 8]
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from multiprocessing import get_context
from typing import Any, Final

from tests.support.engines import DynamoDBEngine, dynamodb_client, local_tables
from tests.support.http import CONTEXT, body_of, event

from banyan.bootstrap import bootstrap
from banyan.entrypoints.http.api import Api, command_api
from banyan.telemetry import NoTelemetry
from banyan_tools.local.dynamodb_local import DynamoDBLocal
from banyan_tools.project import ROOT
from bench import matrix
from bench.page import machine, written
from bench.results import Chapter, Figure, number
from bench.stored import Stored, write_stored

PAGE: Final = ROOT / "docs" / "ledger.md"
BEGIN: Final = "<!-- measured: `make bench-hot-account` writes what follows -->"
END: Final = "<!-- measured -->"
NAME: Final = "hot_account"
CLIENTS: Final = (1, 2, 4, 8)
HOT: Final = "into one account"
APART: Final = "between accounts of their own"
AGAIN: Final = "into one account: answered 409, in %"
CLAIMS: Final = {"sub": "bench", "tenant": "acme", "scope": "ledger/write"}


@dataclass(frozen=True)
class Place:
    """Where clients write to, and for how long."""

    endpoint: str
    environ: Mapping[str, str]
    seconds: float


def main() -> None:
    """Measure, and write the table into the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.hot_account", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8, help="of each run (8)")
    seconds = parser.parse_args().seconds
    where = machine(f"{datetime.now(UTC):%Y-%m-%d}", os.getloadavg()[0])
    with DynamoDBLocal() as server, local_tables(server.endpoint) as engine:
        figures = [figure for count in CLIENTS for figure in measure(engine, count, seconds)]
    stored = Stored(where.partition(" Peers:")[0], [Chapter("Hot accounts", figures)])
    write_stored(NAME, stored)
    PAGE.write_text(written(PAGE.read_text(), shown(stored), BEGIN, END))
    matrix.main()
    print(shown(stored))


def shown(stored: Stored) -> str:
    """What the page shows."""
    columns = " | ".join(f"{count} client{'s' * (count > 1)}" for count in CLIENTS)
    rows = [f"| transfers a second | {columns} |"]
    rows.append(f"|---|{'---|' * len(CLIENTS)}")
    for what in (HOT, APART, AGAIN):
        values = (number(stored.value(what, who(count))) for count in CLIENTS)
        rows.append(f"| {what} | {' | '.join(values)} |")
    return "\n".join([*rows, "", stored.where])


def who(count: int) -> str:
    """Whose figure it is."""
    return f"{count} clients"


def measure(engine: DynamoDBEngine, clients: int, seconds: float) -> Sequence[Figure]:
    """Transfers a second of so many clients, each a process of its own, that repeat what is answered 409."""
    names = {f"{name.upper()}_TABLE": getattr(engine.tables, name) for name in type(engine.tables).model_fields}
    place = Place(engine.client.meta.endpoint_url, {**names, "BANYAN_DOMAIN": "ledger"}, seconds)
    api = _api(place)
    hot = f"hot-{clients}"
    own = [f"own-{clients}-{client}" for client in range(clients)]
    for account in (hot, *own, *(f"{each}-other" for each in own)):
        _ask(api, "/accounts", {"accountId": account, "type": "asset", "currency": "EUR"})
    into_one = _raced(place, [(hot, each) for each in own])
    apart = _raced(place, [(f"{each}-other", each) for each in own])
    conflicts = 100 * into_one[HTTPStatus.CONFLICT] / into_one.total()
    return [
        Figure(HOT, [into_one[HTTPStatus.CREATED] / seconds], "", who=who(clients)),
        Figure(APART, [apart[HTTPStatus.CREATED] / seconds], "", who=who(clients)),
        Figure(AGAIN, [conflicts], "", who=who(clients)),
    ]


def post(place: Place, accounts: tuple[str, str], start: Any, found: Any) -> None:
    """Transfer from one account to another until the time is over; main function of a process."""
    api, answers, turn = _api(place), Counter[int](), 0
    to, source = accounts
    start.wait()
    end = time.monotonic() + place.seconds
    while time.monotonic() < end:
        body = {
            "transferId": f"t-{to}-{source}-{turn}",
            "postings": [{"accountId": source, "amount": "-1"}, {"accountId": to, "amount": "1"}],
        }
        status = _ask(api, "/transfers", body)
        answers[status] += 1
        turn += status == HTTPStatus.CREATED
    found.put(dict(answers))


def _raced(place: Place, pairs: Sequence[tuple[str, str]]) -> Counter[int]:
    spawn = get_context("spawn")
    start, found = spawn.Barrier(len(pairs)), spawn.Queue()
    processes = [spawn.Process(target=post, args=(place, pair, start, found)) for pair in pairs]
    for process in processes:
        process.start()
    total: Counter[int] = Counter()
    for _ in pairs:
        total.update(found.get())
    for process in processes:
        process.join()
    return total


def _api(place: Place) -> Api:
    client = dynamodb_client(place.endpoint)
    return command_api(bootstrap(place.environ, client=lambda: client, telemetry=NoTelemetry()))


def _ask(api: Api, path: str, body: Mapping[str, Any]) -> int:
    answer = api(event("POST", path, body, claims=CLAIMS), CONTEXT)
    status = int(answer["statusCode"])
    assert status in (HTTPStatus.CREATED, HTTPStatus.CONFLICT), body_of(answer)
    return status


if __name__ == "__main__":
    main()
