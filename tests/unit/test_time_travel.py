"""Looking back by time: as it was recorded, and as it happened, against a naive fold over random histories."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.clocks import START, ManualClock
from tests.support.ledger import ACCOUNTS, REGISTRY, Deposited, account, deposits

from banyan import CamelModel, Event, StreamProjection, memory_store
from banyan.events import Metadata
from banyan.projections.memory import MemoryViews
from banyan.queries import Queries
from banyan.store import EventStore
from banyan.store.eventstore import write_snapshot

A = account("a")
MINUTE = timedelta(minutes=1)


class Seen(CamelModel):
    """Amounts in the order in which they came."""

    amounts: tuple[int, ...] = ()


def evolve(seen: Seen, event: Event) -> Seen:
    assert isinstance(event.payload, Deposited)
    return Seen(amounts=(*seen.amounts, event.payload.amount))


SEEN = StreamProjection(name="seen", entity="account", state=Seen, initial=Seen, evolve=evolve)

Move = tuple[int, int | None, int]
moves = st.lists(
    st.tuples(st.integers(0, 3), st.none() | st.integers(-5, 40), st.integers(1, 3)), min_size=0, max_size=12
)
"""For each commit: minutes since the one before, the minute in which it happened if that is known, and its events."""


class History:
    """A stream that was written as the moves say, and the same in a list."""

    def __init__(self, moves: Sequence[Move], snapshots: bool) -> None:
        self.clock = ManualClock(START)
        self.store: EventStore = memory_store(REGISTRY, lambda: self.clock.now)
        self.recorded: list[tuple[datetime, datetime, int]] = []
        head, number = self.store.head(A), 0
        for pause, happened, size in moves:
            self.clock.move(pause * MINUTE)
            occurred = None if happened is None else START + happened * MINUTE
            events = deposits(*range(number, number + size))
            head = self.store.append(A, head, events, metadata=Metadata(occurred_at=occurred)).head
            now = head.recorded_at
            self.recorded += [(now, occurred or now, number + index) for index in range(size)]
            number += size
            if snapshots:
                write_snapshot(self.store, ACCOUNTS, A)
        self.asked = START + 30 * MINUTE
        self.queries = Queries(self.store, MemoryViews(), clock=lambda: self.asked)


@given(moves, st.booleans(), st.integers(-6, 45))
def test_as_it_was_recorded(moves: Sequence[Move], snapshots: bool, minute: int) -> None:
    history, moment = History(moves, snapshots), START + minute * MINUTE
    expected = tuple(number for recorded, _, number in history.recorded if recorded <= moment)

    answer = history.queries.as_recorded(SEEN, A, moment)

    if not expected:
        assert answer is None
        return
    assert answer is not None
    assert answer.value.amounts == expected
    assert answer.provenance.version == len(expected)
    assert answer.provenance.as_of == min(moment, history.asked)
    assert answer.provenance.served_from == "stream"


@given(moves, st.booleans(), st.integers(-6, 45))
def test_as_it_happened(moves: Sequence[Move], snapshots: bool, minute: int) -> None:
    history, moment = History(moves, snapshots), START + minute * MINUTE
    began = history.recorded[0][1] if history.recorded else START
    all_of_it = [(max(occurred, began), number) for _, occurred, number in history.recorded]
    happened = [(occurred, number) for occurred, number in all_of_it if occurred <= moment]
    expected = tuple(number for _, number in sorted(happened))

    answer = history.queries.as_happened(SEEN, A, moment)

    if not expected:
        assert answer is None
        return
    assert answer is not None
    assert answer.value.amounts == expected
    assert answer.provenance.version == max(expected) + 1


@pytest.mark.parametrize("minutes", [0, 1])
def test_the_moment_itself_counts(minutes: int) -> None:
    history = History([(0, None, 1), (1, None, 1)], snapshots=False)
    moment = history.recorded[minutes][0]
    for look in (history.queries.as_recorded, history.queries.as_happened):
        answer = look(SEEN, A, moment)
        assert answer is not None
        assert answer.value.amounts == tuple(range(minutes + 1))
        before = look(SEEN, A, moment - timedelta(microseconds=1))
        assert (before.value.amounts if before else ()) == tuple(range(minutes))
