"""What a preview says when its time is too short for the whole log: an estimate, and how far it may be off."""

from __future__ import annotations

from itertools import count

import pytest
from tests.support.clocks import ManualClock, no_sleep
from tests.support.ledger import REGISTRY, account, deposits
from tests.support.projections import Cured, balances, turnover

from banyan.projections.base import Projection
from banyan.projections.rebuild import preview as module
from banyan.projections.rebuild.preview import Preview, Prices, preview
from banyan.store import EventStore
from banyan.store.memory import MemoryTable
from banyan.streams import StreamHead

PARTS, STREAMS = 8, 600
PROJECTIONS = (balances(Cured()), turnover(Cured()))


@pytest.fixture(scope="module")
def store() -> EventStore:
    """Accounts of one to five commits."""
    store = EventStore(MemoryTable(PARTS), REGISTRY, ManualClock(), no_sleep)
    for number in range(STREAMS):
        head = StreamHead.empty(account(f"a{number}"))
        for step in range(number % 5 + 1):
            head = store.append(head.stream, head, deposits(step, 1)).head
    return store


def previewed(store: EventStore, projection: Projection, looks: float) -> Preview:
    """A preview whose time is over after so many looks at the clock."""
    clock = count()
    return preview(projection, store, 100, Prices(1.0, 1.0), seconds=looks, monotonic=lambda: float(next(clock)))


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
def test_a_few_parts_of_the_log_tell_the_rest_within_a_quarter(store: EventStore, projection: Projection) -> None:
    whole, short = previewed(store, projection, 1e9), previewed(store, projection, 8)
    assert (whole.walked, whole.complete, whole.streams) == (PARTS, True, STREAMS)
    assert (2 <= short.walked < PARTS, short.complete) == (True, True)
    assert 0 < short.margin < 0.25
    for name in ("streams", "commits", "events", "write_units"):
        assert getattr(short, name) == pytest.approx(getattr(whole, name), rel=0.25)
    assert abs(short.streams / STREAMS - 1) <= short.margin


def test_parts_that_are_too_long_make_a_lower_bound(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENTRIES_AT_ONCE", 10)
    short = previewed(store, PROJECTIONS[0], 0)
    assert (short.walked, short.complete) == (1, False)
    assert 0 < short.streams < STREAMS
    assert short.sampled > 0


def test_an_empty_log_costs_next_to_nothing() -> None:
    nothing = EventStore(MemoryTable(PARTS), REGISTRY, ManualClock(), no_sleep)
    found = previewed(nothing, PROJECTIONS[0], 1e9)
    assert (found.streams, found.events, found.rows, found.margin, found.complete) == (0, 0, 0, 0.0, True)
