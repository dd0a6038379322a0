"""Whatever the delivery does, and whenever a process dies, the rows that a stream owns end equal to a fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.clocks import EVERYTHING, STEP
from tests.support.interruptions import Killed
from tests.support.ledger import account, deposits
from tests.support.owned import (
    HOUR,
    LASTING,
    OWNED,
    STATEMENT,
    TICKS,
    WINDOWS,
    Line,
    OwnedLedger,
    Running,
    SweptViews,
    Tick,
    assert_folded,
    line_sort,
    shown,
)
from tests.support.projections import signed
from tests.support.rebuild import Fuse
from tests.unit.projections.test_any_delivery import STREAMS, History, appended, histories

from banyan.errors import StoreRejected
from banyan.events import Event
from banyan.projections import owned
from banyan.projections.base import AnyRowsProjection
from banyan.projections.memory import MemoryViews
from banyan.projections.processor import ProjectionProcessor
from banyan.projections.rebuild.filling import rebuild_stream
from banyan.projections.rebuild.preview import CostingViews
from banyan.projections.views import KEPT_AFTER_EXPIRY, Generation, OwnedRow, OwnedUpdate
from banyan.store import Commit

ANNA = account("anna")
gaps = st.lists(st.sampled_from([0, 0, 40, 59, 61, 60 * 24 * 8]), min_size=12, max_size=12)
"""Minutes between two commits or deliveries: within the hour after which a window expires, and far beyond."""


@pytest.fixture(autouse=True)
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows fill a transaction, so that few events exceed it."""
    monkeypatch.setattr(owned, "MAX_OWNED_ROWS", 3)


@given(histories(), gaps, gaps)
@settings(max_examples=500 if EVERYTHING else 80)
def test_rows_are_a_fold_up_to_their_checkpoint(history: History, before: list[int], between: list[int]) -> None:
    ledger = OwnedLedger(*OWNED, LASTING, views=SweptViews())
    commits: list[Commit] = []
    for (stream, events), minutes in zip(history.commits, before, strict=False):
        ledger.clock.move(timedelta(minutes=minutes))
        commits += ledger.append(stream, *events)
    for batch, minutes in zip([*history.batches, range(len(commits))], between, strict=False):
        ledger.clock.move(timedelta(minutes=minutes))
        ledger.views.sweep(ledger.clock.now)  # type: ignore[attr-defined]
        assert not ledger.runner.project([commits[index] for index in batch])
        assert_folded(ledger, STREAMS, to_end=False)
    assert_folded(ledger, STREAMS)


class Meddling(MemoryViews):
    """Lets another process act before each write."""

    def __init__(self) -> None:
        super().__init__()
        self.meddlers: list[Callable[[], object]] = []

    def update_owned(self, generation: Generation, updates: Sequence[OwnedUpdate]) -> None:
        if self.meddlers:
            self.meddlers.pop(0)()
        super().update_owned(generation, updates)


@given(histories(), histories())
@settings(max_examples=500 if EVERYTHING else 50)
def test_processes_that_cross_each_other_end_at_the_fold(history: History, other: History) -> None:
    views = Meddling()
    ledger = OwnedLedger(views=views)
    commits = appended(ledger, history)
    second = ledger.make_runner()
    for batch in other.batches:
        crossing = [commits[index % len(commits)] for index in batch]
        views.meddlers.append(partial(second.project, crossing))
    for batch in [*history.batches, list(range(len(commits)))]:
        assert not ledger.runner.project([commits[index] for index in batch])
    assert_folded(ledger, STREAMS)


def test_a_process_may_die_before_and_after_any_request() -> None:
    for answered in (False, True):
        for at in count(1):
            ledger = OwnedLedger()
            commits = [ledger.commit(ANNA, *deposits(7, 5)), ledger.commit(ANNA, *deposits(2, 9, 8))]
            fuse, views = Fuse(at, answered), ledger.views
            ledger.views = fuse.wire(views)
            try:
                for commit in commits:
                    ledger.make_runner().project([commit])
                if fuse.requests < at:
                    break
            except Killed:
                pass
            ledger.views = views
            ledger.make_runner().project(commits)
            assert_folded(ledger, [ANNA])
        assert at > 15


