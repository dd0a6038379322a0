"""What counts as a difference between two generations, and what is merely on its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pytest
from tests.support.ledger import account, deposits
from tests.support.rebuild import SETTLE_SECONDS, Rebuilding

from banyan.confirm import LOOKS, Confirmed, confirm
from banyan.projections.check import Difference
from banyan.projections.rebuild import comparing
from banyan.projections.rebuild.comparing import RowPair, difference, unequal
from banyan.projections.views import Generation, ViewKey, ViewUpdate

SAME = RowPair({"total": 1}, {"total": 1})
LAGGING = RowPair({"total": 1}, {"total": 2})
FURTHER = RowPair({"total": 2}, {"total": 3})


class Looks:
    """Rows as they are seen from one look to the next; the last look repeats itself."""

    def __init__(self, **seen: Sequence[RowPair]) -> None:
        self.asked: list[list[str]] = []
        self._seen = seen

    def __call__(self, keys: Sequence[str]) -> Mapping[str, RowPair]:
        number = len(self.asked)
        self.asked.append(sorted(keys))
        return {key: self._seen[key][min(number, len(self._seen[key]) - 1)] for key in keys}


def compared(**seen: Sequence[RowPair]) -> tuple[Confirmed[str, RowPair], Looks, list[float]]:
    """What is said of some rows, how they were looked at, and the pauses between."""
    looks, pauses = Looks(**seen), list[float]()
    return confirm(partial(unequal, looks), list(seen), lambda: pauses.append(5.0), most=LOOKS), looks, pauses


def test_equal_rows_are_looked_at_once() -> None:
    said, looks, pauses = compared(a=[SAME], b=[SAME])
    assert (said, looks.asked, pauses) == (Confirmed({}, {}), [["a", "b"]], [])


def test_a_row_that_stands_still_and_differs_is_a_difference() -> None:
    said, looks, pauses = compared(a=[SAME], b=[LAGGING])
    assert said == Confirmed({"b": LAGGING}, {})
    assert looks.asked == [["a", "b"], ["b"], ["b"]]
    assert pauses == [5.0, 5.0]


@pytest.mark.parametrize("looks", [[LAGGING, SAME], [LAGGING, LAGGING, SAME], [LAGGING, FURTHER, SAME]])
def test_a_row_that_is_seen_equal_once_is_equal(looks: Sequence[RowPair]) -> None:
    said, _, _ = compared(a=looks)
    assert said == Confirmed({}, {})


@pytest.mark.parametrize("looks", [[LAGGING, FURTHER], [LAGGING, LAGGING, FURTHER]])
def test_a_row_that_keeps_moving_is_in_flight(looks: Sequence[RowPair]) -> None:
    said, _, _ = compared(a=looks)
    assert said == Confirmed({}, {"a": FURTHER})


def test_a_difference_names_the_fields_that_differ_and_the_row_that_one_side_lacks() -> None:
    assert difference("a", LAGGING) == Difference("a", ("total",))
    assert difference(ViewKey("acme", "growing", "k"), LAGGING).row == "acme#growing#k"
    assert difference("a", RowPair(None, {"total": 1})) == Difference("a", ("row",))
    assert difference("b", RowPair({"total": 1}, None)) == Difference("b", ("row",))
    assert unequal(Looks(c=[RowPair(None, None)]), ["c"]) == {}


def test_rows_that_are_on_their_way_do_not_keep_a_rebuild_from_its_switch() -> None:
    """The projector writes the new generation a moment after the old one: here, between two looks."""
    rebuilding = Rebuilding(buckets=1)
    ledger = rebuilding.ledger
    ledger.runner.project([ledger.commit(account("a"), *deposits(1))])
    rebuilding.rebuild.start("turnover", switch_when_equal=True)
    while rebuilding.rebuild.progress("turnover").phase != "comparing":
        rebuilding.step()
    late = ledger.commit(account("a"), *deposits(2))
    rebuilding.stale_runner().project([late])
    writes = [[w for event in ledger.store.decode(late) for w in ledger.turnover.apply(event)]]
    arriving = ViewUpdate(account("a"), 1, 2, late.recorded_at, writes)
    sleep = ledger.sleep

    def arrive(seconds: float) -> None:
        if seconds == SETTLE_SECONDS:
            ledger.sleep = sleep  # type: ignore[method-assign]
            ledger.views.update(Generation("turnover", 2), [arriving], ledger.clock())
        sleep(seconds)

    ledger.sleep = arrive  # type: ignore[method-assign]
    rebuilding.run()

    assert rebuilding.live("turnover") == 2
    assert rebuilding.rebuild.progress("turnover").different == 0


def test_a_segment_with_enough_differences_is_compared_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "STREAMS_AT_ONCE", 3)
    monkeypatch.setattr(comparing, "ENOUGH_DIFFERENCES", 5)
    rebuilding = Rebuilding(buckets=1)
    for number in range(20):
        rebuilding.ledger.commit(account(f"a{number}"), *deposits(1))
    rebuilding.rebuild.start("balances")

    rebuilding.run()

    progress = rebuilding.rebuild.progress("balances")
    assert (progress.compared, progress.different, len(progress.differences)) == (6, 6, 6)
    assert progress.stage == "ready"
