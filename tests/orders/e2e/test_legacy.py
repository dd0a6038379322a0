"""A legacy system beside the local stack: what its old programs write is found by reading no more than that."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.orders.unit.importer.files import SAMPLE
from tests.support.clocks import lengthy, wait_until

from banyan.reconciliation.report import Section
from banyan_tools.local.engine import Engine
from orders.tools.demo.operator import Operator
from orders.tools.demo.options import Options
from orders.tools.demo.plan import script
from orders.tools.demo.stage import TENANT, staged
from orders.tools.legacy.kinds import Kind


@pytest.mark.stack
@lengthy
@pytest.mark.parametrize("legacy", Kind)
def test_of_a_legacy_system_only_what_changed_is_read(legacy: Kind, tmp_path: Path) -> None:
    options = Options(Engine.MOTO, legacy, SAMPLE, window=0.1)
    rows = script(options).rows
    with staged(options, tmp_path / "stack") as stage:
        for row in rows:
            stage.program.insert(TENANT, row)
        operator = Operator(stage)
        operator.start()
        operator.begin_backfill()
        wait_until(lambda: told(operator), "every row to be told")
        wait_until(lambda: stage.lag() == 0, "the read models")
        first = compared(operator)
        assert (first.compared, first.differences, first.in_flight) == (len(rows), 0, 0)

        stage.program.update(TENANT, rows[0].order_id, "customer", "c-9")
        wait_until(lambda: stage.lag() == 0, "the change to be marked")
        section = compared(operator)
    (finding,) = section.findings
    assert finding.where.endswith(rows[0].order_id)
    assert [field.name for field in finding.fields] == ["customer_id"]
    indexed, judged, kept = 1, 2, 2
    assert section.rows_read == indexed + judged + kept


def compared(operator: Operator) -> Section:
    """Reconcile what changed; what was found in the legacy system."""
    sections = {section.name: section for section in operator.reconcile().sections}
    return sections["legacy"]


def told(operator: Operator) -> bool:
    """Whether every row became an event."""
    progress = operator.backfill()["progress"]
    return bool(progress and progress["finished"])
