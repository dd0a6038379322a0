"""What every home of rows that streams own does: rows and what their stream carries together, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from tests.support.clocks import START
from tests.support.engines import DynamoDBEngine, Engine
from tests.support.ledger import REGISTRY, account, deposits
from tests.support.owned import STATEMENT, TICKS, WINDOWS, OwnedLedger, assert_folded
from tests.support.wire import lost_answer, refused

from banyan.adapters.dynamodb.gateway import ATTEMPTS
from banyan.projections.base import AnyRowsProjection
from banyan.projections.pages import SortOrder, SortRange
from banyan.projections.views import (
    KEPT_AFTER_EXPIRY,
    Generation,
    OwnedRow,
    OwnedUpdate,
    StateRow,
    Views,
    WriteConflict,
)
from banyan.streams import StreamId

LIVE = Generation("statement")
ANNA, BEN = account("anna"), account("ben")
SECOND = timedelta(seconds=1)


@pytest.fixture
def views(engine: Engine) -> Views:
    return engine.views()


def carried(version: int = 1, stream: StreamId = ANNA, made_by: int = 1, unfinished: int = 0) -> StateRow:
    state = f'{{"balance":{version}}}'
    return StateRow(stream, version, START, START + SECOND, state, made_by=made_by, unfinished=unfinished)


def row(sort: str, stream: StreamId = ANNA, **changes: Any) -> OwnedRow:
    return replace(OwnedRow(stream, sort, 1, START, START + SECOND, f'{{"sort":"{sort}"}}'), **changes)


def put(views: Views, *rows: OwnedRow, before: StateRow | None = None, after: StateRow | None = None) -> StateRow:
    """Write rows of a stream in one step, and return what it carries then."""
    reached = after or carried(stream=rows[0].stream)
    views.update_owned(LIVE, [OwnedUpdate(before, reached, {each.sort: each for each in rows})])
    return reached


def sorts(views: Views, *wanted: Any, stream: StreamId = ANNA, **given: Any) -> list[str]:
    return [each.sort for each in views.list_owned(LIVE, stream, *wanted, **given)]


def test_rows_come_back_as_they_were_written(views: Views) -> None:
    rows = [
        row("", lookups={1: ("p", "s"), 3: ("", "")}, expires=START + timedelta(microseconds=7)),
        row("ä#:", content='{"text":"%s"}' % ("é" * 5000)),
        row("z"),
    ]
    put(views, *rows, after=carried(7, made_by=3))
    assert views.states(LIVE, [ANNA]) == {ANNA: carried(7, made_by=3)}
    assert sorted(views.list_owned(LIVE, ANNA), key=lambda each: each.sort) == sorted(rows, key=lambda each: each.sort)
    assert {each.sort: each for each in views.read_owned(LIVE, ANNA, ["z", "y", ""])} == {"": rows[0], "z": rows[2]}


def test_a_step_puts_and_removes_rows(views: Views) -> None:
    first = put(views, row("a"), row("b"))
    views.update_owned(LIVE, [OwnedUpdate(first, carried(2), {"a": None, "c": row("c"), "no such": None})])
    assert sorts(views) == ["b", "c"]
    assert views.states(LIVE, [ANNA])[ANNA].version == 2


def test_a_page_of_a_lookup_may_end_at_the_longest_sort(views: Views) -> None:
    put(views, *(row(letter * 1023, lookups={1: ("all", "")}) for letter in "abc"))
    found, cursor = list[str](), None
    for _ in "abc":
        page = views.lookup_owned(LIVE, "acme", 1, "all", 1, cursor)
        found += [each.sort[:1] for each in page.rows]
        cursor = page.cursor
    assert (sorted(found), cursor) == (["a", "b", "c"], None)


def test_a_stream_that_carries_something_else_is_left_alone(views: Views) -> None:
    put(views, row("a"), after=carried(3))
    for seen in (None, carried(2), carried(5), carried(3, made_by=2), carried(3, unfinished=1)):
        for rows in ({"a": None, "b": row("b")}, {}):
            with pytest.raises(WriteConflict):
                views.update_owned(LIVE, [OwnedUpdate(seen, carried(9), rows)])
    assert (sorts(views), views.states(LIVE, [ANNA])) == (["a"], {ANNA: carried(3)})


def test_a_stream_goes_on_from_what_it_carries(views: Views) -> None:
    steps = [None, carried(3, made_by=2), carried(3, unfinished=4), carried(3, made_by=2, unfinished=1), carried(4)]
    for before, after in pairwise(steps):
        assert after
        put(views, row("a"), before=before, after=after)
        assert views.states(LIVE, [ANNA]) == {ANNA: after}


@pytest.mark.parametrize("before", [carried(3), carried(3, made_by=2), carried(3, unfinished=4)])
@pytest.mark.parametrize("after", [carried(5), carried(5, made_by=7), carried(5, unfinished=1)])
def test_what_a_stream_carries_moves_on_without_rows(views: Views, before: StateRow, after: StateRow) -> None:
    put(views, row("a"), after=before)
    assert views.move_carried(LIVE, [OwnedUpdate(before, after, {})]) == []
    assert (views.states(LIVE, [ANNA]), sorts(views)) == ({ANNA: after}, ["a"])


def test_many_streams_move_each_for_itself(views: Views) -> None:
    put(views, row("a"), after=carried(3))
    new = [OwnedUpdate(None, carried(1, account(f"a{number}")), {}) for number in range(26)]
    outdated = OwnedUpdate(carried(2), carried(9), {})
    assert views.move_carried(LIVE, [*new[:20], outdated, *new[20:]]) == [ANNA]
    moved = {update.after.stream: update.after for update in new}
    assert views.states(LIVE, [ANNA, *moved]) == {ANNA: carried(3), **moved}
    assert set(views.move_carried(LIVE, new[:2])) == set(list(moved)[:2])


@pytest.mark.parametrize("seen", [None, carried(2), carried(5), carried(3, made_by=2), carried(3, unfinished=1)])
def test_a_stream_that_carries_something_else_is_not_moved(views: Views, seen: StateRow | None) -> None:
    put(views, row("a"), after=carried(3))
    assert views.move_carried(LIVE, [OwnedUpdate(seen, carried(9), {}), OwnedUpdate(None, carried(1, BEN), {})]) == [
        ANNA
    ]
    assert views.states(LIVE, [ANNA, BEN]) == {ANNA: carried(3), BEN: carried(1, BEN)}


def test_of_several_streams_all_move_or_none(views: Views) -> None:
    def step(stream: StreamId, before: StateRow | None, version: int) -> OwnedUpdate:
        return OwnedUpdate(before, carried(version, stream), {"a": row("a", stream, version=version)})

    views.update_owned(LIVE, [step(ANNA, None, 1), step(BEN, None, 1)])
    with pytest.raises(WriteConflict):
        views.update_owned(LIVE, [step(ANNA, carried(1), 2), step(BEN, None, 2)])
    assert [each.version for stream in (ANNA, BEN) for each in views.list_owned(LIVE, stream)] == [1, 1]


RANGES: Mapping[str, tuple[SortRange, str | None, list[str]]] = {
    "all": (SortRange(), None, ["a", "b", "ba", "c"]),
    "backwards": (SortRange(order="descending"), None, ["c", "ba", "b", "a"]),
    "between": (SortRange("b", "ba"), None, ["b", "ba"]),
    "from": (SortRange("b"), None, ["b", "ba", "c"]),
    "to": (SortRange(last="b"), None, ["a", "b"]),
    "none": (SortRange("c", "b"), None, []),
    "after": (SortRange(), "b", ["ba", "c"]),
    "after what is gone": (SortRange(), "az", ["b", "ba", "c"]),
    "backwards after": (SortRange("b", "c", "descending"), "ba", ["b"]),
    "after the end": (SortRange("b", "c"), "c", []),
    "backwards after the end": (SortRange("b", "c", "descending"), "b", []),
    "after the last": (SortRange(), "c", []),
    "backwards after the first": (SortRange(order="descending"), "a", []),
}


def test_ranges_in_both_directions(views: Views) -> None:
    put(views, *(row(sort) for sort in ("c", "a", "ba", "b")))
    put(views, row("bb", BEN))
    for name, (wanted, after, expected) in RANGES.items():
        assert sorts(views, wanted, after=after) == sorts(views, wanted, after=after, size=1) == expected, name


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_lookups_list_rows_of_all_streams_in_pages(engine: Engine, order: SortOrder) -> None:
    views, expected = engine.views(), list[tuple[str, str, str]]()
    for number, stream in enumerate([ANNA, BEN, account("anna", "globex")]):
        rows = [
            row(sort, stream, lookups={2: ("open", f"{number % 2 + index // 2}")}) for index, sort in enumerate("abc")
        ]
        put(views, *rows, row("d", stream), row("e", stream, lookups={2: ("closed", "1")}))
        expected += [(each.lookups[2][1], stream.id, each.sort) for each in rows if stream.tenant == "acme"]
    found, cursor, wanted = list[tuple[str, str, str]](), None, SortRange("0", "1", order)
    while cursor or not found:
        page = views.lookup_owned(LIVE, "acme", 2, "open", 2, cursor, wanted)
        found += [(each.lookups[2][1], each.stream.id, each.sort) for each in page.rows]
        cursor = page.cursor
    inside = [each for each in expected if each[0] <= "1"]
    assert sorted(found) == sorted(inside)
    assert [each[0] for each in found] == sorted((each[0] for each in inside), reverse=order == "descending")


def test_generations_streams_and_other_rows_are_apart(engine: Engine) -> None:
    views = engine.views()
    put(views, row("a"))
    put(views, row("b", account("anna", "globex")))
    views.update_owned(Generation("statement", 2), [OwnedUpdate(None, carried(), {"c": row("c")})])
    assert sorts(views) == ["a"]
    assert {each.stream for each in views.all_states(LIVE)} == {ANNA, account("anna", "globex")}
    found, position = list[StreamId](), ""
    while position is not None:
        streams, position = engine.row_repair().list_states(LIVE, position, 1)  # type: ignore[assignment]
        found += streams
    assert sorted(found) == [ANNA, account("anna", "globex")]


@pytest.mark.parametrize("projection", [STATEMENT, WINDOWS, TICKS], ids=lambda each: each.name)
def test_rows_are_a_fold_on_every_engine(engine: Engine, projection: AnyRowsProjection) -> None:
    ledger = OwnedLedger(projection, views=engine.views())
    for amounts in ([3, 9, 5], [150], [2, 1], [150]):
        ledger.runner.project([ledger.commit(ANNA, *deposits(*amounts))])
    assert_folded(ledger, [ANNA])


class TestRequests:
    def test_a_commit_with_a_row_is_one_read_and_one_transaction(self, dynamodb: DynamoDBEngine) -> None:
        ledger = OwnedLedger(STATEMENT, views=dynamodb.views())
        ledger.runner.project([ledger.commit(ANNA, *deposits(1))])
        assert sent(dynamodb, lambda: ledger.runner.project([ledger.commit(ANNA, *deposits(1, 2, 3))])) == [
            "BatchGetItem",
            "TransactWriteItems",
        ]

    def test_rows_that_an_event_has_to_see_are_one_read_more(self, dynamodb: DynamoDBEngine) -> None:
        ledger = OwnedLedger(TICKS, views=dynamodb.views())
        ledger.runner.project([ledger.commit(ANNA, *deposits(30))])
        assert sent(dynamodb, lambda: ledger.runner.project([ledger.commit(ANNA, *deposits(30))])) == [
            "BatchGetItem",
            "BatchGetItem",
            "TransactWriteItems",
        ]

    def test_streams_of_a_batch_share_transactions_and_one_without_rows_is_put(self, dynamodb: DynamoDBEngine) -> None:
        ledger = OwnedLedger(TICKS, views=dynamodb.views())
        streams = [account(f"a{number}") for number in range(6)]
        batch = [ledger.commit(stream, *deposits(24 if stream.id != "a5" else 0)) for stream in streams]
        assert sent(dynamodb, lambda: ledger.runner.project(batch)) == [
            "BatchGetItem",
            "PutItem",
            "TransactWriteItems",
            "TransactWriteItems",
        ]
        assert_folded(ledger, streams)

    def test_streams_without_rows_share_batches_of_statements(self, dynamodb: DynamoDBEngine) -> None:
        ledger = OwnedLedger(TICKS, views=dynamodb.views())
        streams = [account(f"a{number}") for number in range(30)]
        for _ in range(2):
            batch = [ledger.commit(stream, *deposits(0)) for stream in streams for _ in range(2)]
            assert sent(dynamodb, lambda: ledger.runner.project(batch)) == [  # noqa: B023
                "BatchGetItem",
                "BatchExecuteStatement",
                "BatchExecuteStatement",
            ]
        assert_folded(ledger, streams)

    def test_a_lost_answer_to_a_batch_changes_nothing(self, dynamodb: DynamoDBEngine) -> None:
        ledger = OwnedLedger(TICKS, views=dynamodb.views())
        for _ in range(2):
            dynamodb.wire.inject(lost_answer, on="BatchExecuteStatement")
            ledger.runner.project([ledger.commit(stream, *deposits(0)) for stream in (ANNA, BEN)])
        assert_folded(ledger, [ANNA, BEN])

    def test_a_new_stream_reads_no_rows(self, dynamodb: DynamoDBEngine) -> None:
        ledger = OwnedLedger(TICKS, views=dynamodb.views())
        commit = ledger.commit(ANNA, *deposits(30, 40))
        assert sent(dynamodb, lambda: ledger.runner.project([commit])) == ["BatchGetItem", "TransactWriteItems"]

    def test_a_commit_without_a_row_is_a_single_put(self, dynamodb: DynamoDBEngine) -> None:
        ledger = OwnedLedger(TICKS, views=dynamodb.views())
        commit = ledger.commit(ANNA, *deposits(0))
        assert sent(dynamodb, lambda: ledger.runner.project([commit])) == ["BatchGetItem", "PutItem"]


def sent(engine: DynamoDBEngine, act: Callable[[], object]) -> list[str]:
    """The requests that something makes."""
    engine.wire.sent.clear()
    act()
    return list(engine.wire.sent)


def test_a_lost_answer_changes_nothing(dynamodb: DynamoDBEngine) -> None:
    ledger = OwnedLedger(STATEMENT, views=dynamodb.views(), table=dynamodb.store(REGISTRY).table)
    for number in range(3):
        dynamodb.wire.inject(lost_answer, on="TransactWriteItems")
        ledger.runner.project([ledger.commit(ANNA, *deposits(number + 1))])
    assert_folded(ledger, [ANNA])


def test_a_transaction_in_the_way_holds_up_no_stream(dynamodb: DynamoDBEngine) -> None:
    ledger = OwnedLedger(STATEMENT, views=dynamodb.views(), table=dynamodb.store(REGISTRY).table)
    batch = [ledger.commit(stream, *deposits(1)) for stream in (ANNA, BEN)]
    busy = refused("TransactionCanceledException", reasons=["None", "TransactionConflict", "None", "None"])
    dynamodb.wire.inject(*[busy] * (ATTEMPTS + 1), on="TransactWriteItems")
    assert not ledger.runner.project(batch)
    assert_folded(ledger, [ANNA, BEN])


def test_an_expired_row_is_left_to_dynamodb_after_a_while(moto: DynamoDBEngine) -> None:
    put(moto.views(), row("a", expires=START), row("b"))
    items = moto.client.scan(TableName=moto.named("views"))["Items"]
    gone = (START + KEPT_AFTER_EXPIRY).timestamp()
    assert {each["sort"]["S"]: each.get("expires_at") for each in items} == {
        "-": None,
        ":a": {"N": f"{gone:.0f}"},
        ":b": None,
    }
