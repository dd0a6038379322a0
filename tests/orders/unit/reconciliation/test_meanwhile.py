"""A repair never undoes what others write while it works, at whichever of its requests they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count

import pytest
from tests.orders.contract.test_reconciliation import TOTALS, falsify_total, lose_total
from tests.orders.support.reconciliation import ORDERS, TEA, ReconciliationFixture
from tests.support.engines import MemoryEngine

from banyan.commands.handler import CommandHandler
from banyan.projections.base import ViewProjection
from banyan.projections.check import ViewFold, compare_rows, fold_commits
from banyan.projections.views import Generation, ViewKey, ViewRow, named_row
from banyan.reconciliation.report import Finding
from banyan.streams import BEGINNING_OF_TIME, StreamId
from orders import DOMAIN
from orders.inventory.commands import ReceiveStock
from orders.inventory.decider import INVENTORY
from orders.projections.stock import STOCK

ROWS = Generation("stock")
COFFEE = StreamId("acme", "inventory", "sku.coffee")


def receive(reconciled: ReconciliationFixture, stream: StreamId) -> None:
    """Stock arrives twice, and the read model takes it in."""
    command = ReceiveStock(sku=stream.id.removeprefix("sku."), quantity=1, at=BEGINNING_OF_TIME)
    for _ in range(2):
        CommandHandler(reconciled.store, INVENTORY).handle(stream, command)
    reconciled.project(stream)


def edited(reconciled: ReconciliationFixture) -> Finding:
    row = reconciled.views.states(ROWS, [TEA])[TEA]
    reconciled.views.put_state(ROWS, replace(row, state=row.state.replace("tea", "rum")), row.version)
    return Finding(where=str(TEA), kind="different_row")


def lost(reconciled: ReconciliationFixture) -> Finding:
    reconciled.engine.row_repair().remove_state(ROWS, reconciled.views.states(ROWS, [TEA])[TEA])
    return Finding(where=str(TEA), kind="missing_row")


def set_back(reconciled: ReconciliationFixture) -> Finding:
    lost(reconciled)
    reconciled.runner.project([next(reconciled.store.commits(TEA))])
    return Finding(where=str(TEA), kind="stale_row")


def made_up(reconciled: ReconciliationFixture) -> Finding:
    """A row of a stream that does not exist, until someone writes to it."""
    row = reconciled.views.states(ROWS, [TEA])[TEA]
    reconciled.views.put_state(ROWS, replace(row, stream=COFFEE, version=1), 0)
    return Finding(where=str(COFFEE), kind="extra_row")


@pytest.mark.parametrize("plant", [edited, lost, set_back, made_up])
def test_a_row_of_a_stream_ends_as_its_stream_whenever_that_moves_on(
    plant: Callable[[ReconciliationFixture], Finding],
) -> None:
    for request in count(1):
        reconciled = ReconciliationFixture(MemoryEngine(), orders=0)
        finding = plant(reconciled)
        stream = StreamId.parse(finding.where)
        reached = repaired(reconciled, "stock", finding, request, lambda: receive(reconciled, stream))  # noqa: B023
        row, commits = reconciled.views.states(ROWS, [stream]).get(stream), list(reconciled.store.commits(stream))
        fold = fold_commits(STOCK, reconciled.store, commits)
        assert (row and (row.version, row.state)) == (fold and (fold.version, fold.state))
        if not reached:
            break
    assert request > 3


def invented(reconciled: ReconciliationFixture) -> Finding:
    """Sums of a customer who never bought, until then."""
    totals = Generation("customer_totals")
    key = named_row(TOTALS.replace("c-1", "c-2"))
    row = reconciled.views.all_rows(totals)[named_row(TOTALS)]
    reconciled.engine.row_repair().replace_row(totals, key, None, replace(row, partition="c-2"))
    return Finding(where=TOTALS.replace("c-1", "c-2"), kind="extra_row")


def falsified(reconciled: ReconciliationFixture) -> Finding:
    falsify_total(reconciled)
    return Finding(where=TOTALS, kind="different_row")


def gone(reconciled: ReconciliationFixture) -> Finding:
    lose_total(reconciled)
    return Finding(where=TOTALS, kind="missing_row")


@pytest.mark.parametrize("plant", [falsified, gone, invented])
def test_a_shared_row_ends_as_its_fold_whenever_one_of_its_streams_moves_on(
    plant: Callable[[ReconciliationFixture], Finding],
) -> None:
    late = StreamId("acme", "order", "late")
    for request in count(1):
        reconciled = ReconciliationFixture(MemoryEngine(), orders=2)
        reconciled.reconcile()
        finding = plant(reconciled)
        reconciled.age()

        def buy() -> None:
            reconciled.sell(late)  # noqa: B023
            reconciled.project(late)  # noqa: B023

        reached = repaired(reconciled, "customer_totals", finding, request, buy)
        assert compare_rows(sums(reconciled, [*ORDERS[:2], late]), shown(reconciled)) == []
        if not reached:
            break
    assert request > 3


def sums(reconciled: ReconciliationFixture, streams: list[StreamId]) -> Mapping[ViewKey, ViewRow]:
    (projection,) = (each for each in DOMAIN.projections if each.name == "customer_totals")
    assert isinstance(projection, ViewProjection)
    fold = ViewFold(projection, reconciled.store)
    for stream in streams:
        fold.apply(stream)
    return fold.rows()


def shown(reconciled: ReconciliationFixture) -> Mapping[ViewKey, ViewRow]:
    return reconciled.views.all_rows(Generation("customer_totals"))


def repaired(
    reconciled: ReconciliationFixture, section: str, finding: Finding, request: int, act: Callable[[], None]
) -> bool:
    """Repair, while others act before one request; whether there was such a request."""
    plan, left = reconciled.plan(), [request]

    def step() -> None:
        left[0] -= 1
        if left[0] == 0:
            reconciled.between = lambda: None
            act()

    reconciled.between = step
    plan.repair(section, finding)
    reconciled.between = lambda: None
    return left[0] <= 0
