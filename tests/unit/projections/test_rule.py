"""One rule for both kinds of projection: apply what follows, skip what was applied, fetch what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import count

import pytest
from tests.support.ledger import Deposited, Withdrawn, account, bulk, deposits
from tests.support.projections import Ledger, same

from banyan.events import Event
from banyan.projections.base import Add, RowWrite, ViewProjection
from banyan.projections.memory import MemoryViews
from banyan.projections.views import Generation, StateRow, ViewUpdate
from banyan.store import Commit
from banyan.streams import StreamId

ANNA, BEN = account("anna"), account("ben")


def _shared(event: Event) -> Sequence[RowWrite]:
    assert isinstance(event.payload, Deposited)
    return [Add("sums", event.payload.note, {"n": 1})]


SHARED = ViewProjection("turnover", "account", _shared)
"""One row for each note, whoever writes it."""


class CountingViews(MemoryViews):
    """Counts the requests a table would get."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[int] = []
        self.writes: list[int] = []
        self.failure_reads = 0

    def states(self, generation: Generation, streams: Sequence[StreamId]) -> dict[StreamId, StateRow]:
        self.reads.append(len(streams))
        return dict(super().states(generation, streams))

    def checkpoints(self, generation: Generation, streams: Sequence[StreamId]) -> dict[StreamId, int]:
        self.reads.append(len(streams))
        return dict(super().checkpoints(generation, streams))

    def put_state(self, generation: Generation, row: StateRow, from_version: int) -> None:
        self.writes.append(1)
        super().put_state(generation, row, from_version)

    def update(self, generation: Generation, updates: Sequence[ViewUpdate], projected_at: datetime) -> None:
        self.writes.append(len(updates))
        super().update(generation, updates, projected_at)

    def failure(self, generation: Generation, stream: StreamId) -> None:
        self.failure_reads += 1
        return super().failure(generation, stream)  # type: ignore[return-value]


def up_to_date(ledger: Ledger, *streams: StreamId) -> bool:
    return ledger.turnover_rows() == ledger.expected_turnover() and all(
        same(ledger.balance(stream), ledger.expected_balance(stream)) for stream in streams
    )


def test_commits_in_order_become_the_fold() -> None:
    ledger = Ledger()
    for amount in (5, 7):
        assert not ledger.runner.project(ledger.append(ANNA, *deposits(amount)))
    row = ledger.balance(ANNA)
    assert row
    assert (row.version, row.state) == (2, '{"total":12,"amounts":[5,7]}')
    assert row.lookups == {1: ("all", "000000012")}
    assert up_to_date(ledger, ANNA)


def test_what_was_applied_before_changes_nothing() -> None:
    ledger = Ledger()
    commits = [*ledger.append(ANNA, *deposits(5, 6)), *ledger.append(ANNA, Withdrawn(amount=4))]
    ledger.runner.project(commits)
    before = ledger.balance(ANNA), ledger.views.all_rows(Generation("turnover"))
    ledger.runner.project(commits)
    ledger.runner.project(commits[:1])
    assert (ledger.balance(ANNA), ledger.views.all_rows(Generation("turnover"))) == before


def test_a_gap_is_read_from_the_event_table() -> None:
    ledger = Ledger()
    ledger.runner.project(ledger.append(ANNA, *deposits(1)))
    ledger.append(ANNA, *deposits(2, 3))
    ledger.runner.project(ledger.append(ANNA, *deposits(4)))
    assert up_to_date(ledger, ANNA)


def test_a_gap_is_read_to_the_end_of_the_stream_and_later_deliveries_are_skipped() -> None:
    ledger = Ledger()
    ledger.append(ANNA, *deposits(1))
    second, third = ledger.append(ANNA, *deposits(2)), ledger.append(ANNA, *deposits(3))
    ledger.runner.project(second)
    assert ledger.checkpoint(ANNA) == 3
    ledger.runner.project(third)
    assert up_to_date(ledger, ANNA)


def test_a_commit_lost_at_the_end_is_made_up_for_by_resume() -> None:
    ledger = Ledger()
    ledger.runner.project(ledger.append(ANNA, *deposits(1)))
    ledger.append(ANNA, *deposits(2))
    assert ledger.checkpoint(ANNA) == 1
    assert ledger.runner.retry("balances", ANNA) is None
    assert ledger.runner.retry("turnover", ANNA) is None
    assert up_to_date(ledger, ANNA)


def test_no_row_stands_inside_a_split_commit() -> None:
    ledger = Ledger()
    ledger.runner.project(ledger.append(BEN, *deposits(1)))
    parts = ledger.append(ANNA, *bulk(3, 300_000))
    assert len(parts) == 3
    ledger.runner.project(parts[:1])
    assert ledger.checkpoint(ANNA) == 3
    ledger.runner.project(parts[1:])
    assert up_to_date(ledger, ANNA, BEN)


