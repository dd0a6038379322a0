"""Rows that streams own against folds of their streams: found, named down to the field, and put right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.clocks import START
from tests.support.ledger import ACCOUNTS, REGISTRY, account, deposits
from tests.support.owned import OWNED, OwnedLedger, assert_folded, line_sort
from tests.support.projections import CountingTelemetry
from tests.unit.reconciliation.test_marking import written

from banyan.documents import MemoryDocuments
from banyan.domain import Domain
from banyan.entrypoints.changes import mark_rows
from banyan.projections import owned
from banyan.projections.items import owned_item_key
from banyan.projections.memory import MemoryViews
from banyan.projections.views import Generation, OwnedRow, OwnedUpdate
from banyan.reconciliation.feeds import DirtySet
from banyan.reconciliation.plan import build_plan
from banyan.reconciliation.reconciler import Reconciler, Runs
from banyan.reconciliation.report import MemoryReports, Report
from banyan.reconciliation.rows import Sources

LIVE, ANNA, BEN = Generation("statement"), account("anna"), account("ben")
WINDOW = timedelta(seconds=5)


class Reconciled:
    """Two accounts with rows, and what reconciles them."""

    def __init__(self) -> None:
        self.ledger = OwnedLedger()
        self.documents, self.domain = MemoryDocuments(), Domain("accounts", REGISTRY, [ACCOUNTS], OWNED)
        for stream in (ANNA, BEN):
            self.ledger.runner.project([self.ledger.commit(stream, *deposits(1, 2, 3, 4, 7))])
        self.ledger.clock.move(3 * WINDOW)

    def plant(self, rows: Mapping[str, OwnedRow | None], unfinished: int = 0) -> None:
        """Change rows of Anna's statement behind the projector's back; the table's stream reports it."""
        carried = self.ledger.views.states(LIVE, [ANNA])[ANNA]
        update = OwnedUpdate(carried, replace(carried, unfinished=unfinished), rows)
        self.ledger.views.update_owned(LIVE, [update])
        keys = [owned_item_key(LIVE, ANNA, sort) for sort in rows]
        mark_rows([written(each) for each in keys], self.documents, self.ledger.clock(), CountingTelemetry())

    def run(self, *, full: bool = False, repair: bool = False) -> Report:
        ledger = self.ledger
        assert isinstance(ledger.views, MemoryViews)
        sources = Sources(ledger.store, ledger.views, ledger.views, self.documents, ledger.runner.retry, ledger.clock)
        plan = build_plan(sources, self.domain, ledger.projection_states, WINDOW, ledger.sleep)
        reconciler = Reconciler(plan, MemoryReports(), Runs(self.documents), ledger.clock, WINDOW)
        report = reconciler.run(full=full, repair=repair)
        assert report
        return report


def found(report: Report) -> list[tuple[str, str, tuple[str, ...]]]:
    return [
        (each.name, finding.kind, tuple(field.name for field in finding.fields))
        for each in report.sections
        for finding in each.findings
    ]


def test_what_is_right_is_equal_and_what_expired_does_not_count() -> None:
    reconciled = Reconciled()
    assert found(reconciled.run(full=True)) == []
    reconciled.ledger.clock.move(timedelta(days=2))
    assert found(reconciled.run()) == found(reconciled.run(full=True)) == []


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("wrong", ["missing", "extra", "other", "unlisted", "unfinished"])
def test_rows_that_differ_are_found_and_put_right(monkeypatch: pytest.MonkeyPatch, wrong: str, full: bool) -> None:
    monkeypatch.setattr(owned, "MAX_OWNED_ROWS", 2)
    reconciled = Reconciled()
    views, second, first = reconciled.ledger.views, line_sort(2), line_sort(1)
    (row,) = views.read_owned(LIVE, ANNA, [second])
    reconciled.run(full=True)
    planted: dict[str, Mapping[str, OwnedRow | None]] = {
        "missing": {second: None, first: None, line_sort(4): None},
        "extra": {"x": replace(row, sort="x")},
        "other": {second: replace(row, content='{"amount":2,"balance":4}')},
        "unlisted": {second: replace(row, lookups={})},
        "unfinished": {second: row},
    }
    reconciled.plant(planted[wrong], unfinished=1 if wrong == "unfinished" else 0)
    reconciled.ledger.clock.move(3 * WINDOW)
    expected = {
        "missing": (f"(rows).{first}", f"(rows).{second}", f"(rows).{line_sort(4)}"),
        "extra": ("(rows).x",),
        "other": (f"(rows).{second}.balance",),
        "unlisted": (f"(rows).{second}.(lookup 1)",),
        "unfinished": ("(unfinished)",),
    }
    assert found(reconciled.run(full=full)) == [("statement", "different_row", expected[wrong])]
    reconciled.run(full=full, repair=True)
    assert_folded(reconciled.ledger, [ANNA, BEN])
    assert views.read_owned(LIVE, ANNA, [second])[0].lookups == row.lookups
    assert found(reconciled.run(full=True)) == []


def test_the_rows_of_a_stream_that_is_gone_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owned, "MAX_OWNED_ROWS", 1)
    reconciled = Reconciled()
    carlo = account("carlo")
    rows = {sort: OwnedRow(carlo, sort, 1, START, START, "{}") for sort in "abcdefghijklmnop"}
    carried = replace(reconciled.ledger.views.states(LIVE, [ANNA])[ANNA], stream=carlo)
    reconciled.ledger.views.update_owned(LIVE, [OwnedUpdate(None, carried, rows)])
    DirtySet(reconciled.documents, str(LIVE)).add([str(carlo)], reconciled.ledger.clock())
    reconciled.ledger.clock.move(3 * WINDOW)
    reconciled.run(repair=True)
    assert list(reconciled.ledger.views.list_owned(LIVE, carlo)) == []
    assert reconciled.ledger.views.states(LIVE, [carlo]) == {}


def test_what_lags_is_brought_up_to_date() -> None:
    reconciled = Reconciled()
    reconciled.ledger.commit(ANNA, *deposits(8))
    reconciled.ledger.clock.move(3 * WINDOW)
    assert {kind for _, kind, _ in found(reconciled.run(full=True, repair=True))} == {"stale_row"}
    assert_folded(reconciled.ledger, [ANNA, BEN])
