"""Planted differences are found and named; what is merely on its way is not reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial

import pytest
from tests.engines import DynamoDBEngine, Engine
from tests.support import ManualClock, no_sleep
from tests.unit.projections.harness import CountingTelemetry

from banyan.commands import CommandHandler
from banyan.projections.base import Add
from banyan.projections.runner import ProjectionRunner
from banyan.projections.views import Generation, Move
from banyan.reconciliation.reconciler import Reconciler
from banyan.reconciliation.report import DynamoDBReports, Report
from banyan.snapshots import write_snapshot
from banyan.store import Commit
from banyan.streams import BEGINNING_OF_TIME, StreamId
from orders import DOMAIN
from orders.commands import CreateOrder, PayOrder
from orders.decider import ORDER
from orders.events import Item
from orders.inventory.commands import ReceiveStock
from orders.inventory.decider import INVENTORY

TEA = StreamId("acme", "inventory", "sku.tea")
ORDERS = [StreamId("acme", "order", f"o-{n}") for n in range(5)]


class Shop:
    """Projected orders of one tenant, tea in stock, and a reconciler that may be disturbed while it pauses."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.clock = ManualClock()
        self.store = engine.store(DOMAIN.registry, self.clock)
        self.views = engine.views()
        self.telemetry = CountingTelemetry()
        self.runner = ProjectionRunner(
            self.store, self.views, DOMAIN.projections, DOMAIN.deciders, clock=self.clock, sleep=no_sleep
        )
        CommandHandler(self.store, INVENTORY).handle(TEA, ReceiveStock(sku="tea", quantity=10, at=BEGINNING_OF_TIME))
        for stream in ORDERS:
            self.sell(stream)
        for stream in (TEA, *ORDERS):
            self.project(stream)

    def sell(self, stream: StreamId) -> None:
        handler = CommandHandler(self.store, ORDER)
        items = (Item(sku="tea", quantity=2, price=Decimal("4.50")),)
        handler.handle(stream, CreateOrder(order_id=stream.id, customer_id="c-1", items=items))
        handler.handle(stream, PayOrder(amount=Decimal("9.00")))

    def project(self, stream: StreamId) -> None:
        self.runner.project(self.store.commits(stream))

    def reconcile(self, meanwhile: Sequence[Callable[[], object]] = ()) -> Report:
        """One run; each pause of it does the next thing."""
        todo: Iterator[Callable[[], object]] = iter(meanwhile)

        def pause(seconds: float) -> None:  # noqa: ARG001
            next(todo, lambda: None)()

        return Reconciler(
            self.store,
            self.views,
            DOMAIN,
            clock=self.clock,
            telemetry=self.telemetry,
            sleep=pause,
        ).run()


@pytest.fixture
def shop(engine: Engine) -> Shop:
    return Shop(engine)


def found(report: Report) -> set[tuple[str, str, str]]:
    return {(section.name, finding.kind, finding.where) for section in report.sections for finding in section.findings}


def test_a_healthy_shop_has_no_differences(shop: Shop) -> None:
    report = shop.reconcile()

    assert found(report) == set()
    assert not report.drifted
    assert shop.telemetry.counts["ReconciliationDrift"] == 0
    assert {section.name: section.compared for section in report.sections}["streams"] == len([TEA, *ORDERS])
    assert all(section.compared for section in report.sections)
    assert all(section.expected == section.actual for section in report.sections)


def test_a_changed_row_is_named_down_to_the_field(shop: Shop) -> None:
    generation = Generation("order")
    row = shop.views.states(generation, [ORDERS[1]])[ORDERS[1]]
    shop.views.put_state(generation, replace(row, state=row.state.replace("tea", "rum")), row.version)

    report = shop.reconcile()

    assert found(report) == {("order", "different_row", str(ORDERS[1]))}
    (section,) = [section for section in report.sections if section.name == "order"]
    assert [field.name for field in section.findings[0].fields] == ["items.0.sku"]
    assert section.expected != section.actual
    assert report.drifted
    assert shop.telemetry.counts["ReconciliationDrift"] == 1


