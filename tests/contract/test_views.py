"""What every home of read models does: rows and cursors together or not at all, and nothing across tenants."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.support.clocks import START
from tests.support.engines import DynamoDBEngine, Engine
from tests.support.ledger import account, noise
from tests.support.wire import lost_answer, lost_request, refused

from banyan.adapters.dynamodb.gateway import ATTEMPTS
from banyan.errors import StoreRejected, StoreUnavailable
from banyan.projections.base import Add, Put, Remove, RowWrite
from banyan.projections.pages import SortRange
from banyan.projections.views import FailureRecord, Generation, StateRow, ViewKey, Views, ViewUpdate, WriteConflict
from banyan.streams import StreamId

LIVE = Generation("sums")
ANNA, BEN = account("anna"), account("ben")
SECOND = timedelta(seconds=1)
EXACT_ENGINES = ["memory", pytest.param("dynamodb_local", marks=pytest.mark.dynamodb_local)]  # moto rounds


@pytest.fixture
def views(engine: Engine) -> Views:
    return engine.views()


def state(stream: StreamId, version: int = 1, **lookups: tuple[str, str]) -> StateRow:
    by_index = {int(name[-1]): place for name, place in lookups.items()}
    return StateRow(stream, version, START, START + SECOND, f'{{"version":{version}}}', by_index)


def step(stream: StreamId, before: int, *commits: Sequence[RowWrite]) -> ViewUpdate:
    return ViewUpdate(stream, before, before + len(commits), START, commits)


def fields(views: Views, partition: str = "p", tenant: str = "acme") -> list[tuple[str, dict[str, object], int]]:
    return [(row.sort, dict(row.fields), row.version) for row in views.rows(LIVE, tenant, partition)]


class TestStates:
    def test_a_row_comes_back_as_it_was_written(self, views: Views) -> None:
        row = state(ANNA, 3, on1=("open", "2026"), on3=("", ""))
        views.put_state(LIVE, row, 0)
        assert views.states(LIVE, [ANNA, BEN]) == {ANNA: row}

    @pytest.mark.parametrize("size", [10, 5_000])
    def test_large_and_small_states_come_back(self, views: Views, size: int) -> None:
        row = replace(state(ANNA), state="é" * size)
        views.put_state(LIVE, row, 0)
        assert views.states(LIVE, [ANNA])[ANNA].state == row.state

    def test_new_rows_are_written_together_and_replace_none(self, views: Views) -> None:
        standing = [state(stream, 3, on1=("open", "2026")) for stream in (ANNA, BEN)]
        for row in standing:
            views.put_state(LIVE, row, 0)
        new = [state(account(f"a{number}"), 2, on2=("all", str(number))) for number in range(26)]
        assert views.insert_states(LIVE, [*new[:20], state(ANNA, 9), *new[20:], state(BEN, 9)]) == [ANNA, BEN]
        rows = {row.stream: row for row in (*standing, *new)}
        assert views.states(LIVE, list(rows)) == rows
        assert set(views.insert_states(LIVE, new[:2])) == {row.stream for row in new[:2]}

    def test_a_row_that_no_item_can_hold_keeps_no_other_from_being_written(self, dynamodb: DynamoDBEngine) -> None:
        views = dynamodb.views()
        huge = replace(state(BEN), state=noise(600_000))
        assert BEN in views.insert_states(LIVE, [state(ANNA), huge])
        with pytest.raises(StoreRejected):
            views.put_state(LIVE, huge, 0)

    @pytest.mark.parametrize("code", ["ValidationException", "TransactionConflictException"])
    def test_of_a_batch_that_is_refused_no_row_is_written(self, dynamodb: DynamoDBEngine, code: str) -> None:
        views = dynamodb.views()
        dynamodb.wire.inject(refused(code), on="BatchExecuteStatement")
        assert views.insert_states(LIVE, [state(ANNA), state(BEN)]) == [ANNA, BEN]
        assert views.insert_states(LIVE, [state(ANNA), state(BEN)]) == []

    def test_a_row_moves_on_from_its_version(self, views: Views) -> None:
        views.put_state(LIVE, state(ANNA, 3), 0)
        views.put_state(LIVE, state(ANNA, 5), 3)
        assert views.states(LIVE, [ANNA])[ANNA].version == 5

    @pytest.mark.parametrize("seen", [0, 2, 4])
    def test_a_row_that_moved_meanwhile_is_left_alone(self, views: Views, seen: int) -> None:
        views.put_state(LIVE, state(ANNA, 3), 0)
        with pytest.raises(WriteConflict):
            views.put_state(LIVE, state(ANNA, 9), seen)
        assert views.states(LIVE, [ANNA])[ANNA].version == 3

    def test_a_row_that_is_not_there_has_no_version_to_move_from(self, views: Views) -> None:
        with pytest.raises(WriteConflict):
            views.put_state(LIVE, state(ANNA, 9), 3)
        assert views.states(LIVE, [ANNA]) == {}

    def test_more_streams_than_one_batch_read_holds(self, views: Views) -> None:
        streams = [account(f"a{number:03d}") for number in range(130)]
        for stream in streams:
            views.put_state(LIVE, state(stream), 0)
        assert set(views.states(LIVE, streams)) == set(streams)
        assert views.states(LIVE, []) == {}

    def test_generations_and_tenants_are_apart(self, views: Views) -> None:
        views.put_state(LIVE, state(ANNA), 0)
        assert views.states(Generation("sums", 2), [ANNA]) == {}
        assert views.states(Generation("sum"), [ANNA]) == {}
        assert views.states(LIVE, [account("anna", "globex")]) == {}

    def test_all_rows_of_a_generation(self, views: Views) -> None:
        other = account("anna", "globex")
        for stream in (ANNA, other):
            views.put_state(LIVE, state(stream), 0)
        views.put_state(Generation("sums", 10), state(BEN), 0)
        assert {row.stream for row in views.all_states(LIVE)} == {ANNA, other}


class TestRowsByKey:
    def test_rows_are_found_by_their_keys_and_others_are_not(self, engine: Engine) -> None:
        views, keys = engine.views(), [ViewKey("acme", "p", sort) for sort in ("a", "b#%", "c")]
        views.update(LIVE, [step(ANNA, 0, [Put(key.partition, key.sort, {"n": key.sort}) for key in keys[:2]])], START)
        found = engine.row_repair().read_rows(LIVE, [*keys, ViewKey("globex", "p", "a")])
        assert {key: row.fields for key, row in found.items()} == {key: {"n": key.sort} for key in keys[:2]}

    def test_more_than_one_batch_read_holds(self, engine: Engine) -> None:
        views, keys = engine.views(), [ViewKey("acme", f"p{number % 3}", f"{number:03d}") for number in range(130)]
        for start in range(0, 130, 65):
            writes = [Put(key.partition, key.sort, {"n": key.sort}) for key in keys[start : start + 65]]
            views.update(LIVE, [step(account(f"a{start}"), 0, writes)], START)
        assert engine.row_repair().read_rows(LIVE, keys).keys() == set(keys)
        assert engine.row_repair().read_rows(LIVE, []) == {}


class TestLookup:
    def test_pages_are_newest_first_and_meet_every_row_once(self, views: Views) -> None:
        for number in range(7):
            views.put_state(LIVE, state(account(f"a{number}"), 1, on1=("open", str(number // 2))), 0)
        views.put_state(LIVE, state(account("closed"), 1, on1=("closed", "9")), 0)
        seen: list[StateRow] = []
        cursor, pages = None, 0
        while pages == 0 or cursor:
            page = views.lookup(LIVE, "acme", 1, "open", 3, cursor)
            seen, cursor, pages = [*seen, *page.rows], page.cursor, pages + 1
        assert pages == 3
        assert sorted(row.stream.id for row in seen) == [f"a{number}" for number in range(7)]
        assert [row.lookups[1][1] for row in seen] == ["3", "2", "2", "1", "1", "0", "0"]

    def test_a_page_that_ends_the_list_has_no_cursor(self, views: Views) -> None:
        for number in range(3):
            views.put_state(LIVE, state(account(f"a{number}"), 1, on1=("open", str(number))), 0)
        assert views.lookup(LIVE, "acme", 1, "open", 3).cursor is None
        assert views.lookup(LIVE, "acme", 1, "nothing", 3).rows == []

    def test_each_lookup_has_its_own_order(self, views: Views) -> None:
        views.put_state(LIVE, state(ANNA, 1, on1=("x", "1"), on2=("y", "2")), 0)
        views.put_state(LIVE, state(BEN, 1, on1=("x", "2"), on2=("y", "1")), 0)
        assert [row.stream for row in views.lookup(LIVE, "acme", 1, "x", 9).rows] == [BEN, ANNA]
        assert [row.stream for row in views.lookup(LIVE, "acme", 2, "y", 9).rows] == [ANNA, BEN]

    def test_a_row_leaves_the_lists_it_no_longer_belongs_to(self, views: Views) -> None:
        views.put_state(LIVE, state(ANNA, 1, on1=("open", "1"), on2=("y", "1")), 0)
        views.put_state(LIVE, state(ANNA, 2, on1=("closed", "1")), 1)
        assert views.lookup(LIVE, "acme", 1, "open", 9).rows == []
        assert views.lookup(LIVE, "acme", 2, "y", 9).rows == []
        assert [row.version for row in views.lookup(LIVE, "acme", 1, "closed", 9).rows] == [2]

    def test_a_list_holds_one_tenant_and_one_generation(self, views: Views) -> None:
        views.put_state(LIVE, state(account("anna", "globex"), 1, on1=("open", "1")), 0)
        views.put_state(Generation("sums", 2), state(ANNA, 1, on1=("open", "1")), 0)
        assert views.lookup(LIVE, "acme", 1, "open", 9).rows == []

    def test_a_cursor_of_another_list_is_refused(self, views: Views) -> None:
        other = Generation("sums", 2)
        for generation, tenant in [(LIVE, "acme"), (LIVE, "globex"), (other, "acme")]:
            for name in ("anna", "ben"):
                views.put_state(generation, state(account(name, tenant), 1, on1=("open", name)), 0)
        cursor = views.lookup(LIVE, "acme", 1, "open", 1).cursor
        assert cursor
        for generation, tenant, partition in [(LIVE, "globex", "open"), (other, "acme", "open"), (LIVE, "acme", "x")]:
            with pytest.raises(ValueError, match="another list"):
                views.lookup(generation, tenant, 1, partition, 1, cursor)

    @pytest.mark.parametrize("cursor", ["x", "%%%", "WzFd", "bnVsbA==", "é", "WzEsMiwzXQ=="])
    def test_a_damaged_cursor_is_refused(self, views: Views, cursor: str) -> None:
        with pytest.raises(ValueError, match="cursor"):
            views.lookup(LIVE, "acme", 1, "open", 1, cursor)


class TestMoves:
    def test_rows_and_cursors_move_together(self, views: Views) -> None:
        moves = [step(ANNA, 0, [Add("p", "", {"n": 2})]), step(BEN, 0, [Add("p", "", {"n": 3})], [])]
        views.update(LIVE, moves, START + SECOND)
        assert views.checkpoints(LIVE, [ANNA, BEN, account("carl")]) == {ANNA: 1, BEN: 2}
        (row,) = views.rows(LIVE, "acme", "p")
        assert (row.fields, row.version, row.partition, row.sort) == ({"n": 5}, 2, "p", "")
        assert (row.recorded_at, row.projected_at) == (START, START + SECOND)

    @pytest.mark.parametrize("write", [Add("p", "", {"n": 1}), Put("p", "", {"n": 1}), Remove("p", "")])
    @pytest.mark.parametrize("seen", [0, 2])
    def test_one_stale_cursor_keeps_everything_as_it_was(self, views: Views, write: RowWrite, seen: int) -> None:
        views.update(LIVE, [step(ANNA, 0, [Add("p", "", {"n": 7})])], START)
        with pytest.raises(WriteConflict):
            views.update(LIVE, [step(BEN, 0, [write]), step(ANNA, seen, [write])], START)
        assert views.checkpoints(LIVE, [ANNA, BEN]) == {ANNA: 1}
        assert fields(views) == [("", {"n": 7}, 1)]

    def test_sums_are_exact_over_several_transactions(self, views: Views) -> None:
        for version in range(3):
            writes = [Add("p", "", {"amount": Decimal("0.10"), "count": 1}), Add("p", "", {"amount": Decimal("-0.03")})]
            views.update(LIVE, [step(ANNA, version, writes)], START)
        assert fields(views) == [("", {"amount": Decimal("0.21"), "count": 3}, 3)]
        assert all(isinstance(value, Decimal) for _, found, _ in fields(views) for value in found.values())

    @pytest.mark.parametrize("engine", EXACT_ENGINES, indirect=True)
    def test_sums_of_thirty_eight_digits_are_exact(self, views: Views) -> None:
        large, small = Decimal("99999999999999999999999999999999999.98"), Decimal("0.001")
        views.update(LIVE, [step(ANNA, 0, [Add("p", "", {"n": large})], [Add("p", "", {"n": small})])], START)
        assert fields(views) == [("", {"n": Decimal("99999999999999999999999999999999999.981")}, 2)]

    @pytest.mark.parametrize("amount", [Decimal("1E-38"), Decimal("NaN"), 0.1, "1"])
    def test_an_amount_that_cannot_be_added_exactly_is_refused(self, views: Views, amount: Decimal) -> None:
        commits = [[Add("p", "", {"n": 1})], [Add("p", "", {"n": amount})]]
        with pytest.raises((TypeError, ArithmeticError)):
            views.update(LIVE, [step(ANNA, 0, *commits)], START)
        assert views.checkpoints(LIVE, [ANNA]) == {}

    def test_text_and_numbers_come_back(self, views: Views) -> None:
        views.update(LIVE, [step(ANNA, 0, [Put("p", "s", {"name": "Ännä", "empty": "", "n": 100})])], START)
        assert fields(views) == [("s", {"name": "Ännä", "empty": "", "n": Decimal(100)}, 1)]

    @pytest.mark.parametrize("together", [True, False])
    def test_writes_of_a_row_act_in_order(self, views: Views, together: bool) -> None:
        commits: list[list[RowWrite]] = [
            [Add("p", "", {"n": 1, "m": 1})],
            [Put("p", "", {"n": 10, "name": "a"})],
            [Add("p", "", {"n": 5})],
            [Put("p", "", {"name": "b"})],
        ]
        play(views, commits, together)
        assert fields(views) == [("", {"n": 15, "m": 1, "name": "b"}, 4)]

    @pytest.mark.parametrize("together", [True, False])
    def test_a_removed_row_starts_afresh(self, views: Views, together: bool) -> None:
        commits: list[list[RowWrite]] = [
            [Put("p", "", {"name": "a"}), Add("p", "", {"n": 1})],
            [Remove("p", "")],
            [Add("p", "", {"n": 5})],
            [Put("p", "gone", {"n": 5}), Remove("p", "gone")],
        ]
        play(views, commits, together)
        assert fields(views) == [("", {"n": 5}, 1)]

    def test_many_streams_share_one_write_to_a_row(self, views: Views) -> None:
        streams = [account(f"a{number}") for number in range(99)]
        views.update(LIVE, [step(stream, 0, [Add("p", "", {"n": 1})]) for stream in streams], START)
        assert fields(views) == [("", {"n": 99}, 99)]

    def test_rows_of_a_partition_come_in_order_and_between_bounds(self, views: Views) -> None:
        days = ["2026-01-02", "2026-01-01", "", "2026-02-01", "ü"]
        views.update(LIVE, [step(ANNA, 0, [Add("p", day, {"n": 1}) for day in days])], START)
        assert [row.sort for row in views.rows(LIVE, "acme", "p")] == sorted(days)
        january = views.rows(LIVE, "acme", "p", SortRange("2026-01-01", "2026-01-31"))
        assert [row.sort for row in january] == ["2026-01-01", "2026-01-02"]
        later = views.rows(LIVE, "acme", "p", SortRange("2026-01-02"))
        assert [row.sort for row in later] == ["2026-01-02", "2026-02-01", "ü"]
        assert views.rows(LIVE, "acme", "p", SortRange("2", "1")) == []

    def test_rows_come_in_either_direction_after_a_place_and_up_to_a_limit(self, views: Views) -> None:
        views.update(LIVE, [step(ANNA, 0, [Add("p", sort, {"n": 1}) for sort in "abcdef"])], START)
        for wanted, after, limit, found in [
            (SortRange("b", "e"), None, 2, "bc"),
            (SortRange("b", "e"), "c", 9, "de"),
            (SortRange("b", "e", "descending"), None, 2, "ed"),
            (SortRange("b", "e", "descending"), "d", None, "cb"),
            (SortRange(order="descending"), "bb", None, "ba"),
            (SortRange("c"), "f", None, ""),
            (SortRange("b", "e"), "e", 1, ""),
            (SortRange("b", "e", "descending"), "b", 1, ""),
            (SortRange("c", "b", "descending"), None, 1, ""),
        ]:
            rows = views.rows(LIVE, "acme", "p", wanted, after=after, limit=limit)
            assert "".join(row.sort for row in rows) == found

    def test_more_rows_than_one_page_of_an_answer_holds(self, views: Views) -> None:
        text = noise(60_000)
        for number in range(20):
            views.update(LIVE, [step(account(f"a{number}"), 0, [Put("p", f"{number:02d}", {"text": text})])], START)
        assert len(views.rows(LIVE, "acme", "p")) == 20
        assert len(views.all_rows(LIVE)) == 20

    def test_no_row_is_seen_by_another_tenant_generation_or_partition(self, views: Views) -> None:
        moves = [step(account("anna", tenant), 0, [Add("p", "", {"n": 1})]) for tenant in ("acme", "globex")]
        views.update(LIVE, moves, START)
        assert fields(views, tenant="acme") == fields(views, tenant="globex") == [("", {"n": 1}, 1)]
        assert views.rows(Generation("sums", 2), "acme", "p") == []
        assert views.rows(LIVE, "acme", "p#") == []
        assert {key.tenant for key in views.all_rows(LIVE)} == {"acme", "globex"}


class TestFailures:
    FAILURE = FailureRecord(ANNA, 4, "KeyError", 2, START + SECOND)

    def test_a_failure_comes_back_until_it_is_cleared(self, views: Views) -> None:
        assert views.failure(LIVE, ANNA) is None
        views.put_failure(LIVE, self.FAILURE)
        assert views.failure(LIVE, ANNA) == self.FAILURE
        assert views.failure(LIVE, BEN) is None
        assert views.failure(Generation("sums", 2), ANNA) is None
        views.clear_failure(LIVE, ANNA)
        assert views.failure(LIVE, ANNA) is None

    def test_failures_and_checkpoints_do_not_disturb_each_other(self, views: Views) -> None:
        views.put_failure(LIVE, self.FAILURE)
        assert views.checkpoints(LIVE, [ANNA]) == {}
        views.update(LIVE, [step(ANNA, 0, [], [], [])], START)
        assert views.failure(LIVE, ANNA) == self.FAILURE
        views.put_failure(LIVE, replace(self.FAILURE, attempts=3))
        views.clear_failure(LIVE, ANNA)
        assert views.checkpoints(LIVE, [ANNA]) == {ANNA: 3}

    def test_parked_streams_are_listed_oldest_first_until_unparked(self, views: Views) -> None:
        late, early = replace(self.FAILURE, parked_at=START + SECOND), replace(self.FAILURE, parked_at=START)
        views.put_failure(LIVE, late)
        views.put_failure(LIVE, replace(early, stream=BEN))
        views.put_failure(LIVE, replace(self.FAILURE, stream=account("carl")))
        views.put_failure(Generation("other"), early)
        assert views.parked(LIVE) == [replace(early, stream=BEN), late]
        views.put_failure(LIVE, self.FAILURE)
        views.clear_failure(LIVE, BEN)
        assert views.parked(LIVE) == []


class TestRequests:
    """What the database is asked, and what its answers mean."""

    def test_each_operation_is_one_request(self, dynamodb: DynamoDBEngine) -> None:
        views = dynamodb.views()
        streams = [account(f"a{number}") for number in range(50)]
        dynamodb.wire.clear()
        views.states(LIVE, streams)
        views.put_state(LIVE, state(ANNA), 0)
        views.checkpoints(LIVE, streams)
        views.update(LIVE, [step(stream, 0, [Add("p", "", {"n": 1})]) for stream in streams], START)
        views.rows(LIVE, "acme", "p")
        views.lookup(LIVE, "acme", 1, "open", 10)
        assert dynamodb.wire.sent == [
            "BatchGetItem",
            "PutItem",
            "BatchGetItem",
            "TransactWriteItems",
            "Query",
            "Query",
        ]

    @pytest.mark.parametrize("fault", [lost_answer, lost_request])
    def test_a_lost_answer_counts_nothing_twice(self, dynamodb: DynamoDBEngine, fault: object) -> None:
        views = dynamodb.views()
        dynamodb.wire.inject(fault, on="TransactWriteItems")  # type: ignore[arg-type]
        try:
            views.update(LIVE, [step(ANNA, 0, [Add("p", "", {"n": 1})])], START)
        except WriteConflict:
            assert fault is lost_answer
        assert views.checkpoints(LIVE, [ANNA]) == {ANNA: 1}
        assert fields(views) == [("", {"n": 1}, 1)]

    def test_a_transaction_in_the_way_is_waited_for(self, dynamodb: DynamoDBEngine) -> None:
        views = dynamodb.views()
        busy = refused("TransactionCanceledException", reasons=["None", "TransactionConflict"])
        dynamodb.wire.inject(*[busy] * (ATTEMPTS - 1), on="TransactWriteItems")
        views.update(LIVE, [step(ANNA, 0, [Add("p", "", {"n": 1})])], START)
        assert fields(views) == [("", {"n": 1}, 1)]

    def test_a_transaction_that_stays_in_the_way_means_nothing_was_written(self, dynamodb: DynamoDBEngine) -> None:
        views = dynamodb.views()
        dynamodb.wire.clear()
        busy = refused("TransactionCanceledException", reasons=["None", "TransactionConflict"])
        dynamodb.wire.inject(*[busy] * ATTEMPTS, on="TransactWriteItems")
        with pytest.raises(WriteConflict):
            views.update(LIVE, [step(ANNA, 0, [Add("p", "", {"n": 1})])], START)
        assert dynamodb.wire.sent.count("TransactWriteItems") == ATTEMPTS

    @pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "InternalServerError"])
    def test_an_outage_is_no_fault_of_a_stream(self, dynamodb: DynamoDBEngine, code: str) -> None:
        views = dynamodb.views()
        for operation in ("PutItem", "BatchGetItem"):
            dynamodb.wire.inject(*[refused(code, status=500)] * 9, on=operation)
            with pytest.raises(StoreUnavailable, match=code):
                views.put_state(LIVE, state(ANNA), 0) if operation == "PutItem" else views.states(LIVE, [ANNA])
            dynamodb.wire.clear()

    def test_racing_writers_lose_no_amount(self, dynamodb_local: DynamoDBEngine) -> None:
        views = dynamodb_local.views()
        streams = [account(f"a{number}") for number in range(8)]

        def play_alone(stream: StreamId) -> None:
            for version in range(10):
                until_moved(views, step(stream, version, [Add("p", "", {"n": 1})]))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(play_alone, streams))
        assert fields(views) == [("", {"n": 80}, 80)]


def play(views: Views, commits: Sequence[Sequence[RowWrite]], together: bool) -> None:
    """Write commits of one stream in one transaction, or one in each."""
    if together:
        views.update(LIVE, [step(ANNA, 0, *commits)], START)
        return
    for version, writes in enumerate(commits):
        views.update(LIVE, [step(ANNA, version, writes)], START)


def until_moved(views: Views, move: ViewUpdate) -> None:
    """Write one move, however often others are in the way."""
    while True:
        try:
            views.update(LIVE, [move], START)
            return
        except WriteConflict:
            assert views.checkpoints(LIVE, [move.stream]).get(move.stream, 0) == move.from_version
