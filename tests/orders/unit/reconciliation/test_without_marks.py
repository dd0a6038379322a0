"""With ``RowMarks=off`` no row is marked as changed: runs stay right about events, and full ones see the rest."""

from __future__ import annotations

from dataclasses import replace

from tests.orders.support.reconciliation import ReconciliationFixture, found
from tests.support.engines import MemoryEngine

from banyan.projections.views import Generation
from banyan.streams import StreamId

ORDER = Generation("order")


def unmarked() -> ReconciliationFixture:
    """Orders that were reconciled once; nothing hands over what the stream of the rows reports."""
    reconciled = ReconciliationFixture(MemoryEngine())
    reconciled.feed.deliver = lambda: None  # type: ignore[method-assign]
    assert found(reconciled.reconcile(full=True)) == set()
    return reconciled


def test_rows_that_events_changed_are_compared_as_they_are() -> None:
    reconciled = unmarked()
    for number in (0, 100):
        stream = StreamId("acme", "order", f"unmarked-{number}")
        reconciled.sell(stream)
        reconciled.project(stream)
        reconciled.age()
        report = reconciled.reconcile()
        assert found(report) == set()
    assert all(section.expected == section.actual for section in report.sections)


def test_a_row_that_events_did_not_reach_is_found() -> None:
    reconciled = unmarked()
    stream = StreamId("acme", "order", "not-projected")
    reconciled.sell(stream)
    reconciled.age()
    assert ("order", "missing_row", str(stream)) in found(reconciled.reconcile())


def test_a_row_that_was_written_past_the_engine_is_found_by_a_full_run() -> None:
    reconciled = unmarked()
    stream = StreamId("acme", "order", "o-0")
    row = reconciled.views.states(ORDER, [stream])[stream]
    forged = replace(row, state=row.state.replace("c-1", "c-2"))
    reconciled.views.put_state(ORDER, forged, row.version)
    reconciled.age()
    assert found(reconciled.reconcile()) == set()
    assert found(reconciled.reconcile(full=True)) == {("order", "different_row", str(stream))}
