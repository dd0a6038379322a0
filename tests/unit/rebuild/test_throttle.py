"""A rebuild takes no more than it was given."""

from __future__ import annotations

from threading import Lock
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.ledger import account, deposits
from tests.support.rebuild import RATE, WORKERS, Rebuilding

from banyan.projections.base import MAX_LOOKUPS
from banyan.projections.rebuild.builds import MemoryGenerationRows
from banyan.projections.rebuild.filling import FEWEST_AT_ONCE
from banyan.projections.rebuild.worker import BURST_SECONDS, Throttle
from banyan.spread import in_threads

STREAMS = 120
UNITS = 40
IN_FLIGHT = 4


class Watch:
    """Time in seconds, moved by waiting."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


@given(st.floats(1, 1000), st.lists(st.tuples(st.floats(0, 500), st.floats(0, 3)), max_size=40))
def test_no_stretch_of_time_sees_more_than_the_rate_and_one_burst(
    rate: float, spending: list[tuple[float, float]]
) -> None:
    watch = Watch()
    throttle = Throttle(rate, watch)
    spent: list[tuple[float, float]] = []
    for units, idle in spending:
        watch.now += idle
        spent.append((watch.now, units))
        watch.now += throttle.spend(units)

    for first in range(len(spent)):
        total = 0.0
        for at, units in spent[first:]:
            assert total <= rate * (at - spent[first][0] + BURST_SECONDS) * (1 + 1e-6)
            total += units


def test_whoever_stays_below_the_rate_never_waits() -> None:
    watch = Watch()
    throttle = Throttle(100, watch)
    for _ in range(20):
        watch.now += 0.5
        assert throttle.spend(49) == 0.0


def test_what_is_over_the_burst_is_waited_for() -> None:
    watch = Watch()
    throttle = Throttle(100, watch)
    watch.now += BURST_SECONDS
    assert [throttle.spend(100), throttle.spend(50)] == [0.0, pytest.approx(0.5)]


def test_nothing_is_saved_up_at_the_beginning() -> None:
    """Else a worker that is called again and again would have a burst each time."""
    assert Throttle(100, Watch()).spend(50) == pytest.approx(0.5)


def test_each_worker_keeps_to_its_share_of_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    rebuilding = Rebuilding(buckets=1)
    ledger = rebuilding.ledger
    ledger.runner.project([ledger.commit(account(f"a{number}"), *deposits(1)) for number in range(STREAMS)])
    put = ledger.views.put_state

    def costly(*given: Any) -> None:
        rebuilding.spent.write_units += UNITS
        put(*given)

    monkeypatch.setattr(ledger.views, "put_state", costly)
    rebuilding.rebuild.start("balances")

    rebuilding.run()

    assert rebuilding.rebuild.progress("balances").write_units == STREAMS * UNITS
    seconds = STREAMS * UNITS / (RATE / WORKERS)
    assert sum(ledger.waits) == pytest.approx(seconds, abs=0.2)


@pytest.mark.parametrize("units", [4, 300, 2000])
def test_all_workers_and_their_threads_together_stay_below_the_rate(
    units: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two seconds' worth at most come together, or the fewest streams: what is saved up in one, and one portion."""
    rebuilding = Rebuilding(buckets=4)
    rebuilding.spread = in_threads(IN_FLIGHT)
    ledger = rebuilding.ledger
    ledger.runner.project([ledger.commit(account(f"a{number}"), *deposits(1)) for number in range(STREAMS)])
    put, adding, spent = ledger.views.put_state, Lock(), list[tuple[float, float]]()
    watches = [Watch() for _ in range(WORKERS)]
    workers = [rebuilding.worker(watch, watch.wait) for watch in watches]
    at_work = watches[0]

    def costly(*given: Any) -> None:
        with adding:
            rebuilding.spent.write_units += units
            spent.append((at_work.now, units))
        put(*given)

    monkeypatch.setattr(ledger.views, "put_state", costly)
    rebuilding.rebuild.start("balances")

    while rebuilding.messages.waiting:
        at_work = watches[rebuilding.messages.handed_out % WORKERS]
        rebuilding.messages.hand_out(workers[rebuilding.messages.handed_out % WORKERS])

    assert rebuilding.complete_state(2)
    assert len(spent) == STREAMS
    assert {at for at, _ in spent} > {0.0}
    burst = max(2 * BURST_SECONDS * RATE, WORKERS * FEWEST_AT_ONCE * units)
    spent.sort()
    for first, (begin, _) in enumerate(spent):
        total = 0.0
        for at, cost in spent[first:]:
            total += cost
            assert total <= RATE * (at - begin) + burst


def test_a_deleted_generation_stays_below_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    rebuilding, asked = Rebuilding(buckets=1), list[int]()
    drop = MemoryGenerationRows.drop

    def watched(*given: Any) -> str | None:
        asked.append(given[-1])
        return drop(*given)

    monkeypatch.setattr(MemoryGenerationRows, "drop", watched)
    rebuilding.rebuild.start("balances", write_rate=200)
    rebuilding.rebuild.cancel("balances")
    rebuilding.run()
    assert asked == [200 // WORKERS // (1 + MAX_LOOKUPS)]