class Interrupted(MemoryViews):
    """Lets the process die once, when a transaction left a stream unfinished."""

    died = False

    def update_owned(self, generation: Generation, updates: Sequence[OwnedUpdate]) -> None:
        super().update_owned(generation, updates)
        if not self.died and any(update.after.unfinished for update in updates):
            self.died = True
            raise Killed


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("before", [(), (1, 1)])
@pytest.mark.parametrize("projection", [STATEMENT, TICKS], ids=lambda each: each.name)
def test_a_commit_that_was_written_in_part_is_not_built_upon(
    projection: AnyRowsProjection, before: tuple[int, ...], together: bool
) -> None:
    ledger, ben = OwnedLedger(projection, views=Interrupted()), account("ben")
    ledger.runner.project([ledger.commit(ANNA, *deposits(each)) for each in before])
    batch = [ledger.commit(ANNA, *deposits(4, 1, 1, 1, 1))]
    with pytest.raises(Killed):
        ledger.runner.project(batch)
    if together:
        batch = [ledger.commit(ben, *deposits(1)), ledger.commit(ANNA, *deposits(1))]
    ledger.make_runner().project(batch)
    assert_folded(ledger, [ANNA, ben] if together else [ANNA])


@pytest.mark.parametrize("together", [False, True])
def test_a_repair_that_was_interrupted_is_not_built_upon(monkeypatch: pytest.MonkeyPatch, together: bool) -> None:
    ledger, ben = OwnedLedger(TICKS, views=Interrupted()), account("ben")
    ledger.runner.project([ledger.commit(ANNA, *deposits(2))])
    lacking = [ledger.commit(ANNA, *deposits(4)), ledger.commit(ANNA, *deposits(4))]
    with pytest.raises(Killed):
        rebuild_stream(TICKS, Generation("ticks"), ANNA, ledger.store, ledger.views, ledger.clock)
    monkeypatch.setattr(owned, "MAX_OWNED_ROWS", 99)
    ledger.runner.project([*lacking, ledger.commit(ben, *deposits(1))] if together else lacking)
    assert_folded(ledger, [ANNA, ben] if together else [ANNA])


def test_a_commit_of_more_rows_than_a_transaction_holds_is_never_applied_twice() -> None:
    ledger = OwnedLedger(TICKS)
    ledger.runner.project([ledger.commit(ANNA, *deposits(8)), ledger.commit(ANNA, *deposits(8))])
    assert shown(ledger, TICKS, ANNA)[1] == {f"{number:04d}": Tick(count=2) for number in range(8)}


class Counting(MemoryViews):
    """Keeps how many items and rows each transaction held, and whether any left its stream unfinished."""

    def __init__(self) -> None:
        super().__init__()
        self.transactions: list[tuple[int, int]] = []
        self.unfinished = False

    def update_owned(self, generation: Generation, updates: Sequence[OwnedUpdate]) -> None:
        rows = sum(len(update.rows) for update in updates)
        self.transactions.append((len(updates) + rows, rows))
        self.unfinished |= any(update.after.unfinished for update in updates)
        super().update_owned(generation, updates)


@pytest.mark.parametrize(("max_rows", "max_bytes"), [(3, 3_000_000), (99, 1_200)])
@pytest.mark.parametrize(
    "commits",
    [
        [("anna", 5)],
        [("anna", 2), ("anna", 2), ("anna", 1)],
        [("anna", 2), ("ben", 1), ("carlo", 1), ("dora", 1)],
        [("anna", 5), ("ben", 1)],
    ],
    ids=["one commit", "several commits", "several streams", "one of them large"],
)
def test_no_transaction_holds_more_than_it_may(
    monkeypatch: pytest.MonkeyPatch, commits: list[tuple[str, int]], max_rows: int, max_bytes: int
) -> None:
    monkeypatch.setattr(owned, "MAX_OWNED_ROWS", max_rows)
    monkeypatch.setattr(owned, "MAX_BYTES", max_bytes)
    views = Counting()
    ledger = OwnedLedger(STATEMENT, views=views)
    ledger.runner.project([ledger.commit(account(name), *deposits(*[1] * rows)) for name, rows in commits])
    assert_folded(ledger, {account(name) for name, _ in commits})
    assert max(items for items, _ in views.transactions) <= max_rows + 1
    assert 2 <= max(rows for _, rows in views.transactions) <= max_bytes // 500
    assert views.unfinished is (("anna", 5) in commits)