def test_parts_delivered_together_need_no_reading() -> None:
    views = CountingViews()
    ledger = Ledger(views)
    ledger.runner.project(reversed(ledger.append(ANNA, *bulk(3, 300_000))))
    assert views.failure_reads == 0
    assert up_to_date(ledger, ANNA)


def test_a_batch_costs_one_read_a_projection_one_write_a_stream_and_no_look_at_failures() -> None:
    views = CountingViews()
    ledger = Ledger(views)
    streams = [account(f"a{number}") for number in range(20)]
    batch = [commit for stream in streams for amount in (1, 2) for commit in ledger.append(stream, *deposits(amount))]
    ledger.runner.project(batch)
    assert views.reads == [20, 20]
    assert views.writes == [1] * 20 + [20]
    assert views.failure_reads == 0
    assert up_to_date(ledger, *streams)


def test_streams_of_other_entities_are_left_alone() -> None:
    views = CountingViews()
    ledger = Ledger(views)
    assert not ledger.runner.project(ledger.append(StreamId("acme", "customer", "anna"), *deposits(1)))
    assert (views.reads, views.writes) == ([], [])


def test_more_rows_than_a_transaction_holds_are_moved_in_steps() -> None:
    views = CountingViews()
    ledger = Ledger(views)
    commits: list[Commit] = []
    for number in range(120):
        commits += ledger.append(ANNA, *deposits(1, note=f"n{number}"))
    ledger.runner.project(commits)
    assert views.writes == [1, 1, 1]
    assert up_to_date(ledger, ANNA)


def test_many_streams_are_packed_into_transactions_of_a_hundred_items() -> None:
    views = CountingViews()
    ledger = Ledger(views)
    commits = [c for n in range(80) for c in ledger.append(account(f"a{n}"), *deposits(1, note=f"n{n % 5}"))]
    ledger.runner.project(commits)
    assert sum(views.writes[80:]) == 80
    assert max(views.writes[80:]) * 2 + 5 <= 100
    assert ledger.turnover_rows() == ledger.expected_turnover()


@pytest.mark.parametrize(("streams", "transactions"), [(99, [99]), (100, [99, 1])])
def test_a_transaction_is_filled_to_its_limit_and_not_beyond(streams: int, transactions: list[int]) -> None:
    """One item for each stream, and one for the row that they share."""
    views = CountingViews()
    ledger = Ledger(views)
    ledger.projections = [SHARED]
    ledger.make_runner().project([c for n in range(streams) for c in ledger.append(account(f"a{n}"), *deposits(1))])
    assert views.writes == transactions


@pytest.mark.parametrize(("rows", "parked"), [(99, False), (100, True)])
def test_a_commit_may_write_as_many_rows_as_a_transaction_holds(rows: int, parked: bool) -> None:
    ledger = Ledger()
    ledger.projections = [SHARED]
    runner = ledger.make_runner()
    batch = ledger.append(ANNA, *(event for n in range(rows) for event in deposits(1, note=f"n{n}")))
    assert bool(runner.project(batch)) == parked
    assert ledger.checkpoint(ANNA) == (0 if parked else rows)


@pytest.mark.parametrize(("rows", "updates"), [((50, 49), [1]), ((50, 50), [1, 1])])
def test_commits_of_one_stream_share_a_transaction_as_long_as_it_holds_their_rows(
    rows: tuple[int, int], updates: list[int]
) -> None:
    views = CountingViews()
    ledger = Ledger(views)
    ledger.projections = [SHARED]
    names = (f"n{number}" for number in count())
    commits = [
        c for n in rows for c in ledger.append(ANNA, *(e for _ in range(n) for e in deposits(1, note=next(names))))
    ]
    ledger.make_runner().project(commits)
    assert views.writes == updates


def test_writes_of_a_commit_act_on_their_row_in_order() -> None:
    ledger = Ledger()
    events = [*deposits(9), Withdrawn(amount=2), *deposits(3), Withdrawn(amount=1), *deposits(7)]
    ledger.runner.project(ledger.append(ANNA, *events))
    (row,) = ledger.views.rows(Generation("turnover"), "acme", "growing")
    assert (row.sort, row.fields, row.version) == ("anna", {"amount": 7}, 1)
    (sums,) = ledger.views.rows(Generation("turnover"), "acme", "sums")
    assert sums.fields == {"in": 19, "count": 3, "out": 3}


def test_lag_is_reported_for_what_was_written() -> None:
    ledger = Ledger()
    ledger.runner.project(ledger.append(ANNA, *deposits(1)))
    assert [name for name, _ in ledger.telemetry.durations] == ["ProjectionLag", "ProjectionLag"]
    assert all(0 < lag < 100 for _, lag in ledger.telemetry.durations)
