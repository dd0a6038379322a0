"""Every list is read to its last page, also when the service cuts each of its answers short."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import count, islice
from typing import Any

import pytest
from tests.contract.test_traces import ROW
from tests.contract.test_views import LIVE, state, step
from tests.support.clocks import START
from tests.support.deferring import deadline, due
from tests.support.engines import DynamoDBEngine
from tests.support.ledger import REGISTRY, account, deposits

from banyan.adapters.dynamodb.deadlines import DynamoDBDeadlines
from banyan.adapters.dynamodb.traces import DynamoDBTraces
from banyan.adapters.dynamodb.views import DynamoDBGenerationRows
from banyan.projections.base import Put
from banyan.projections.views import FailureRecord, ViewKey
from banyan.reconciliation.feeds import DirtySet, shard_of
from banyan.reconciliation.report import Report

SIZE = 5
STREAMS = [account(f"a{number}") for number in range(SIZE)]
LATER = [START + timedelta(seconds=number) for number in range(SIZE)]


def cut_short(params: dict[str, Any], **_: Any) -> None:
    """Let a page hold two items, as one does when they are large."""
    params["Limit"] = min(2, params.get("Limit", 2))


@pytest.fixture
def engine(moto: DynamoDBEngine) -> DynamoDBEngine:
    for operation in ("Query", "Scan"):
        moto.client.meta.events.register(f"provide-client-params.dynamodb.{operation}", cut_short)
    return moto


Listing = Callable[[DynamoDBEngine], Iterable[object]]


def commits(engine: DynamoDBEngine) -> Iterable[object]:
    store = engine.store(REGISTRY)
    for version in range(SIZE):
        store.append(STREAMS[0], version, deposits(1))
    return [commit.position for commit in store.commits(STREAMS[0])]


def loaded(engine: DynamoDBEngine) -> Iterable[object]:
    commits(engine)
    return [event.version for event in engine.store(REGISTRY).load(STREAMS[0]).events]


def searched(engine: DynamoDBEngine) -> Iterable[object]:
    commits(engine)
    return [commit.position for commit in engine.store(REGISTRY).recorded_since(STREAMS[0])]


def streams(engine: DynamoDBEngine) -> Iterable[object]:
    store = engine.store(REGISTRY)
    for stream in STREAMS:
        store.append(stream, 0, deposits(1))
        store.append(stream, 1, deposits(1))
    return store.streams()


def states(engine: DynamoDBEngine) -> Iterable[object]:
    views = engine.views()
    for stream in STREAMS:
        views.put_state(LIVE, state(stream, on1=("p", stream.id)), 0)
        views.put_state(replace(LIVE, number=2), state(stream), 0)
    return [row.stream for row in views.all_states(LIVE)]


def looked_up(engine: DynamoDBEngine) -> Iterable[object]:
    states(engine)
    found, page = list[object](), engine.views().lookup(LIVE, "acme", 1, "p", 2)
    while True:
        found += [row.stream for row in page.rows]
        if page.cursor is None:
            return found
        page = engine.views().lookup(LIVE, "acme", 1, "p", 2, page.cursor)


def rows(engine: DynamoDBEngine) -> Iterable[object]:
    views = engine.views()
    for stream in STREAMS:
        views.update(LIVE, [step(stream, 0, [Put("p", stream.id, {"n": 1})])], START)
    return [row.sort for row in views.rows(LIVE, "acme", "p")]


def all_rows(engine: DynamoDBEngine) -> Iterable[object]:
    rows(engine)
    return [key.sort for key in engine.views().all_rows(LIVE)]


def parked(engine: DynamoDBEngine) -> Iterable[object]:
    for stream, moment in zip(STREAMS, LATER, strict=True):
        engine.views().put_failure(LIVE, FailureRecord(stream, 1, "KeyError", 1, START, parked_at=moment))
    return [failure.stream for failure in engine.views().parked(LIVE)]


def deadlines_of(engine: DynamoDBEngine) -> DynamoDBDeadlines:
    deadlines = DynamoDBDeadlines(engine.gateway, engine.named("deadlines"), engine.log_buckets())
    for number in range(SIZE):
        deadlines.schedule(deadline("a", after=number))
    return deadlines


def due_deadlines(engine: DynamoDBEngine) -> Iterable[object]:
    return [waiting.due for waiting in deadlines_of(engine).due(due(SIZE))]


def parked_deadlines(engine: DynamoDBEngine) -> Iterable[object]:
    deadlines = deadlines_of(engine)
    for waiting in list(deadlines.due(due(SIZE))):
        deadlines.park(waiting)
    return [waiting.due for waiting in deadlines.parked()]


def traces(engine: DynamoDBEngine) -> Iterable[object]:
    index = DynamoDBTraces(engine.gateway, engine.named("traces"))
    for moment in LATER:
        index.put(replace(ROW, recorded_at=moment))
    return [row.recorded_at for row in index.rows("acme", "c-1", SIZE)]


def reports(engine: DynamoDBEngine) -> Iterable[object]:
    kept = engine.reports()
    for moment in LATER:
        kept.put(Report(started_at=moment, finished_at=moment, sections=(), drift_percent=0, tolerance_percent=0))
    return [report.started_at for report in kept.latest(SIZE)]


def marks(engine: DynamoDBEngine) -> Iterable[object]:
    kept = DirtySet(engine.documents(), "a side")
    alike = (f"a{number}" for number in count())
    wanted = list(islice((name for name in alike if shard_of(name) == shard_of("a0")), SIZE))
    kept.add(wanted, START)
    return kept.all()


def rows_of_a_rebuild(engine: DynamoDBEngine) -> Iterable[object]:
    rows(engine)
    found, position = set[ViewKey](), None
    kept = DynamoDBGenerationRows(engine.gateway, engine.tables.views, engine.tables.cursors)
    while True:
        page, position = kept.keys([LIVE], 0, 1, position)
        found |= set(page.get(LIVE, ()))
        if position is None:
            return found


@pytest.mark.parametrize(
    "listing",
    [
        commits,
        loaded,
        searched,
        streams,
        states,
        looked_up,
        rows,
        all_rows,
        parked,
        due_deadlines,
        parked_deadlines,
        traces,
        reports,
        marks,
        rows_of_a_rebuild,
    ],
)
def test_a_list_is_read_to_its_last_page(engine: DynamoDBEngine, listing: Listing) -> None:
    assert len({str(each) for each in listing(engine)}) == SIZE
