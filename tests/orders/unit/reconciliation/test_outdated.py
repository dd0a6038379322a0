"""A projection whose rows another version made is named, and is no drift."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.orders.support.reconciliation import ORDERS, ReconciliationFixture
from tests.support.engines import MemoryEngine

from banyan.projections.state import ProjectionState
from banyan.projections.views import Generation
from banyan.reconciliation.report import Report, Section
from orders import DOMAIN


def section(report: Report, name: str) -> Section:
    """One section of a report."""
    return next(each for each in report.sections if each.name == name)


@pytest.mark.parametrize(("made_by", "differences"), [(1, 1), (99, 0)], ids=["current", "outdated"])
def test_rows_of_another_version_are_not_compared(made_by: int, differences: int) -> None:
    reconciled = ReconciliationFixture(MemoryEngine())
    declared = next(each for each in DOMAIN.projections if each.name == "order").version
    reconciled.engine.projection_states().put(ProjectionState("order").noted(declared if made_by == 1 else made_by))
    generation = Generation("order")
    row = reconciled.views.states(generation, [ORDERS[0]])[ORDERS[0]]
    reconciled.views.put_state(generation, replace(row, state=row.state.replace("c-1", "c-9")), row.version)

    report = reconciled.reconcile(full=True)
    assert section(report, "order").differences == differences
    assert report.drifted is bool(differences)
    assert ("rebuild it" in section(report, "order").note) is not bool(differences)
    assert section(report, "daily_sales").compared > 0