def test_an_extra_row_is_found(shop: Shop) -> None:
    generation, ghost = Generation("order"), StreamId("acme", "order", "ghost")
    row = shop.views.states(generation, [ORDERS[0]])[ORDERS[0]]
    shop.views.put_state(generation, replace(row, stream=ghost), 0)

    assert found(shop.reconcile()) == {("order", "extra_row", str(ghost))}


def test_a_stream_that_was_never_projected_is_found_in_every_read_model(shop: Shop) -> None:
    lost = StreamId("acme", "order", "lost")
    shop.sell(lost)

    assert found(shop.reconcile()) == {
        ("order", "missing_row", str(lost)),
        ("order_list", "missing_row", str(lost)),
        ("customer_totals", "stale_stream", str(lost)),
        ("daily_sales", "stale_stream", str(lost)),
    }


def test_a_total_that_is_off_is_found(shop: Shop) -> None:
    wrong = Move(
        stream=StreamId("acme", "order", "elsewhere"),
        from_version=0,
        to_version=1,
        recorded_at=BEGINNING_OF_TIME,
        writes=[[Add("c-1", "-", {"paid_amount": Decimal("0.01")})]],
    )
    rows = shop.views.all_rows(Generation("customer_totals"))
    (key,) = rows
    amount = next(name for name, value in rows[key].fields.items() if value == Decimal("45"))
    shop.views.move(
        Generation("customer_totals"),
        [replace(wrong, writes=[[Add(key.partition, key.sort, {amount: Decimal("0.01")})]])],
        BEGINNING_OF_TIME,
    )

    report = shop.reconcile()

    (finding,) = [f for section in report.sections for f in section.findings]
    assert (finding.where, {field.name for field in finding.fields}) == (
        f"acme#{key.partition}#{key.sort}",
        {"(commits)", amount},
    )


def test_a_forged_commit_and_a_forged_snapshot_are_found(shop: Shop) -> None:
    first = next(shop.store.commits(ORDERS[2]))
    shop.engine.put(replace(first, events=first.events.replace("tea", "rum")))
    snapshot = write_snapshot(shop.store, ORDER, ORDERS[3])
    assert snapshot is not None
    forged = snapshot.state.replace("c-1", "c-2")
    assert forged != snapshot.state
    shop.engine.put(replace(snapshot, state=forged))

    streams = {(kind, where) for name, kind, where in found(shop.reconcile()) if name == "streams"}

    assert ("digest", str(ORDERS[2])) in streams
    assert ("snapshot_state", str(ORDERS[3])) in streams


def test_what_arrives_during_a_pause_is_no_difference(shop: Shop) -> None:
    late = StreamId("acme", "order", "late")
    shop.sell(late)

    report = shop.reconcile(meanwhile=[lambda: shop.project(late)])

    assert found(report) == set()
    assert not report.drifted


def test_a_row_that_keeps_moving_is_in_flight(shop: Shop) -> None:
    """Each pause projects the last order of the customer and makes another: the totals never stand still."""
    fresh = [StreamId("acme", "order", f"fresh-{n}") for n in range(20)]

    def trade(n: int) -> None:
        shop.project(fresh[n])
        shop.sell(fresh[n + 1])

    shop.sell(fresh[0])
    report = shop.reconcile(meanwhile=[partial(trade, n) for n in range(len(fresh) - 1)])

    assert found(report) == set()


def test_reports_are_kept_newest_first(dynamodb: DynamoDBEngine) -> None:
    shop = Shop(dynamodb)
    reports = DynamoDBReports(dynamodb.client, dynamodb.named("reports"))
    runs = [shop.reconcile(), shop.reconcile()]
    for run in runs:
        reports.put(run)

    assert list(reports.latest()) == runs[::-1]
    assert list(reports.latest(1)) == runs[1:]


def test_a_damaged_stream_does_not_stop_the_run(shop: Shop) -> None:
    commits: list[Commit] = list(shop.store.commits(ORDERS[4]))
    shop.engine.remove(commits[0])

    report = shop.reconcile()

    assert ("streams", "gap", str(ORDERS[4])) in found(report)
