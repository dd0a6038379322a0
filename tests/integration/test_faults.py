"""Whatever goes wrong between writers and the table: what was acknowledged stands, once, in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.engines import DynamoDBEngine
from tests.support.ledger import REGISTRY, account, deposits
from tests.support.wire import Fault, delivered, late_answer, lost_answer, lost_request, refused

from banyan.errors import ConcurrencyError, StoreUnavailable
from banyan.events import Event
from banyan.store import Appended, EventStore, Expected, Write
from banyan.store.verify import verify_stream
from banyan.streams import StreamHead, StreamId

FAULTS: dict[str, Fault] = {
    "none": delivered,
    "lost answer": lost_answer,
    "late answer": late_answer,
    "lost request": lost_request,
    "throttled": refused("ThrottlingException"),
    "server": refused("InternalServerError", status=500),
    "conflict": refused("TransactionCanceledException", reasons=["TransactionConflict"]),
}
WRITERS = 3

numbers = count()
steps = st.tuples(
    st.integers(0, WRITERS - 1),
    st.sampled_from(["left", "right", "any", "both", "again"]),
    st.integers(1, 3),
    st.lists(st.sampled_from(sorted(FAULTS)), max_size=8),
)


@dataclass
class Writer:
    """A client with its own idea of where two streams end."""

    heads: list[StreamHead]
    tried: tuple[list[Write], str] | None = None

    def choose(self, kind: str, size: int, commit_id: str) -> tuple[list[Write], str]:
        """The writes of one step; ``again`` repeats those of the last."""
        if kind == "again" and self.tried:
            return self.tried
        events = deposits(*range(size))
        heads = {"left": self.heads[:1], "right": self.heads[1:], "both": self.heads}.get(kind)
        if heads is None:
            return [Write(self.heads[0].stream, Expected.ANY, events)], commit_id
        return [Write(head.stream, head, events) for head in heads], commit_id


@dataclass
class Bench:
    """Writers, faults, and what the writers were told."""

    engine: DynamoDBEngine
    store: EventStore
    streams: list[StreamId]
    writers: list[Writer]
    told: dict[tuple[StreamId, str], Sequence[Event]] = field(default_factory=dict)

    def step(self, writer: Writer, kind: str, size: int, faults: list[str], commit_id: str) -> None:
        writer.tried = writes, commit_id = writer.choose(kind, size, commit_id)
        self.engine.wire.inject(*(FAULTS[name] for name in faults))
        try:
            self.acknowledge(self.store.append_many(writes, commit_id=commit_id), commit_id)
        except (ConcurrencyError, StoreUnavailable):
            self.engine.wire.clear()
            writer.heads = [self.store.head(stream) for stream in self.streams]
        self.engine.wire.clear()

    def acknowledge(self, appended: tuple[Appended, ...], commit_id: str) -> None:
        for one in appended:
            key = one.head.stream, commit_id
            assert self.told.setdefault(key, one.events) == one.events

    def check(self) -> None:
        for stream in self.streams:
            events = list(self.store.read(stream))
            ids = [commit.commit_id for commit in self.store.commits(stream)]
            assert [event.version for event in events] == list(range(1, len(events) + 1))
            assert len(ids) == len(set(ids))
            assert not verify_stream(self.store, stream).problems
            for (told_stream, _), told in self.told.items():
                if told_stream == stream:
                    assert tuple(events[told[0].version - 1 : told[-1].version]) == told


@pytest.mark.slow
@given(st.lists(steps, max_size=12))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_what_was_acknowledged_stands(moto: DynamoDBEngine, plan: list[tuple[int, str, int, list[str]]]) -> None:
    run = next(numbers)
    streams = [account(f"left-{run}"), account(f"right-{run}")]
    writers = [Writer([StreamHead.empty(stream) for stream in streams]) for _ in range(WRITERS)]
    bench = Bench(moto, moto.store(REGISTRY), streams, writers)

    for index, (writer, kind, size, faults) in enumerate(plan):
        bench.step(writers[writer], kind, size, faults, commit_id=str(index))

    bench.check()
