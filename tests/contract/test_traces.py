"""What every index of traces promises, and the timelines read from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.clocks import ManualClock
from tests.support.engines import DynamoDBEngine, Engine
from tests.support.ledger import REGISTRY, Withdrawn, account, bulk, deposits
from tests.support.wire import refused

from banyan.adapters.dynamodb.traces import DynamoDBTraces
from banyan.errors import StoreUnavailable
from banyan.events import DomainEvent, Event, Metadata
from banyan.store import Commit, EventStore
from banyan.streams import StreamId
from banyan.traces import MemoryTraces, Timeline, TraceIndex, TraceRow, Traces

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
A, B, C = account("a"), account("b"), account("c")
ROW = TraceRow("c-1", NOW, A, 1, 1, NOW + timedelta(days=90))


@pytest.fixture
def index(engine: Engine) -> TraceIndex:
    if isinstance(engine, DynamoDBEngine):
        return DynamoDBTraces(engine.gateway, engine.named("traces"))
    return MemoryTraces()


class Story:
    """Commits that are recorded and traced as they are appended."""

    def __init__(self, store: EventStore, index: TraceIndex, compensations: Sequence[str] = ()) -> None:
        self._store = store
        self._traces = Traces(index, days=90)
        self.timeline = Timeline(index, store, compensations)

    def tell(
        self, stream: StreamId, cause: Event | None = None, events: Sequence[DomainEvent] = (), correlation: str = "c-1"
    ) -> Event:
        """Append; the last event."""
        causation, actor = (cause.event_id, "policy:p") if cause else ("r-1", "ann")
        metadata = Metadata(correlation_id=correlation, causation_id=causation, actor=actor)
        head = self._store.head(stream)
        appended = self._store.append(stream, head, events or deposits(1), metadata=metadata)
        for _ in range(2):
            self._traces.act(self._last(stream), appended.events)
        return appended.events[-1]

    def told(self, tenant: str = "acme", correlation: str = "c-1") -> list[tuple[str, int]]:
        """Stream and version of every event of a trace."""
        return [(e.stream_id.id, e.version) for e in self.timeline.trace(tenant, correlation).entries]

    def _last(self, stream: StreamId) -> Commit:
        return list(self._store.commits(stream))[-1]


@pytest.fixture
def story(store: EventStore, index: TraceIndex) -> Story:
    return Story(store, index)


def test_rows_come_in_the_order_of_time_and_a_repeat_changes_nothing(index: TraceIndex) -> None:
    later = [replace(ROW, recorded_at=NOW + timedelta(milliseconds=n), stream=s) for n, s in ((2, A), (1, B), (0, C))]
    for row in [*later, ROW, *later]:
        index.put(row)
    assert index.rows("acme", "c-1", 10) == [ROW, later[2], later[1], later[0]]
    assert index.rows("acme", "c-1", 2) == [ROW, later[2]]


def test_two_commits_of_a_moment_are_both_kept(index: TraceIndex) -> None:
    for first in (2, 1, 10):
        index.put(replace(ROW, first=first, last=first))
    assert [row.first for row in index.rows("acme", "c-1", 10)] == [1, 2, 10]


def test_a_trace_is_its_tenants_alone(index: TraceIndex) -> None:
    index.put(ROW)
    index.put(replace(ROW, correlation_id="globex#c-1"))
    index.put(replace(ROW, stream=account("a", "globex")))
    assert index.rows("acme", "c-1", 10) == [ROW]
    assert [row.stream for row in index.rows("globex", "c-1", 10)] == [account("a", "globex")]
    assert index.rows("acm", "e#c-1", 10) == []


def test_a_timeline_shows_the_whole_chain_and_nothing_else(story: Story) -> None:
    first = story.tell(A)
    story.tell(A, correlation="another")
    second = story.tell(B, first)
    third = story.tell(C, second, deposits(1, 2))
    story.tell(A, third)
    trace = story.timeline.trace("acme", "c-1")
    assert story.told() == [("a", 1), ("b", 1), ("c", 1), ("c", 2), ("a", 3)]
    assert trace.complete
    parents = [entry.parent for entry in trace.entries]
    assert parents == [None, first.event_id, second.event_id, second.event_id, third.event_id]
    root, *_, last = trace.entries
    assert (root.event_type, root.actor, root.causation_id) == ("Deposited", "ann", "r-1")
    assert (last.stream_id, last.actor, last.causation_id) == (A, "policy:p", third.event_id)
    assert last.timestamp >= root.timestamp


def test_an_event_that_cannot_be_read_is_shown_as_it_is_stored_and_hides_no_other(
    engine: Engine, store: EventStore, story: Story
) -> None:
    first = story.tell(A)
    second = story.tell(B, first)
    story.tell(C, second)
    (commit,) = store.commits(B)
    engine.put(replace(commit, events=commit.events.replace("Deposited", "Forgotten")))
    _, damaged, last = story.timeline.trace("acme", "c-1").entries
    assert (damaged.event_type, damaged.actor, damaged.parent) == ("Forgotten", "policy:p", first.event_id)
    assert (damaged.event_id, damaged.timestamp) == (second.event_id, second.timestamp)
    assert last.parent == second.event_id


def test_what_takes_something_back_is_marked(store: EventStore, index: TraceIndex) -> None:
    story = Story(store, index, compensations=["Withdrawn"])
    held = story.tell(A)
    story.tell(B, held, [Withdrawn(amount=1)])
    story.tell(C, held)
    marked = {entry.stream_id: entry.compensation for entry in story.timeline.trace("acme", "c-1").entries}
    assert marked == {A: False, B: True, C: False}


def test_an_effect_never_stands_before_its_cause_even_when_another_clock_was_behind(
    story: Story, clock: ManualClock
) -> None:
    root = story.tell(A)
    clock.move(timedelta(seconds=-2))
    effect = story.tell(B, root)
    clock.move(timedelta(seconds=-2))
    story.tell(C, effect)
    assert story.told() == [("a", 1), ("b", 1), ("c", 1)]


def test_what_another_tenant_did_under_the_same_correlation_id_stays_its_own(story: Story) -> None:
    story.tell(A)
    story.tell(account("a", "globex"))
    story.tell(account("b", "globex"))
    assert story.told() == [("a", 1)]
    assert story.told("globex") == [("a", 1), ("b", 1)]
    assert story.told("globex", "unknown") == []


def test_an_event_without_a_correlation_id_begins_a_trace_of_its_own(story: Story) -> None:
    first = story.tell(A, correlation="", events=deposits(1, 2))
    story.tell(B, first, correlation=first.event_id)
    assert story.told(correlation=first.event_id) == [("a", 2), ("b", 1)]


def test_a_split_commit_is_shown_whole(story: Story) -> None:
    story.tell(A)
    story.tell(A, events=bulk(6, 90_000), correlation="large")
    story.tell(A)
    assert story.told(correlation="large") == [("a", version) for version in range(2, 8)]


def test_a_trace_that_is_too_long_for_one_answer_says_so(story: Story) -> None:
    for _ in range(3):
        story.tell(A)
    assert story.timeline.trace("acme", "c-1", limit=3).complete
    trace = story.timeline.trace("acme", "c-1", limit=2)
    assert (len(trace.entries), trace.complete) == (2, False)


def test_reading_a_trace_costs_one_read_and_one_more_for_each_commit(dynamodb: DynamoDBEngine) -> None:
    index = DynamoDBTraces(dynamodb.gateway, dynamodb.named("traces"))
    story = Story(dynamodb.store(REGISTRY), index)
    for _ in range(20):
        story.tell(A, correlation="noise")
    first = story.tell(A)
    story.tell(B, first)
    dynamodb.wire.clear()
    assert story.told() == [("a", 21), ("b", 1)]
    assert dynamodb.wire.sent == ["Query"] * 3


def test_a_table_that_does_not_answer_is_an_outage(moto: DynamoDBEngine) -> None:
    index = DynamoDBTraces(moto.gateway, moto.named("traces"))
    moto.wire.inject(*[refused("ThrottlingException")] * 3)
    with pytest.raises(StoreUnavailable, match="refused for now: traces"):
        index.put(ROW)
