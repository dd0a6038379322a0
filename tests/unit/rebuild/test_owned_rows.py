"""Rebuilding rows that streams own: a new generation, its comparison, one stream, and what it will cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from tests.support.interruptions import Killed
from tests.support.ledger import account, deposits
from tests.support.owned import OWNED, STATEMENT, TICKS, WINDOWS, OwnedLedger, assert_folded, line_sort
from tests.support.rebuild import Fuse, Rebuilding

from banyan.projections import owned
from banyan.projections.base import AnyRowsProjection
from banyan.projections.catchup import LogCheckpoints
from banyan.projections.rebuild.filling import rebuild_stream
from banyan.projections.rebuild.preview import CostingViews, Prices, preview
from banyan.projections.state import Stage
from banyan.projections.views import Generation, OwnedRow, OwnedUpdate, Views
from banyan.streams import StreamId

ACCOUNTS = [account(name) for name in "abcd"]


@pytest.fixture(autouse=True)
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owned, "MAX_OWNED_ROWS", 3)


def rebuilding(fuse: Fuse | None = None) -> Rebuilding:
    """Four accounts with rows of each kind."""
    found = Rebuilding(fuse)
    ledger = found.ledger
    OwnedLedger.use(ledger, *OWNED)  # type: ignore[arg-type]
    for number, stream in enumerate(ACCOUNTS):
        ledger.runner.project([ledger.commit(stream, *deposits(1, 2 + number, 9, 5, 7))])
    return found


def rebuilt(found: Rebuilding, name: str, *, switch: bool = True) -> Stage:
    found.rebuild.start(name, switch_when_equal=switch)
    found.run()
    return found.rebuild.progress(name).stage


def plant(views: Views, generation: Generation, stream: StreamId, **rows: OwnedRow | None) -> None:
    """Write rows behind the projector's back."""
    carried = views.states(generation, [stream])[stream]
    views.update_owned(generation, [OwnedUpdate(carried, carried, rows)])


def test_a_rebuild_of_equal_rows_switches_and_the_old_ones_are_dropped() -> None:
    found = rebuilding()
    for projection in OWNED:
        assert rebuilt(found, projection.name) is Stage.LIVE
    assert_folded(found.ledger, ACCOUNTS, generation=2)
    found.ledger.clock.move(timedelta(minutes=1))
    found.rebuild.drop("ticks", 1)
    found.run()
    assert list(found.ledger.views.list_owned(Generation("ticks", 1), ACCOUNTS[0])) == []
    assert_folded(found.ledger, ACCOUNTS, generation=2)


@pytest.mark.parametrize("wrong", ["missing", "extra", "other", "unlisted", "expiring"])
def test_a_row_that_differs_keeps_a_rebuild_from_switching(wrong: str) -> None:
    found = rebuilding()
    live, (row, *_) = Generation("statement"), found.ledger.views.list_owned(Generation("statement"), ACCOUNTS[1])
    planted: dict[str, OwnedRow | None] = {
        "missing": None,
        "extra": replace(row, sort="x"),
        "other": replace(row, content='{"amount":1,"balance":2}'),
        "unlisted": replace(row, lookups={}),
        "expiring": replace(row, expires=found.ledger.clock.now + timedelta(days=99)),
    }
    sort = "x" if wrong == "extra" else row.sort
    plant(found.ledger.views, live, ACCOUNTS[1], **{sort: planted[wrong]})
    assert rebuilt(found, "statement") is Stage.READY
    (difference,) = found.rebuild.progress("statement").differences
    assert (difference.row, difference.fields) == (str(ACCOUNTS[1]), (f"(row {sort})",))


def test_what_has_expired_is_neither_made_again_nor_a_difference() -> None:
    found = rebuilding()
    found.ledger.clock.move(timedelta(days=30))
    assert rebuilt(found, "windows") is Stage.LIVE
    assert list(found.ledger.views.list_owned(Generation("windows", 2), ACCOUNTS[0])) == []
    found.ledger.runner.project([found.ledger.commit(ACCOUNTS[0], *deposits(4))])
    found.ledger.projections = [WINDOWS]
    assert_folded(found.ledger, ACCOUNTS, generation=2)


@pytest.mark.parametrize("answered", [False, True])
def test_a_rebuild_that_is_killed_anywhere_ends_equal_to_a_fold(answered: bool) -> None:
    for at in count(1, 7):
        fuse = Fuse(at, answered)
        found = rebuilding(fuse)
        try:
            found.rebuild.start("ticks", switch_when_equal=True)
            found.run()
        except Killed:
            found.rebuild.start("ticks", switch_when_equal=True)
            found.run()
        found.ledger.projections = [TICKS]
        assert_folded(found.ledger, ACCOUNTS, generation=2)
        if fuse.requests < at:
            break
    assert at > 100


@pytest.mark.parametrize("projection", OWNED, ids=lambda each: each.name)
def test_the_rows_of_one_stream_are_replaced_whatever_they_say(projection: AnyRowsProjection) -> None:
    found = rebuilding()
    ledger, live, stream = found.ledger, Generation(projection.name), ACCOUNTS[0]
    row, *others = ledger.views.list_owned(live, stream)
    extra = {f"x{number}": replace(row, sort=f"x{number}") for number in range(5)}
    wrong = {each.sort: replace(each, content=row.content, version=99) for each in others}
    plant(ledger.views, live, stream, **{row.sort: None}, **extra, **wrong)
    done = rebuild_stream(projection, live, stream, ledger.store, ledger.views, ledger.clock)
    assert (done.version, done.replaced) == (5, True)
    assert_folded(ledger, ACCOUNTS)


def test_a_lost_commit_is_caught_up_with() -> None:
    ledger = OwnedLedger(checkpoints=LogCheckpoints())
    ledger.commit(ACCOUNTS[0], *deposits(3, 3))
    ledger.clock.move(timedelta(minutes=10))
    ledger.catch_up.everything(ledger.soon())
    assert_folded(ledger, ACCOUNTS[:1])


def test_the_price_of_a_commit_with_a_row() -> None:
    """In a transaction each write is two units: what is carried, the row, and the row in its lookup."""
    ledger = OwnedLedger(STATEMENT, views=CostingViews())
    ledger.runner.project([ledger.commit(ACCOUNTS[0], *deposits(1))])
    assert isinstance(ledger.views, CostingViews)
    assert ledger.views.write_units == 6
    assert line_sort(1) in {row.sort for row in ledger.views.list_owned(Generation("statement"), ACCOUNTS[0])}


@pytest.mark.parametrize("projection", [STATEMENT, WINDOWS], ids=lambda each: each.name)
def test_a_preview_counts_rows_and_writes_none(projection: AnyRowsProjection) -> None:
    ledger = OwnedLedger(projection)
    for stream in ACCOUNTS:
        ledger.append(stream, *deposits(1, 2, 3))
    estimate = preview(projection, ledger.store, 100, Prices(0.25, 1.25))
    rows = sum(len(list(ledger.views.list_owned(Generation(projection.name), each))) for each in ACCOUNTS)
    assert (estimate.streams, estimate.events, rows) == (4, 12, 0)
    ledger.runner.project([commit for stream in ACCOUNTS for commit in ledger.store.commits(stream)])
    rows = sum(len(list(ledger.views.list_owned(Generation(projection.name), each))) for each in ACCOUNTS)
    assert estimate.rows == rows + len(ACCOUNTS)
