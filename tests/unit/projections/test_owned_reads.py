"""Reading the rows that a stream owns: in pages, both ways, and with what did not arrive yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.ledger import Withdrawn, account, deposits
from tests.support.owned import HELD, OWNED, STATEMENT, TICKS, WINDOWS, Line, OwnedLedger, Tick, line_sort, naive
from tests.unit.projections.test_any_delivery import STREAMS, History, histories

from banyan.errors import InvalidCursor, ReadModelLagging, VersionNotReached
from banyan.projections import owned
from banyan.projections.base import AnyRowsProjection, Lookup
from banyan.projections.pages import SortOrder, make_cursor
from banyan.projections.views import Generation, OwnedUpdate
from banyan.queries import Queries
from banyan.streams import StreamId

ANNA = account("anna")
ORDERS: list[SortOrder] = ["ascending", "descending"]
bounds = st.sampled_from(["", "0", "000002", "000003", "w0", "w1", "z"])


def void(_: object) -> None:
    """Nothing."""


def queries(ledger: OwnedLedger, sleep: Callable[[float], None] | None = None, store: Any = None) -> Queries:
    return Queries(store or ledger.store, ledger.views, clock=lambda: ledger.clock.now, sleep=sleep or (lambda _: None))


def joined(
    reads: Queries, projection: AnyRowsProjection, stream: StreamId, limit: int, min_version: int = 0, **wanted: Any
) -> list[Any]:
    """All pages of a list, one after the other."""
    rows, cursor = list[Any](), None
    while True:
        answer = reads.owned(projection, stream, limit=limit, cursor=cursor, min_version=min_version, **wanted)
        page = answer.value if answer else ()
        rows += page
        assert len(page) <= limit
        cursor = answer.value.cursor if answer else None
        if cursor is None:
            return rows


@given(histories(), st.integers(0, 12), bounds, bounds, st.sampled_from(ORDERS), st.integers(1, 4))
@settings(max_examples=80)
def test_pages_joined_are_a_fold_whatever_has_arrived(
    history: History, arrived: int, first: str, last: str, order: SortOrder, limit: int
) -> None:
    ledger = OwnedLedger(*OWNED, HELD)
    for number, (stream, movements) in enumerate(history.commits):
        commits = ledger.append(stream, *movements)
        if number < arrived:
            ledger.runner.project(commits)
    for stream in STREAMS:
        events = list(ledger.store.read(stream))
        for projection in (*OWNED, HELD):
            _, rows = naive(projection, events, ledger.clock.now)
            expected = sorted(
                (each for each in rows.items() if first <= each[0] <= last), reverse=order == "descending"
            )
            found = joined(
                queries(ledger), projection, stream, limit, len(events), from_sort=first, to_sort=last, order=order
            )
            assert found == expected


def projected(projection: AnyRowsProjection = STATEMENT, *amounts: int) -> OwnedLedger:
    """Anna's account, projected."""
    ledger = OwnedLedger(projection)
    ledger.runner.project([ledger.commit(ANNA, *deposits(*amounts or (1, 2, 3)))])
    return ledger


