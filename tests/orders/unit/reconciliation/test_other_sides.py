"""Any two sides can be compared: a legacy system plugs in with a feed and a read, and little of it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import pytest
from tests.orders.support.reconciliation import ReconciliationFixture
from tests.support.clocks import START, lengthy
from tests.support.engines import MemoryEngine

from banyan.documents import Documents
from banyan.reconciliation.feeds import CompositeFeed, DirtySet, FullListing
from banyan.reconciliation.report import Finding, Report, Section
from banyan.reconciliation.sides import Content, ContentComparison, Listing


class Legacy:
    """A system with rows, in which every write leaves a mark, as a trigger does it."""

    def __init__(self, name: str, documents: Documents, rows: dict[str, Content]) -> None:
        self.name = name
        self.rows = rows
        self.reads: list[str] = []
        self._marks = DirtySet(documents, name)
        self.feed = CompositeFeed(FullListing(documents, name, self._page), self._marks)

    def read(self, ids: Sequence[str]) -> Mapping[str, Content]:
        self.reads += ids
        return {id: self.rows[id] for id in ids if id in self.rows}

    def put(self, id: str, content: Content) -> None:
        self.rows[id] = content
        self._marks.add([id], START)

    def _page(self, position: str, limit: int) -> Listing:
        ids = sorted(id for id in self.rows if id > position)
        return Listing(tuple(ids[:limit]), ids[limit - 1] if len(ids) > limit else None)


class Migration:
    """Two systems that hold the same orders, and what reconciles them."""

    def __init__(self, orders: int) -> None:
        self.engine = MemoryEngine()
        rows: dict[str, Content] = {f"acme:order:o-{n}": {"total": Decimal(n), "open": True} for n in range(orders)}
        self.legacy = Legacy("legacy", self.engine.documents(), dict(rows))
        self.copy = Legacy("copy", self.engine.documents(), dict(rows))
        self.reconciled = ReconciliationFixture(
            self.engine, [ContentComparison("legacy", self.legacy, self.copy, self._repair)], orders=0
        )

    def reconcile(self, *, full: bool = False, repair: bool = False) -> tuple[Report, Section]:
        self.legacy.reads, self.copy.reads = [], []
        report = self.reconciled.reconcile(full=full, repair=repair)
        return report, next(section for section in report.sections if section.name == "legacy")

    def _repair(self, finding: Finding) -> str:
        self.copy.put(finding.where, self.legacy.rows[finding.where])
        return "the order was corrected"


def test_a_write_behind_the_facades_back_is_found_named_and_put_right() -> None:
    migration = Migration(50)
    assert migration.reconcile()[1].differences == 0

    migration.legacy.put("acme:order:o-7", {"total": Decimal("7.01"), "open": True})
    report, section = migration.reconcile(repair=True)
    (finding,) = section.findings
    assert (finding.where, finding.kind) == ("acme:order:o-7", "different_row")
    assert [(f.name, f.expected, f.actual) for f in finding.fields] == [("total", "7.01", "7")]
    assert finding.repair == "the order was corrected"
    assert report.repaired == 1

    again, section = migration.reconcile()
    assert section.findings == ()
    assert section.expected == section.actual
    assert not again.drifted


def test_a_full_run_reads_each_row_once_and_asks_for_those_that_are_gone() -> None:
    migration = Migration(50)
    migration.reconcile()
    ids = sorted(migration.legacy.rows)
    del migration.copy.rows[ids[0]]

    _, section = migration.reconcile(full=True)
    assert [(finding.where, finding.kind) for finding in section.findings] == [(ids[0], "missing_row")]
    assert sorted(migration.legacy.reads[: len(ids)]) == ids
    judged_and_kept = 4
    assert (len(migration.legacy.reads), len(migration.copy.reads)) == (50 + judged_and_kept, 50 + judged_and_kept)


@pytest.mark.parametrize(("orders", "depth"), [(1_000, 3), (10_000, 4), pytest.param(100_000, 5, marks=lengthy)])
def test_rows_read_grow_with_what_differs_and_not_with_what_there_is(orders: int, depth: int) -> None:
    migration = Migration(orders)
    migration.reconcile()
    ids = list(migration.legacy.rows)
    for differences in (0, 1, 10):
        changed = ids[:differences]
        for id in changed:
            migration.copy.put(id, {"total": Decimal(-1), "open": False})

        _, section = migration.reconcile()

        assert sorted(finding.where for finding in section.findings) == sorted(changed)
        assert len(migration.legacy.reads) <= 4 * differences
        assert len(migration.copy.reads) <= 5 * differences
        assert section.rows_read <= 5 * differences
        assert section.nodes_read <= 4 + 10 * depth * differences