def test_an_event_that_cannot_be_applied_stops_its_stream_alone_after_what_preceded_it() -> None:
    def refuse(state: Running, rows: Mapping[str, Line], event: Event) -> tuple[Running, Mapping[str, Line | None]]:
        assert signed(event.payload) != 13, "unlucky"
        return STATEMENT.apply(state, rows, event)

    ben = account("ben")
    ledger = OwnedLedger(replace(STATEMENT, apply=refuse))
    batch = [ledger.commit(ANNA, *deposits(1)), ledger.commit(ANNA, *deposits(13)), ledger.commit(ben, *deposits(2))]
    for _ in range(4):
        ledger.runner.project(batch)
    failure = ledger.failure("statement", ANNA)
    assert failure
    assert failure.parked_at
    assert failure.version == 2
    assert shown(ledger, STATEMENT, ANNA)[1] == {line_sort(1): Line(amount=1, balance=1)}
    assert_folded(ledger, [ben])

    ledger.use(STATEMENT)
    assert ledger.runner.retry("statement", ANNA) is None
    assert_folded(ledger, [ANNA, ben])


class Refusing(MemoryViews):
    """A table that cannot hold a line of 13."""

    def update_owned(self, generation: Generation, updates: Sequence[OwnedUpdate]) -> None:
        if any(row and '"amount":13' in row.content for update in updates for row in update.rows.values()):
            raise StoreRejected("the item is too large")
        super().update_owned(generation, updates)


def test_of_streams_that_share_a_transaction_only_the_one_that_is_refused_stops() -> None:
    ledger, streams = OwnedLedger(STATEMENT, views=Refusing()), [ANNA, account("ben"), account("carlo")]
    batch = [ledger.commit(stream, *deposits(13 if stream == streams[1] else 4)) for stream in streams]
    again = {stream for _ in range(4) for stream in ledger.runner.project(batch)}
    assert again == {streams[1]}
    assert_folded(ledger, [streams[0], streams[2]])
    assert ledger.failure("statement", streams[1])


def test_another_version_makes_the_rows_of_a_stream_from_the_beginning() -> None:
    views = Counting()
    ledger = OwnedLedger(STATEMENT, views=views)
    ledger.runner.project([ledger.commit(ANNA, *deposits(1, 2, 3, 4, 5))])
    views.transactions.clear()

    def renamed(state: Running, rows: Mapping[str, Line], event: Event) -> tuple[Running, Mapping[str, Line | None]]:
        state, lines = STATEMENT.apply(state, rows, event)
        return state, {f"v2-{sort}": line for sort, line in lines.items()}

    ledger.use(replace(STATEMENT, apply=renamed, version=2))
    ledger.runner.project([ledger.commit(ANNA, *deposits(6))])
    assert set(shown(ledger, STATEMENT, ANNA)[1]) == {f"v2-{line_sort(version)}" for version in range(1, 7)}
    assert [rows for _, rows in views.transactions] == [3, 2, 3, 2, 1]


def test_a_process_that_dies_while_rows_are_made_again_takes_none_from_another() -> None:
    for at in range(5):
        for requests in range(1, 14):
            views = Meddling()
            ledger = OwnedLedger(STATEMENT, views=views)
            ledger.runner.project([ledger.commit(ANNA, *deposits(1, 2, 3, 4, 5))])
            ledger.use(replace(STATEMENT, version=2))
            commit = ledger.commit(ANNA, *deposits(6))
            ledger.views = Fuse(requests, False).wire(views)
            views.meddlers += [*[lambda: None] * at, partial(dying, ledger.make_runner(), commit)]
            ledger.views = views
            ledger.runner.project([commit])
            assert_folded(ledger, [ANNA])


def dying(runner: ProjectionProcessor, commit: Commit) -> None:
    """Project a commit until the process dies."""
    with suppress(Killed):
        runner.project([commit])