def test_an_answer_says_where_it_comes_from_and_how_old_it_is() -> None:
    ledger = projected()
    ledger.clock.move(timedelta(minutes=1))
    fresh = queries(ledger).owned(STATEMENT, ANNA, limit=1)
    ledger.commit(ANNA, *deposits(4))
    ledger.clock.move(timedelta(seconds=2))
    stale = queries(ledger).owned(STATEMENT, ANNA, limit=1)
    folded = queries(ledger).owned(STATEMENT, ANNA, limit=1, order="descending", min_version=4)

    assert fresh
    assert stale
    assert folded
    found = [each.provenance for each in (fresh, stale, folded)]
    assert [(each.version, each.staleness_ms // 1000, each.served_from) for each in found] == [
        (3, 0, "projection"),
        (3, 2, "projection"),
        (4, 0, "stream"),
    ]
    assert list(folded.value) == [(line_sort(4), Line(amount=4, balance=10))]


def test_a_row_that_the_state_holds_is_shown_and_expires_like_others() -> None:
    ledger = projected(replace(HELD, expires=lambda line: ledger.clock.now if line.amount == 3 else None), 1, 2)
    assert not [row for row in ledger.views.list_owned(Generation("held"), ANNA) if row.sort == line_sort(2)]
    assert joined(queries(ledger), HELD, ANNA, 1) == [
        (line_sort(1), Line(amount=1, balance=1)),
        (line_sort(2), Line(amount=2, balance=3)),
    ]
    ledger.runner.project([ledger.commit(ANNA, *deposits(3))])
    (expiring,) = ledger.projections
    assert [sort for sort, _ in joined(queries(ledger), expiring, ANNA, 5)] == [line_sort(1), line_sort(2)]  # type: ignore[arg-type]


def test_a_row_is_shown_once_though_it_is_written_while_a_page_is_read() -> None:
    """The state held it when it was read, and the table has it a moment later."""
    ledger = projected(HELD, 1, 2)
    commit = ledger.commit(ANNA, *deposits(3))
    listed = ledger.views.list_owned

    def meanwhile(*given: Any, **more: Any) -> Any:
        ledger.runner.project([commit])
        return listed(*given, **more)

    ledger.views.list_owned = meanwhile  # type: ignore[method-assign]
    answer = queries(ledger).owned(HELD, ANNA)
    assert answer
    assert [sort for sort, _ in answer.value] == [line_sort(version) for version in (1, 2, 3)]
    assert answer.provenance.version == 3


def test_what_a_stream_carries_is_read_without_its_rows() -> None:
    ledger = projected(HELD, 1, 2)
    answer = queries(ledger).stored(HELD, ANNA, 2)
    assert answer
    assert (answer.value.balance, answer.provenance.version) == (3, 2)
    with pytest.raises(ReadModelLagging):
        queries(ledger).stored(HELD, ANNA, 3)


@pytest.mark.parametrize("order", ORDERS)
def test_what_an_event_removed_is_not_shown_though_it_is_still_stored(order: SortOrder) -> None:
    ledger = projected(TICKS, 4)
    ledger.commit(ANNA, Withdrawn(amount=2))
    assert joined(queries(ledger), TICKS, ANNA, 1, min_version=2, from_sort="0001", order=order) == [
        (sort, Tick(count=1)) for sort in sorted(["0002", "0003"], reverse=order == "descending")
    ]


def test_a_version_that_arrives_meanwhile_is_waited_for() -> None:
    ledger = projected()
    late = ledger.commit(ANNA, *deposits(4))
    waiting = queries(ledger, sleep=lambda _: void(ledger.runner.project([late])))
    answer = waiting.owned(STATEMENT, ANNA, min_version=4)
    assert answer
    assert (answer.provenance.served_from, len(answer.value)) == ("projection", 4)


def test_a_version_beyond_the_stream_is_refused() -> None:
    with pytest.raises(VersionNotReached):
        queries(projected()).owned(STATEMENT, ANNA, min_version=9)


def test_without_a_stream_there_is_no_answer_and_without_rows_an_empty_one() -> None:
    ledger = projected(TICKS, 0)
    assert queries(ledger).owned(TICKS, account("ben")) is None
    answer = queries(ledger).owned(TICKS, ANNA)
    assert answer
    assert (list(answer.value), answer.value.cursor, answer.provenance.version) == ([], None, 1)


class Untouchable:
    """An event table that must not be read."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"the event table is asked for {name}")


def test_unless_it_is_to_fold_a_query_does_not_read_the_event_table() -> None:
    ledger = projected()
    reads = queries(ledger, store=Untouchable())
    answer = reads.owned(STATEMENT, ANNA, fold=False, min_version=3)
    assert answer
    assert (len(answer.value), answer.provenance.version, answer.provenance.served_from) == (3, 3, "projection")
    assert reads.owned(STATEMENT, account("ben"), fold=False) is None
    with pytest.raises(ReadModelLagging):
        reads.owned(STATEMENT, ANNA, fold=False, min_version=4)


def test_rows_of_another_version_are_not_taken_for_no_stream() -> None:
    ledger, newer = projected(TICKS, 2), replace(TICKS, version=2)
    with pytest.raises(ReadModelLagging):
        queries(ledger, store=Untouchable()).owned(newer, ANNA, fold=False)
    answer = queries(ledger).owned(newer, ANNA)
    assert answer
    assert (len(answer.value), answer.provenance.served_from) == (2, "stream")


@pytest.mark.parametrize("changed", [{"order": "descending"}, {"to_sort": "z"}, {"from_sort": "0"}, {"cursor": "abc"}])
def test_a_cursor_fits_its_own_list_only(changed: dict[str, Any]) -> None:
    reads = queries(projected())
    page = reads.owned(STATEMENT, ANNA, limit=1)
    assert page
    with pytest.raises(InvalidCursor):
        reads.owned(STATEMENT, ANNA, **{"limit": 1, "cursor": page.value.cursor, **changed})
    with pytest.raises(InvalidCursor):
        reads.owned(STATEMENT, account("ben"), cursor=page.value.cursor)


@pytest.mark.parametrize("sort", ["000000", "000004", "", "0" * 2000])
def test_a_place_that_was_made_up_is_refused(sort: str) -> None:
    cursor = make_cursor(["statement", ANNA.name, "000001", "000003", "ascending"], sort)
    with pytest.raises(InvalidCursor):
        queries(projected()).owned(STATEMENT, ANNA, "000001", "000003", cursor=cursor)


def test_a_cursor_outlives_a_change_of_generation_and_rows_that_come_and_go() -> None:
    ledger = projected(TICKS, 4)
    page = queries(ledger).owned(TICKS, ANNA, limit=2)
    assert page
    ledger.runner.project([ledger.commit(ANNA, *deposits(6))])
    rest = queries(ledger).owned(TICKS, ANNA, cursor=page.value.cursor)
    assert rest
    assert [sort for sort, _ in rest.value] == ["0002", "0003", "0004", "0005"]


def test_rows_of_a_commit_that_was_written_in_part_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owned, "MAX_OWNED_ROWS", 3)
    ledger = projected(TICKS, 3)
    write, written = ledger.views.update_owned, list[Any]()

    def once(*given: Any) -> None:
        if written:
            raise AssertionError("killed")
        written.append(given)
        write(*given)

    monkeypatch.setattr(ledger.views, "update_owned", once)
    ledger.runner.project([ledger.commit(ANNA, *deposits(7))])
    answer = queries(ledger).owned(TICKS, ANNA)
    assert answer
    assert [row for _, row in answer.value] == [Tick(count=2)] * 3 + [Tick(count=1)] * 4
    assert answer.provenance.served_from == "stream"


def test_a_page_that_a_transaction_crosses_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = projected(TICKS, 3)
    late, listed = [ledger.commit(ANNA, *deposits(5))], ledger.views.list_owned

    def crossed(*given: Any, **named: Any) -> Any:
        ledger.runner.project(late)
        return listed(*given, **named)

    monkeypatch.setattr(ledger.views, "list_owned", crossed)
    answer = queries(ledger).owned(TICKS, ANNA)
    assert answer
    assert (answer.provenance.version, len(answer.value)) == (2, 5)


def test_a_page_that_is_crossed_at_each_look_claims_what_it_was_read_with(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = projected(TICKS, 3)
    late, listed = [ledger.commit(ANNA, *deposits(1)) for _ in range(20)], ledger.views.list_owned
    shown: list[int] = []

    def crossed(*given: Any, **named: Any) -> Any:
        shown.append(late[0].position - 1)
        ledger.runner.project([late.pop(0)])
        return listed(*given, **named)

    monkeypatch.setattr(ledger.views, "list_owned", crossed)
    answer = queries(ledger).owned(TICKS, ANNA, fold=False)
    assert answer
    assert len(shown) > 1
    assert answer.provenance.version == shown[-1]


@pytest.mark.parametrize("method", ["read_owned", "list_owned"])
def test_a_fold_that_a_transaction_crosses_is_made_again(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    ledger = projected(TICKS, 3)
    late, asked = [ledger.commit(ANNA, *deposits(5))], getattr(ledger.views, method)

    def crossed(*given: Any, **named: Any) -> Any:
        monkeypatch.undo()
        ledger.runner.project([*late, ledger.commit(ANNA, *deposits(2))])
        return asked(*given, **named)

    monkeypatch.setattr(ledger.views, method, crossed)
    answer = queries(ledger).owned(TICKS, ANNA, min_version=2)
    assert answer
    events = list(ledger.store.read(ANNA, to_version=answer.provenance.version))
    assert dict(answer.value) == naive(TICKS, events, ledger.clock.now)[1]


def test_expired_rows_are_not_shown_though_they_are_still_there() -> None:
    ledger = projected(WINDOWS, 1, 1, 1)
    reads = queries(ledger)
    assert len(reads.owned(WINDOWS, ANNA).value) == 3  # type: ignore[union-attr]
    ledger.clock.move(timedelta(hours=2))
    assert list(reads.owned(WINDOWS, ANNA, limit=1).value) == []  # type: ignore[union-attr]


def test_a_lookup_lists_the_rows_of_all_streams() -> None:
    ledger = projected(STATEMENT, 5, 7, 5)
    ledger.runner.project(
        [ledger.commit(account("ben"), *deposits(5)), ledger.commit(account("ben", "globex"), *deposits(5))]
    )
    reads = queries(ledger)
    first = reads.lookup_owned(STATEMENT, "acme", "amounts", "5", 2)
    rest = reads.lookup_owned(STATEMENT, "acme", "amounts", "5", 2, first.value.cursor)
    assert [(stream.id, line.balance) for stream, line in [*first.value, *rest.value]] == [
        ("anna", 17),
        *sorted([("anna", 5), ("ben", 5)], reverse=True),
    ]
    assert rest.value.cursor is None
    assert first.provenance.version == 3
    some = reads.lookup_owned(
        STATEMENT, "acme", "amounts", "5", 9, where=lambda line: line.balance > 5, order="ascending"
    )
    assert [line.balance for _, line in some.value] == [17]


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_of_a_lookup_that_leaves_rows_out_miss_none_of_the_others(limit: int) -> None:
    reads = queries(projected(STATEMENT, *[5] * 8))
    for pattern in range(2**8):

        def wanted(line: Line, pattern: int = pattern) -> bool:
            return bool(pattern >> (line.balance // 5 - 1) & 1)

        found, cursor = list[int](), None
        while True:
            page = reads.lookup_owned(STATEMENT, "acme", "amounts", "5", limit, cursor, wanted).value
            found += [line.balance for _, line in page]
            cursor = page.cursor
            if cursor is None:
                break
        assert found == [5 * number for number in range(8, 0, -1) if pattern >> (number - 1) & 1]


def test_a_row_with_an_empty_partition_is_listed_and_one_without_is_not() -> None:
    odd: Lookup[Line] = Lookup("odd", lambda line: "" if line.amount % 2 else None, lambda line: f"{line.amount}")
    listed = replace(STATEMENT, lookups=[odd])
    found = queries(projected(listed, 1, 2, 3)).lookup_owned(listed, "acme", "odd", "", 9).value
    assert [line.amount for _, line in found] == [3, 1]


def test_a_lookup_leaves_out_what_has_expired() -> None:
    listed = replace(WINDOWS, lookups=[Lookup("all", lambda _: "all", lambda window: f"{len(window.amounts)}")])
    ledger = projected(listed, 1, 1, 1)
    assert len(queries(ledger).lookup_owned(listed, "acme", "all", "all", 9).value) == 3
    ledger.clock.move(timedelta(hours=2))
    assert list(queries(ledger).lookup_owned(listed, "acme", "all", "all", 9).value) == []


def test_a_row_in_a_lookup_that_does_not_fit_any_more_is_folded() -> None:
    ledger = projected(STATEMENT, 5)
    (row,) = ledger.views.list_owned(Generation("statement"), ANNA)
    carried = ledger.views.states(Generation("statement"), [ANNA])[ANNA]
    damaged = OwnedUpdate(carried, carried, {row.sort: replace(row, content="{}")})
    ledger.views.update_owned(Generation("statement"), [damaged])
    (entry,) = queries(ledger).lookup_owned(STATEMENT, "acme", "amounts", "5", 9).value
    assert entry == (ANNA, Line(amount=5, balance=5))
    whole = queries(ledger).owned(STATEMENT, ANNA)
    assert whole
    assert (list(whole.value), whole.provenance.served_from) == ([(line_sort(1), entry[1])], "stream")
    with pytest.raises(ReadModelLagging):
        queries(ledger, store=Untouchable()).owned(STATEMENT, ANNA, fold=False)
