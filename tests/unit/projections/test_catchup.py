"""Catching up: whatever was lost, however often it is cut short, it ends at the fold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.clocks import START
from tests.support.interruptions import Killed
from tests.support.ledger import account, deposits
from tests.support.projections import POISON, Ledger
from tests.unit.projections.test_any_delivery import History, appended, assert_folded_to_end, histories

from banyan.errors import StoreUnavailable
from banyan.projections import catchup
from banyan.projections.catchup import CaughtUp
from banyan.projections.memory import MemoryViews
from banyan.projections.processor import STREAMS_AT_ONCE
from banyan.projections.state import Stage
from banyan.projections.views import Generation
from banyan.store import LogEntry
from banyan.store.log import MARGIN
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId

STREAMS = [account(f"a{number}") for number in range(8)]
DAY = timedelta(days=1)
REQUEST_SECONDS, ITEM_SECONDS = 0.1, 0.002
PORTION_SECONDS = 3 * REQUEST_SECONDS * (STREAMS_AT_ONCE + 5)
"""For each stream whether it is parked, what it holds and its row; and what is read to find them."""
BALANCES = Generation("balances")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk in steps of three entries."""
    monkeypatch.setattr(catchup, "ENTRIES_AT_ONCE", 3)


@given(histories(), st.integers(1, 3), st.booleans())
@settings(max_examples=75)
def test_whatever_was_lost_catching_up_ends_at_the_fold(history: History, buckets: int, paused: bool) -> None:
    ledger = Ledger(table=MemoryTable(buckets))
    commits = appended(ledger, history)
    if paused:
        ledger.operations.pause("balances", "why", "ops")
    for batch in history.batches:
        ledger.runner.project([commits[index] for index in batch])
    ledger.clock.move(DAY)
    if paused:
        ledger.operations.resume("balances", ledger.soon())
    assert all(report.complete for report in ledger.catch_up.everything(ledger.soon()))
    assert_folded_to_end(ledger)


@given(histories(), histories())
@settings(max_examples=50)
def test_lost_tails_are_found_between_two_runs(first: History, second: History) -> None:
    ledger = Ledger(table=MemoryTable(2))
    for history in (first, second):
        commits = appended(ledger, history)
        for batch in history.batches:
            ledger.runner.project([commits[index] for index in batch])
        ledger.clock.move(2 * MARGIN)
        ledger.catch_up.everything(ledger.soon())
        assert_folded_to_end(ledger)


@pytest.mark.usefixtures("small")
def test_a_run_that_ends_early_continues_where_it_ended() -> None:
    ledger = Ledger(table=MemoryTable(2))
    for stream in STREAMS:
        ledger.append(stream, *deposits(1))
    ledger.clock.move(DAY)
    runs = [ledger.catch_up.everything(ledger.clock.now)[0]]
    while not runs[-1].complete:
        runs.append(ledger.catch_up.everything(ledger.clock.now)[0])
        assert len(runs) < 10
    assert max(run.moved for run in runs) <= 3
    assert sum(run.moved for run in runs) == len(STREAMS)
    assert sum(run.commits for run in runs) < 2 * len(STREAMS)


@pytest.mark.usefixtures("small")
def test_a_run_that_is_killed_keeps_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger()
    for stream in STREAMS:
        ledger.append(stream, *deposits(1))
    ledger.clock.move(DAY)

    def applying(*arguments: Any) -> Any:
        if len(applied) == 2:
            raise Killed
        applied.append(arguments)
        return whole(*arguments)

    applied: list[Any] = []
    whole = ledger.runner.catch_up
    monkeypatch.setattr(ledger.runner, "catch_up", applying)
    with pytest.raises(Killed):
        ledger.catch_up.everything(ledger.soon())
    monkeypatch.undo()
    assert sum(ledger.balance(stream) is not None for stream in STREAMS) == 6
    ledger.catch_up.everything(ledger.soon())
    assert all(ledger.balance(stream) for stream in STREAMS)
    assert ledger.turnover_rows() == ledger.expected_turnover()


