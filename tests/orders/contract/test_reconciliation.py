"""Planted differences are found, named and put right; what is merely on its way is not reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any

import pytest
from tests.orders.support.reconciliation import ORDERS, TEA, WINDOW, Found, ReconciliationFixture, finding, found
from tests.support.clocks import no_sleep
from tests.support.engines import BUCKETS, DynamoDBEngine, Engine

from banyan.adapters.dynamodb.reports import DynamoDBReports
from banyan.commands.handler import CommandHandler
from banyan.projections.base import Add
from banyan.projections.state import change
from banyan.projections.views import Generation, ViewUpdate, named_row
from banyan.reconciliation.feeds import OVERLAP
from banyan.store.base import LogEntry
from banyan.store.eventstore import write_snapshot
from banyan.streams import BEGINNING_OF_TIME, StreamId
from orders.commands import AddItem, CreateOrder
from orders.decider import ORDER
from orders.events import Item
from orders.inventory.commands import ReceiveStock
from orders.inventory.decider import INVENTORY
from orders.projections.customer_totals import TOTALS as SORT

ROWS = Generation("order")
GHOST = StreamId("acme", "order", "ghost")
MOVING_REQUESTS, ENOUGH_REQUESTS = 300, 3_000
TOTALS = f"acme#c-1#{SORT}"


def change_field(reconciled: ReconciliationFixture) -> Found:
    """A person edits a row."""
    row = reconciled.views.states(ROWS, [ORDERS[1]])[ORDERS[1]]
    reconciled.views.put_state(ROWS, replace(row, state=row.state.replace("tea", "rum")), row.version)
    return {("order", "different_row", str(ORDERS[1]))}


def round_amount(reconciled: ReconciliationFixture) -> Found:
    """A price loses a cent."""
    row = reconciled.views.states(ROWS, [ORDERS[1]])[ORDERS[1]]
    assert "4.50" in row.state
    reconciled.views.put_state(ROWS, replace(row, state=row.state.replace("4.50", "4.49")), row.version)
    return {("order", "different_row", str(ORDERS[1]))}


def put_garbage(reconciled: ReconciliationFixture) -> Found:
    """A row's state cannot be read any more."""
    row = reconciled.views.states(ROWS, [ORDERS[1]])[ORDERS[1]]
    reconciled.views.put_state(ROWS, replace(row, state="{"), row.version)
    return {("order", "different_row", str(ORDERS[1]))}


def lose_row(reconciled: ReconciliationFixture) -> Found:
    """A person deletes a row."""
    reconciled.engine.row_repair().remove_state(ROWS, reconciled.views.states(ROWS, [ORDERS[2]])[ORDERS[2]])
    return {("order", "missing_row", str(ORDERS[2]))}


def add_row(reconciled: ReconciliationFixture) -> Found:
    """A person makes a row up."""
    row = reconciled.views.states(ROWS, [ORDERS[0]])[ORDERS[0]]
    reconciled.views.put_state(ROWS, replace(row, stream=GHOST), 0)
    return {("order", "extra_row", str(GHOST))}


def set_back(reconciled: ReconciliationFixture) -> Found:
    """A row is set back to what it was, or its last event never arrived."""
    row = reconciled.views.states(ROWS, [ORDERS[3]])[ORDERS[3]]
    reconciled.engine.row_repair().remove_state(ROWS, row)
    first = next(reconciled.store.commits(ORDERS[3]))
    reconciled.runner.project([first])
    return {("order", "stale_row", str(ORDERS[3]))}


def lose_delivery(reconciled: ReconciliationFixture) -> Found:
    """The records of a stream never arrive."""
    lost = StreamId("acme", "order", "lost")
    reconciled.sell(lost)
    return {
        ("order", "missing_row", str(lost)),
        ("order_list", "missing_row", str(lost)),
        ("customer_totals", "stale_stream", str(lost)),
        ("daily_sales", "stale_stream", str(lost)),
    }


def falsify_total(reconciled: ReconciliationFixture) -> Found:
    """A sum grows by a cent."""
    move = ViewUpdate(
        StreamId("acme", "order", "elsewhere"), 0, 1, BEGINNING_OF_TIME, [[Add("c-1", SORT, {"paidAmount": 1})]]
    )
    totals = Generation("customer_totals")
    reconciled.views.update(totals, [move], BEGINNING_OF_TIME)
    return {("customer_totals", "different_row", TOTALS)}


def lose_total(reconciled: ReconciliationFixture) -> Found:
    """A row of sums is gone."""
    totals, key = Generation("customer_totals"), named_row(TOTALS)
    reconciled.engine.row_repair().replace_row(totals, key, reconciled.views.all_rows(totals)[key], None)
    return {("customer_totals", "missing_row", TOTALS)}


