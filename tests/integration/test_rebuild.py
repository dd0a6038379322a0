"""A rebuild on DynamoDB Local: killed in the middle of live traffic, and held against what it was said to cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from threading import Event, Thread

import pytest
from tests.support.clocks import PATIENCE, ManualClock, lengthy, wait_until
from tests.support.engines import DynamoDBEngine
from tests.support.ledger import REGISTRY, account, deposits
from tests.support.projections import Ledger, same, timeless
from tests.support.rebuilder import PROJECTIONS, Rebuilder, rebuild_in_a_process
from tests.support.wire import Unreported

from banyan.projections.base import Projection
from banyan.projections.rebuild.preview import Prices, preview
from banyan.projections.state import ProjectionState, Stage
from banyan.projections.views import Generation
from banyan.store.eventstore import Clock, utc_now
from banyan.streams import StreamHead

ACCOUNTS = 16
NEW_ACCOUNTS = 6
PAUSE = 0.1
PREVIEWED = 40
OLD = (Generation("balances", 1), Generation("turnover", 1))
NEW = (Generation("balances", 2), Generation("turnover", 2))


def filled(engine: DynamoDBEngine, accounts: int = ACCOUNTS, clock: Clock = utc_now) -> Ledger:
    """Accounts of one to four commits, seen by the projector."""
    ledger = Ledger(engine.views(), engine.table(), projection_states=engine.projection_states())
    ledger.store = engine.store(REGISTRY, clock)
    streams = [account(f"a{number}") for number in range(accounts)]
    for number, stream in enumerate(streams):
        head = StreamHead.empty(stream)
        for step in range(number % 4 + 1):
            head = ledger.store.append(stream, head, deposits(step, 1)).head
    ledger.runner.project([], streams)
    return ledger


@contextmanager
def traffic(ledger: Ledger) -> Iterator[None]:
    """Movements of accounts, old and new, until the block is left; none is lost."""
    stopping, moved = Event(), Event()

    def flow() -> None:
        number = 0
        while not stopping.wait(PAUSE):
            names = (f"a{number % ACCOUNTS}", f"b{number % NEW_ACCOUNTS}")
            assert not ledger.runner.project([ledger.commit(account(name), *deposits(number)) for name in names])
            number += 1
            moved.set()

    thread = Thread(target=flow)
    thread.start()
    try:
        assert moved.wait(PATIENCE)
        yield
    finally:
        stopping.set()
        thread.join()


def state_of(ledger: Ledger, generation: Generation) -> ProjectionState:
    """The state of the projection that a generation is of."""
    return ledger.projection_states.get([generation.projection])[generation.projection]


def equal_to_a_fold(ledger: Ledger, balances: Generation, turnover: Generation) -> bool:
    """Whether both projections hold in a generation what their events say."""
    rows = {row.stream: row for row in ledger.views.all_states(balances)}
    streams = set(ledger.store.streams())
    return (
        rows.keys() == streams
        and all(same(rows[stream], ledger.expected_balance(stream)) for stream in streams)
        and timeless(dict(ledger.views.all_rows(turnover))) == ledger.expected_turnover()
    )


@pytest.mark.slow
@pytest.mark.parametrize("in_flight", [pytest.param(1, marks=lengthy), 4])
def test_a_rebuild_under_live_traffic_survives_a_kill_in_its_middle(
    dynamodb_local: DynamoDBEngine, in_flight: int
) -> None:
    ledger, spawn = filled(dynamodb_local), get_context("spawn")
    place = (dynamodb_local.client.meta.endpoint_url, dynamodb_local.tables)
    with traffic(ledger):
        stuck = spawn.Event()
        killed = spawn.Process(target=rebuild_in_a_process, args=(*place, in_flight, stuck), daemon=True)
        killed.start()
        wait_until(lambda: stuck.is_set() or not killed.is_alive(), "the first rows")
        assert killed.is_alive()
        killed.kill()
        killed.join()
        assert list(ledger.views.all_states(NEW[0]))
        assert [state_of(ledger, g).info(g.number).stage for g in NEW] == [Stage.BUILDING] * 2
        assert [state_of(ledger, g).live for g in OLD] == [1, 1]

        again = spawn.Process(target=rebuild_in_a_process, args=(*place, in_flight), daemon=True)
        again.start()
        again.join(PATIENCE)
        assert again.exitcode == 0

    assert [state_of(ledger, g).live for g in NEW] == [2, 2]
    assert equal_to_a_fold(ledger, *OLD)
    assert equal_to_a_fold(ledger, *NEW)


@pytest.mark.slow
@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
def test_a_preview_comes_close_to_what_is_consumed(dynamodb_local: DynamoDBEngine, projection: Projection) -> None:
    """Within a quarter. DynamoDB Local does not report what transactions and inserts consume: it is counted here."""
    ledger = filled(dynamodb_local, PREVIEWED, ManualClock())
    expected = preview(projection, ledger.store, 100, Prices(read=0.5, write=2.0))
    rebuilder = Rebuilder(dynamodb_local.client, dynamodb_local.tables)
    uncounted = Unreported(dynamodb_local.client)

    rebuilder.rebuild.start(projection.name)
    rebuilder.run()

    assert (expected.streams, expected.commits, expected.events) == (PREVIEWED, PREVIEWED * 5 // 2, PREVIEWED * 5)
    assert rebuilder.meter.read_units == pytest.approx(expected.read_units, rel=0.25)
    assert rebuilder.meter.write_units + uncounted.units == pytest.approx(expected.write_units, rel=0.25)
    assert expected.price == pytest.approx((expected.read_units * 0.5 + expected.write_units * 2.0) / 1_000_000)
    assert expected.seconds == pytest.approx(expected.write_units / 100)
