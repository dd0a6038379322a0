"""A rebuild takes no more than it was given."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.ledger import account, deposits
from tests.support.rebuild import RATE, WORKERS, Rebuilding

from banyan.projections.rebuild.worker import BURST_SECONDS, Throttle

STREAMS = 120
UNITS = 40


class Watch:
    """Time in seconds, moved by waiting."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


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
    assert [throttle.spend(100), throttle.spend(50)] == [0.0, pytest.approx(0.5)]


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
    assert sum(ledger.waits) == pytest.approx(seconds - BURST_SECONDS, abs=0.2)