def forge_snapshot(reconciled: ReconciliationFixture) -> Found:
    """A snapshot says what never happened."""
    snapshot = write_snapshot(reconciled.store, ORDER, ORDERS[3])
    assert snapshot is not None
    forged = replace(snapshot, state=snapshot.state.replace("c-1", "c-2"))
    assert forged != snapshot
    reconciled.engine.put(forged)
    reconciled.touched(ORDERS[3])
    return {("streams", "snapshot_state", str(ORDERS[3]))}


def corrupt_event(reconciled: ReconciliationFixture) -> Found:
    """A commit is rewritten."""
    first = next(reconciled.store.commits(ORDERS[4]))
    reconciled.engine.put(replace(first, events=first.events.replace("tea", "rum")))
    reconciled.touched(ORDERS[4])
    return {
        ("streams", "digest", str(ORDERS[4])),
        ("order", "unverifiable_row", str(ORDERS[4])),
        ("order_list", "unverifiable_row", str(ORDERS[4])),
    }


def remove_stream(reconciled: ReconciliationFixture) -> Found:
    """All commits of a stream are removed."""
    for commit in list(reconciled.store.commits(ORDERS[4])):
        reconciled.engine.remove(commit)
    reconciled.touched(ORDERS[4])
    return {
        ("streams", "removed", str(ORDERS[4])),
        ("order", "extra_row", str(ORDERS[4])),
        ("order_list", "extra_row", str(ORDERS[4])),
    }


REPAIRABLE = (
    change_field,
    round_amount,
    put_garbage,
    lose_row,
    add_row,
    set_back,
    lose_delivery,
    falsify_total,
    lose_total,
    forge_snapshot,
)
VIEWS = ("customer_totals", "daily_sales")
FOLLOWS = ("unfoldable_stream", "unverifiable_row")
"""What is said of sums when the history of one of their streams is lost."""

IN_PLACE = frozenset({"different_row", "missing_row", "extra_row", "stale_row"})
"""What a run repairs is equal in its own report already, unless a whole stream had to be taken in again."""

TOGETHER = (change_field, lose_row, add_row, set_back, lose_delivery, falsify_total, forge_snapshot)
FOR_GOOD = (corrupt_event, remove_stream)

Plant = Callable[[ReconciliationFixture], Found]


def test_a_healthy_shop_has_no_differences(memory: Engine) -> None:
    reconciled = ReconciliationFixture(memory)
    report = reconciled.reconcile()

    assert found(report) == set()
    assert not report.drifted
    assert reconciled.telemetry.counts["ReconciliationDrift"] == 0
    assert reconciled.notes.sent == []
    assert {section.name: section.compared for section in report.sections} == {
        "streams": len([TEA, *ORDERS]),
        "order": len(ORDERS),
        "order_list": len(ORDERS),
        "customer_totals": 1,
        "daily_sales": 1,
        "stock": 1,
    }
    assert all(section.expected == section.actual for section in report.sections)
    assert report.verified_through == report.started_at - WINDOW


@pytest.mark.parametrize("plant", REPAIRABLE + FOR_GOOD)
@pytest.mark.parametrize("full", [False, True])
def test_what_is_planted_is_found_each_time_until_it_is_put_right(memory: Engine, plant: Plant, full: bool) -> None:
    reconciled = ReconciliationFixture(memory)
    assert found(reconciled.reconcile()) == set()
    planted = plant(reconciled)
    reconciled.age()

    for _ in range(2):
        report = reconciled.reconcile(full=full)
        assert {each for each in found(report) if each[0] not in VIEWS or each[1] not in FOLLOWS} == planted
        assert report.drifted
        assert reconciled.notes.sent[-1][0] == "ReconciliationDrift"
        reconciled.age()


def together(reconciled: ReconciliationFixture) -> Found:
    """Everything that can be planted side by side."""
    return {found for plant in TOGETHER for found in plant(reconciled)}


@pytest.mark.parametrize("plant", REPAIRABLE)
def test_what_is_planted_is_put_right(memory: Engine, plant: Plant) -> None:
    put_right(ReconciliationFixture(memory), plant)


def test_a_repair_reads_everything_first_also_what_nothing_told_of(memory: Engine) -> None:
    reconciled = ReconciliationFixture(memory)
    reconciled.reconcile()
    planted = change_field(reconciled)
    reconciled.age()
    report = reconciled.reconciler().run(repair=True)
    assert report
    assert (found(report), report.full) == (planted, True)


def test_all_is_found_and_put_right_on_dynamodb_too(dynamodb: DynamoDBEngine) -> None:
    put_right(ReconciliationFixture(dynamodb), together)