def test_a_row_that_does_not_fit_its_model_any_more_is_made_again() -> None:
    ledger = OwnedLedger(TICKS)
    ledger.runner.project([ledger.commit(ANNA, *deposits(2))])
    (row, _) = ledger.views.list_owned(Generation("ticks"), ANNA)
    damage(ledger, row, content='{"number":1}')
    ledger.runner.project([ledger.commit(ANNA, *deposits(2))])
    assert_folded(ledger, [ANNA])


def test_an_event_that_is_later_than_rows_are_kept_finds_what_was_deleted() -> None:
    ledger = OwnedLedger(LASTING, views=SweptViews())
    ledger.runner.project([ledger.commit(ANNA, *deposits(3))])
    late = ledger.commit(ANNA, *deposits(3))
    ledger.clock.move(KEPT_AFTER_EXPIRY + timedelta(hours=2))
    ledger.views.sweep(ledger.clock.now)  # type: ignore[attr-defined]
    assert list(ledger.views.list_owned(Generation("lasting"), ANNA)) == []
    ledger.runner.project([late])
    assert [row.amounts for row in shown(ledger, LASTING, ANNA)[1].values()] == [(3, 3)]


def test_what_expired_long_ago_is_not_written_at_all() -> None:
    ledger = OwnedLedger(WINDOWS, views=CostingViews())
    commit = ledger.commit(ANNA, *deposits(1))
    ledger.clock.move(KEPT_AFTER_EXPIRY + timedelta(hours=2))
    ledger.runner.project([commit])
    assert list(ledger.views.list_owned(Generation("windows"), ANNA)) == []
    assert shown(ledger, WINDOWS, ANNA) == (Running(balance=1), {})
    assert isinstance(ledger.views, CostingViews)
    assert ledger.views.write_units == 1


def test_an_expired_row_stays_for_late_events_and_is_not_seen_by_later_ones() -> None:
    ledger = OwnedLedger(WINDOWS)
    ledger.runner.project([ledger.commit(ANNA, *deposits(3))])
    late = ledger.commit(ANNA, *deposits(3))
    ledger.clock.move(timedelta(hours=2))
    assert shown(ledger, WINDOWS, ANNA)[1] == {}
    ledger.runner.project([late])
    (row,) = ledger.views.list_owned(Generation("windows"), ANNA)
    assert WINDOWS.row.model_validate_json(row.content).amounts == (3, 3)
    ledger.runner.project([ledger.commit(ANNA, *deposits(3))])
    (row,) = ledger.views.list_owned(Generation("windows"), ANNA)
    assert WINDOWS.row.model_validate_json(row.content).amounts == (3,)


@pytest.mark.parametrize(("early", "amounts"), [(timedelta(microseconds=1), (3, 3)), (timedelta(0), (3,))])
def test_a_row_is_missing_from_the_moment_at_which_it_expires(early: timedelta, amounts: tuple[int, ...]) -> None:
    ledger = OwnedLedger(WINDOWS)
    first = ledger.commit(ANNA, *deposits(3))
    ledger.runner.project([first])
    ledger.clock.now = first.recorded_at + HOUR - early - STEP
    second = ledger.commit(ANNA, *deposits(3))
    assert second.recorded_at == first.recorded_at + HOUR - early
    (row,) = ledger.views.list_owned(Generation("windows"), ANNA)
    assert row.expired(second.recorded_at) is (not early)
    ledger.runner.project([second])
    assert [row.amounts for row in shown(ledger, WINDOWS, ANNA)[1].values()] == [amounts]


@pytest.mark.parametrize("projection", OWNED, ids=lambda each: each.name)
def test_streams_and_tenants_do_not_meet(projection: AnyRowsProjection) -> None:
    ledger = OwnedLedger(projection)
    for number, stream in enumerate(STREAMS, 1):
        ledger.runner.project([ledger.commit(stream, *deposits(number))])
    assert_folded(ledger, STREAMS)


def damage(ledger: OwnedLedger, row: OwnedRow, content: str) -> None:
    """Let a stored row hold something else."""
    carried = ledger.views.states(Generation("ticks"), [row.stream])[row.stream]
    damaged = {row.sort: replace(row, content=content)}
    ledger.views.update_owned(Generation("ticks"), [OwnedUpdate(carried, carried, damaged)])