class Slow:
    """Something whose every request, and every item that it answers with, takes time."""

    def __init__(self, target: Any, passes: Callable[[float], object]) -> None:
        self.target = target
        self._passes = passes

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.target, name)
        return partial(self._slowly, found) if callable(found) else found

    def _slowly(self, request: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        self._passes(REQUEST_SECONDS)
        answer = request(*arguments, **named)
        return self._items(answer) if isinstance(answer, Iterator) else answer

    def _items(self, answer: Iterator[Any]) -> Iterator[Any]:
        for item in answer:
            self._passes(ITEM_SECONDS)
            yield item


def slow_ledger() -> Ledger:
    """A ledger whose clock moves with every request for commits and rows."""
    views, table = (Slow(target, lambda seconds: ledger.sleep(seconds)) for target in (MemoryViews(), MemoryTable(2)))
    ledger = Ledger(cast(Any, views), cast(Any, table))
    return ledger


def late(ledger: Ledger, seconds: float) -> tuple[list[CaughtUp], float]:
    """A run that has so many seconds, and by how many it was late."""
    deadline = ledger.clock.now + timedelta(seconds=seconds)
    reports = ledger.catch_up.everything(deadline)
    return reports, (ledger.clock.now - deadline).total_seconds()


@pytest.mark.parametrize("seconds", [0, 1, 20])
def test_a_run_is_late_by_no_more_than_one_portion_and_always_moves(seconds: float) -> None:
    ledger = slow_ledger()
    for number in range(120):
        ledger.append(account(f"many{number}"), *deposits(1))
    ledger.clock.move(DAY)
    complete, runs = False, 0
    while not complete:
        reports, seconds_late = late(ledger, seconds)
        complete, runs = all(report.complete for report in reports), runs + 1
        assert complete or sum(report.moved for report in reports) > 0
        assert seconds_late <= PORTION_SECONDS
    assert runs > 2
    assert_folded_to_end(ledger)


def test_projections_share_the_time_of_a_run() -> None:
    ledger = slow_ledger()
    for number in range(500):
        ledger.append(account(f"many{number}"), *deposits(1))
    ledger.clock.move(DAY)
    reports, seconds_late = late(ledger, 4 * PORTION_SECONDS)
    assert [(report.moved > 0, report.complete) for report in reports] == [(True, False)] * 2
    assert seconds_late <= PORTION_SECONDS


def test_a_long_stream_is_caught_up_with_in_several_runs() -> None:
    ledger = slow_ledger()
    for _ in range(300):
        ledger.append(STREAMS[0], *deposits(1))
    ledger.clock.move(DAY)
    versions, complete = [0], False
    while not complete:
        reports, seconds_late = late(ledger, 2.6 + 2 * REQUEST_SECONDS)
        complete = all(report.complete for report in reports)
        row = ledger.balance(STREAMS[0])
        assert row
        versions.append(row.version)
        assert seconds_late <= 300 * ITEM_SECONDS + 4 * REQUEST_SECONDS
        assert len(versions) < 50
    assert versions == sorted(versions)
    assert len(set(versions)) > 3
    assert_folded_to_end(ledger)


def test_a_wait_for_the_next_attempt_ends_at_the_deadline() -> None:
    ledger = Ledger()
    for number, stream in enumerate(STREAMS):
        ledger.append(stream, *deposits(1, note=POISON if number == 3 else ""))
    ledger.clock.move(DAY)
    complete = False
    while not complete:
        reports, seconds_late = late(ledger, 0.15)
        complete = all(report.complete for report in reports)
        assert seconds_late <= 0.1
    assert max(ledger.waits) < 0.15
    assert [failure.stream for failure in ledger.views.parked(BALANCES)] == [STREAMS[3]]
    assert sum(ledger.balance(stream) is not None for stream in STREAMS) == len(STREAMS) - 1


def test_no_stream_is_blamed_where_most_of_those_fail_that_there_was_time_for() -> None:
    ledger = Ledger()
    streams = [account(f"bad{number}") for number in range(40)]
    for stream in streams:
        ledger.append(stream, *deposits(1, note=POISON))
    ledger.clock.move(DAY)
    for _ in range(4):
        (balances, _), _ = late(ledger, 0)
        assert balances.error
        assert balances.error.startswith("BatchFailed")
    assert not any(ledger.failure("balances", stream) for stream in streams)


class LateLog(MemoryTable):
    """An index that shows some commits later than others, and writers whose clocks are slow."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: set[StreamId] = set()

    def log(self, bucket: int, after: datetime | None = None) -> Iterator[LogEntry]:
        return (entry for entry in super().log(bucket, after) if entry.stream not in self.hidden)


def test_what_the_index_shows_within_the_margin_is_found_by_the_next_run() -> None:
    table = LateLog()
    ledger = Ledger(table=table)
    ledger.append(STREAMS[0], *deposits(1))
    table.hidden = {STREAMS[0]}
    ledger.clock.move(MARGIN - timedelta(seconds=1))
    ledger.append(STREAMS[1], *deposits(1))
    ledger.operations.pause("balances", "why", "ops")
    ledger.operations.resume("balances", ledger.soon())
    table.hidden.clear()
    ledger.clock.move(2 * MARGIN)
    ledger.catch_up.everything(ledger.soon())
    assert all(ledger.balance(stream) for stream in STREAMS[:2])


def test_a_stream_that_fails_on_the_way_is_parked_alone() -> None:
    ledger = Ledger()
    for number, stream in enumerate(STREAMS):
        ledger.append(stream, *deposits(1, note=POISON if number == 3 else ""))
    ledger.clock.move(DAY)
    reports = ledger.catch_up.everything(ledger.soon())
    assert [(report.moved, report.complete) for report in reports] == [(7, True), (7, True)]
    assert [failure.stream for failure in ledger.views.parked(BALANCES)] == [STREAMS[3]]


def test_when_most_streams_fail_nothing_is_parked_and_the_next_run_begins_there_again() -> None:
    ledger = Ledger()
    for stream in STREAMS:
        ledger.append(stream, *deposits(1, note=POISON))
    ledger.clock.move(DAY)
    reports = ledger.catch_up.everything(ledger.soon())
    assert [(report.moved, report.complete) for report in reports] == [(0, False), (0, False)]
    assert all(report.error and report.error.startswith("BatchFailed") for report in reports)
    assert not ledger.views.parked(BALANCES)
    assert ledger.telemetry.counts["CatchUpFailures"] == 2
    ledger.cured.cured = True
    assert [report.moved for report in ledger.catch_up.everything(ledger.soon())] == [8, 8]


def test_one_projection_that_cannot_be_reached_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger()
    ledger.append(STREAMS[0], *deposits(1))
    ledger.clock.move(DAY)

    def down(*_: Any) -> Any:
        raise StoreUnavailable("down")

    monkeypatch.setattr(ledger.views, "states", down)
    balances, turnover = ledger.catch_up.everything(ledger.soon())
    assert (balances.error, balances.complete) == ("StoreUnavailable: down", False)
    assert (turnover.error, turnover.moved) == (None, 1)


def test_a_paused_projection_is_left_alone_and_keeps_its_place_in_the_log() -> None:
    ledger = Ledger()
    ledger.operations.pause("balances", "why", "ops")
    ledger.append(STREAMS[0], *deposits(1))
    ledger.clock.move(DAY)
    assert [report.generation.projection for report in ledger.catch_up.everything(ledger.soon())] == ["turnover"]
    ledger.operations.resume("balances", ledger.clock.now)
    ledger.catch_up.everything(ledger.soon())
    assert ledger.balance(STREAMS[0])


def test_generations_catch_up_from_their_beginning_and_those_under_construction_not_at_all() -> None:
    ledger = Ledger()
    ledger.append(STREAMS[0], *deposits(1))
    ledger.clock.move(DAY)
    ledger.cached.change("balances", lambda state: state.begun(ledger.clock.now))
    ledger.append(STREAMS[1], *deposits(1))
    ledger.clock.move(DAY)
    assert [report.generation for report in ledger.catch_up.everything(ledger.soon())][:1] == [BALANCES]
    ledger.cached.change("balances", lambda state: state.readied(2, START))
    reports = {report.generation: report for report in ledger.catch_up.everything(ledger.soon())}
    assert reports[Generation("balances", 2)].commits == 1
    rows = ledger.views.states(Generation("balances", 2), STREAMS)
    assert rows.keys() == {STREAMS[1]}
    assert ledger.cached.get()["balances"].info(2).stage is Stage.READY


def test_a_generation_catches_up_with_what_a_slow_clock_recorded_before_it_began() -> None:
    ledger = Ledger()
    ledger.append(STREAMS[0], *deposits(1))
    began = ledger.clock.now + MARGIN - timedelta(seconds=1)
    ledger.cached.change("balances", lambda state: state.begun(began).readied(2, began))
    ledger.clock.move(DAY)
    ledger.catch_up.everything(ledger.soon())
    assert ledger.views.states(Generation("balances", 2), STREAMS).keys() == {STREAMS[0]}


@pytest.mark.usefixtures("small")
def test_a_run_that_ends_early_keeps_the_margin_too() -> None:
    table = LateLog()
    ledger = Ledger(table=table)
    for stream in STREAMS:
        ledger.append(stream, *deposits(1))
    table.hidden = {STREAMS[0]}
    ledger.operations.pause("balances", "why", "ops")
    (report,) = ledger.operations.resume("balances", ledger.clock.now)
    assert not report.complete
    table.hidden.clear()
    ledger.clock.move(2 * MARGIN)
    ledger.catch_up.everything(ledger.soon())
    assert ledger.balance(STREAMS[0])