def put_right(reconciled: ReconciliationFixture, plant: Plant) -> None:
    """Plant, find and repair; the run after that is clean."""
    planted = plant(reconciled)
    reconciled.age()

    report = reconciled.reconcile(repair=True)
    assert found(report) == planted
    assert report.repaired == report.differences
    assert all(s.expected == s.actual for s in report.sections if {f.kind for f in s.findings} <= IN_PLACE)
    assert all(f.repair and not f.repair.startswith("not") for s in report.sections for f in s.findings)

    reconciled.age()
    again = reconciled.reconcile()
    assert found(again) == set()
    assert not again.drifted
    assert all(section.expected == section.actual for section in again.sections)


@pytest.mark.parametrize("plant", FOR_GOOD)
def test_history_is_never_repaired(memory: Engine, plant: Plant) -> None:
    reconciled = ReconciliationFixture(memory)
    reconciled.reconcile()
    planted = plant(reconciled)
    before = {stream: list(memory.table().forward(stream, 0)) for stream in ORDERS}
    totals = reconciled.views.all_rows(Generation("customer_totals"))
    reconciled.age()

    report = reconciled.reconcile(repair=True)

    assert {each for each in found(report) if each[0] == "streams"} == {e for e in planted if e[0] == "streams"}
    assert finding(report, "streams").repair.startswith("not repaired")
    assert report.repaired == 0
    assert reconciled.views.all_rows(Generation("customer_totals")) == totals
    assert {stream: list(memory.table().forward(stream, 0)) for stream in ORDERS} == before


def test_differences_are_named_down_to_the_field(memory: Engine) -> None:
    reconciled = ReconciliationFixture(memory)
    round_amount(reconciled)
    falsify_total(reconciled)
    report = reconciled.reconcile()

    (price,) = finding(report, "order").fields
    assert (price.name, price.expected, price.actual) == ("items.0.price", "4.5", "4.49")
    assert {f.name for f in finding(report, "customer_totals").fields} == {"(commits)", "paidAmount"}


def test_what_arrives_during_a_pause_is_no_difference(memory: Engine) -> None:
    reconciled = ReconciliationFixture(memory)
    late = StreamId("acme", "order", "late")
    reconciled.sell(late)
    reconciled.age()

    report = reconciled.reconcile(meanwhile=[lambda: reconciled.project(late)] * 4)

    assert found(report) == set()
    assert not report.drifted
    assert all(section.expected == section.actual for section in report.sections)


def test_what_a_slow_clock_recorded_before_the_last_run_is_found(memory: Engine) -> None:
    reconciled = ReconciliationFixture(memory)
    reconciled.reconcile()
    lost = [StreamId("acme", "order", f"lost-{number}") for number in range(8)]
    now, store = reconciled.clock.now, reconciled.store
    reconciled.clock.now = now - OVERLAP / 2
    for stream in lost:
        reconciled.sell(stream)
    reconciled.clock.now, reconciled.store = now, store
    reconciled.age()
    assert {where for name, kind, where in found(reconciled.reconcile()) if name == "order"} == set(map(str, lost))


def test_a_row_that_lacks_an_old_event_is_stale_however_new_its_latest_is(memory: Engine) -> None:
    reconciled = ReconciliationFixture(memory)
    handler = CommandHandler(reconciled.store, INVENTORY)
    receive = ReceiveStock(sku="tea", quantity=1, at=BEGINNING_OF_TIME)
    handler.handle(TEA, receive)
    reconciled.age()
    news = [lambda: handler.handle(TEA, receive)] * 10
    handler.handle(TEA, receive)
    assert found(reconciled.reconcile(news)) == {("stock", "stale_row", str(TEA))}


def test_a_report_vouches_for_nothing_later_than_what_is_still_on_its_way(memory: Engine) -> None:
    """A paused projection may owe much: the oldest of it counts."""
    reconciled = ReconciliationFixture(memory)
    reconciled.reconcile()
    change(memory.projection_states(), "customer_totals", lambda state: state.paused(reconciled.clock(), "why", "ops"))
    late = [StreamId("acme", "order", f"late-{number}") for number in range(3)]
    for stream in late:
        reconciled.sell(stream)
        reconciled.clock.move(timedelta(hours=1))
    report = reconciled.reconcile()
    assert report.verified_through == next(reconciled.store.commits(late[0])).recorded_at


def test_a_run_reads_what_came_since_the_last_one_and_no_other_history(memory: Engine) -> None:
    """Whichever buckets of the log the news are in: each has a place of its own."""
    reconciled, read = ReconciliationFixture(memory, orders=0), list[int]()

    def sell_later(name: str) -> None:
        reconciled.clock.move(timedelta(hours=1))
        reconciled.sell(StreamId("acme", "order", name))
        reconciled.project(StreamId("acme", "order", name))
        reconciled.age()

    for number in range(24):
        sell_later(f"o-{number}")
    for number in range(4):
        report = reconciled.reconcile()
        read.append(next(section.rows_read for section in report.sections if section.name == "streams"))
        sell_later(f"news-{number}")
    assert read[0] >= 25
    assert max(read[1:]) <= BUCKETS + 1


