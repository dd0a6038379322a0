"""Many streams that no projection has seen: what an operator's list takes, and how a catch-up keeps its deadline."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from tests.support.clocks import START
from tests.support.engines import DynamoDBEngine, local_tables
from tests.support.many import accounts, write_streams
from tests.support.projections import Ledger

from banyan.projections.catchup import CatchUp
from banyan.store.eventstore import utc_now
from banyan.telemetry import NoTelemetry
from banyan_tools.local.dynamodb_local import DynamoDBLocal
from bench.ground import Ground, LeftOut
from bench.results import Figure, Goals, at_most

TITLE: Final = "Many streams"
USES: Final = ("unprojected", "rounds")
FEW: Final = 2_000
RUN_SECONDS: Final = 5.0
LIST: Final = "projections list, streams that no projection has seen"
LATE: Final = "first catch-up with them: seconds after its deadline"
GOALS: Final[Goals] = {
    f"{LIST}: seconds": at_most(1),
    f"{LIST}: requests, many against {FEW:,}": at_most(1),
    LATE: at_most(1),
}


def measure(ground: Ground) -> Sequence[Figure]:
    """Write streams as appends would, and look."""
    if not ground.sizes.unprojected:
        raise LeftOut("only `make bench` has the time for many streams")
    with DynamoDBLocal() as server, local_tables(server.endpoint) as engine:
        return list(_figures(ground, engine))


def _figures(ground: Ground, engine: DynamoDBEngine) -> Iterator[Figure]:
    oldest, many = START - timedelta(hours=2), ground.sizes.unprojected
    ground.step(f"writing {FEW:,} streams")
    write_streams(engine, list(accounts(0, FEW)), oldest)
    ledger = _ledger(engine)
    _, few_requests = _listed(engine, ledger)
    ground.step(f"writing {many:,} streams")
    write_streams(engine, list(accounts(FEW, many)), oldest + timedelta(hours=1))
    listed = [_listed(engine, ledger) for _ in range(ground.sizes.rounds)]
    seconds, beside = [each for each, _ in listed], f"{many:,} streams"
    yield Figure(f"{LIST}: seconds", seconds, "s", GOALS[f"{LIST}: seconds"], beside)
    what = f"{LIST}: requests, many against {FEW:,}"
    yield Figure(f"{LIST}: requests", [listed[-1][1]], "")
    yield Figure(what, [requests / few_requests for _, requests in listed], "×", GOALS[what])
    yield Figure(LATE, [_late(ground, engine, ledger)], "s", GOALS[LATE], beside)


def _ledger(engine: DynamoDBEngine) -> Ledger:
    return Ledger(
        engine.views(), engine.table(), projection_states=engine.projection_states(), checkpoints=engine.checkpoints()
    )


def _listed(engine: DynamoDBEngine, ledger: Ledger) -> tuple[float, int]:
    """Seconds and requests of a list."""
    engine.wire.clear()
    begun = time.perf_counter()
    ledger.operations.status()
    return time.perf_counter() - begun, len(engine.wire.sent)


def _late(ground: Ground, engine: DynamoDBEngine, ledger: Ledger) -> float:
    """Seconds by which a run went on after its time."""
    ground.step("catching up")
    catch_up = CatchUp(ledger.runner, ledger.store, engine.checkpoints(), utc_now, NoTelemetry())
    deadline = utc_now() + timedelta(seconds=RUN_SECONDS)
    catch_up.everything(deadline)
    return max((utc_now() - deadline).total_seconds(), 0)