def test_a_row_that_keeps_moving_is_in_flight(memory: Engine) -> None:
    """Each pause projects the last order of the customer and makes another: the totals never stand still."""
    reconciled = ReconciliationFixture(memory)
    fresh = [StreamId("acme", "order", f"fresh-{n}") for n in range(40)]

    def trade(n: int) -> None:
        reconciled.project(fresh[n])
        reconciled.sell(fresh[n + 1])

    reconciled.sell(fresh[0])
    report = reconciled.reconcile(meanwhile=[partial(trade, n) for n in range(len(fresh) - 1)])

    assert found(report) == set()
    assert report.verified_through is not None
    assert report.verified_through <= report.started_at


def test_rows_of_a_stream_that_the_index_does_not_name_yet_are_on_their_way(memory: Engine) -> None:
    reconciled = ReconciliationFixture(memory)
    reconciled.sell(GHOST)
    reconciled.project(GHOST)
    late: Any = LateIndex(memory.table(), lambda: reconciled.clock.now - 2.5 * WINDOW)
    reconciled.engine.table = lambda: late  # type: ignore[method-assign]

    assert found(reconciled.reconcile()) == set()


class LateIndex:
    """An event table whose index names no commit that was recorded after a moment."""

    def __init__(self, table: Any, until: Callable[[], datetime]) -> None:
        self._table = table
        self._until = until

    def log(self, bucket: int, after: datetime | None = None) -> Iterator[LogEntry]:
        return (entry for entry in self._table.log(bucket, after) if entry.recorded_at <= self._until())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)


def test_streams_that_move_on_within_a_run_do_not_hold_it_up(memory: Engine) -> None:
    """What the run read of a stream is old soon after, and every request sees it move on."""
    reconciled = ReconciliationFixture(memory)
    handler, requests, opened = CommandHandler(reconciled.store, ORDER), count(1), StreamId("acme", "order", "open")
    item = Item(sku="tea", quantity=1, price=Decimal("4.50"))
    handler.handle(opened, CreateOrder(order_id="open", customer_id="c-1", items=(item,)))
    reconciled.project(opened)

    def trade() -> None:
        number = next(requests)
        assert number < ENOUGH_REQUESTS, "the run does not end"
        if number % 5 == 0 and number < MOVING_REQUESTS:
            handler.handle(opened, AddItem(item=item))
            reconciled.project(opened)

    reconciled.between = trade
    assert found(reconciled.reconcile(full=True)) == set()
    assert next(requests) > MOVING_REQUESTS // 2


@pytest.mark.parametrize(("projected", "kind"), [(0, "missing_row"), (1, "stale_row")])
def test_an_event_that_is_only_just_recorded_is_in_flight_and_later_stale(
    memory: Engine, projected: int, kind: str
) -> None:
    reconciled = ReconciliationFixture(memory)
    reconciled.sell(GHOST)
    commits = list(reconciled.store.commits(GHOST))
    reconciled.runner.project(commits[:projected])
    passing, reconciled.sleep = reconciled.sleep, no_sleep  # type: ignore[method-assign]
    young = reconciled.reconcile()
    reconciled.sleep = passing  # type: ignore[method-assign]
    assert found(young) == set()
    moving = {section.name for section in young.sections if str(GHOST) in section.moving}
    assert {"order", "customer_totals"} <= moving
    assert young.verified_through is not None
    assert young.verified_through <= commits[projected].recorded_at
    late = {("order", kind, str(GHOST)), ("customer_totals", "stale_stream", str(GHOST))}
    assert late <= found(reconciled.reconcile())


def test_reports_are_kept_newest_first(dynamodb: DynamoDBEngine) -> None:
    reconciled = ReconciliationFixture(dynamodb, orders=1)
    runs = [reconciled.reconcile(), reconciled.reconcile()]
    reports = DynamoDBReports(dynamodb.gateway, dynamodb.tables.reports)

    assert list(reports.latest()) == runs[::-1]
    assert list(reports.latest(1)) == runs[1:]
    assert reports.find(runs[0].started_at) == runs[0]
    assert reports.find(BEGINNING_OF_TIME) is None


def test_decimals_of_sums_survive_the_reconciliations_own_table(dynamodb: DynamoDBEngine) -> None:
    reconciled = ReconciliationFixture(dynamodb, orders=0)
    reconciled.sell(GHOST, price="0.10")
    reconciled.project(GHOST)
    reconciled.age()
    assert found(reconciled.reconcile()) == set()
    assert reconciled.views.all_rows(Generation("customer_totals"))[named_row(TOTALS)].fields["paidAmount"] == Decimal(
        "0.2"
    )
