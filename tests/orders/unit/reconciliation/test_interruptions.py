"""A run is cut into segments, resumes after a kill at any request, and no one else runs it meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count, repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.orders.contract.test_reconciliation import TOGETHER, change_field, falsify_total, lose_delivery
from tests.orders.support.reconciliation import Found, ReconciliationFixture, found
from tests.support.engines import MemoryEngine
from tests.support.interruptions import Killed

from banyan.documents import Key, MemoryDocuments
from banyan.projections.views import Generation
from banyan.reconciliation.reconciler import LEASE, RunLost
from banyan.reconciliation.report import MAX_FINDINGS, Report
from banyan.streams import StreamId


def countdown(requests: int) -> Callable[[], None]:
    """Kill the process before a request."""
    left = [requests]

    def step() -> None:
        if left[0] == 0:
            raise Killed
        left[0] -= 1

    return step


def until_finished(reconciled: ReconciliationFixture, kill_after: int) -> tuple[Report, int]:
    """Start again and again, each time a little further from the start of the process, until a run is finished."""
    kills = 0
    while True:
        reconciled.between = countdown(kill_after + kills)
        try:
            report = reconciled.reconciler().go_on() or reconciled.reconciler().run(full=True, repair=True)
            assert report is not None
            return report, kills
        except Killed:
            kills += 1
            reconciled.between = lambda: None
            reconciled.clock.move(LEASE + timedelta(seconds=1))


@pytest.mark.parametrize("kill_after", [0, 7])
def test_a_run_that_is_killed_again_and_again_finds_and_repairs_all(memory: MemoryEngine, kill_after: int) -> None:
    reconciled = ReconciliationFixture(memory)
    reconciled.reconcile()
    planted = change_field(reconciled) | falsify_total(reconciled) | lose_delivery(reconciled)
    reconciled.age()
    reconciled.feed.deliver()

    report, kills = until_finished(reconciled, kill_after)

    assert kills > 20
    assert found(report) == planted
    assert report.segments > 1
    reconciled.between = lambda: None
    reconciled.age()
    again = reconciled.reconcile(full=True)
    assert found(again) == set()
    assert all(section.expected == section.actual for section in again.sections)


def test_a_run_whose_chunks_take_too_long_continues_with_smaller_ones(memory: MemoryEngine) -> None:
    """No process has the time to verify all streams that changed, which fit into one chunk."""
    reconciled = ReconciliationFixture(memory, orders=60)
    kills, report = 0, None
    while report is None:
        reconciled.between = countdown(60)
        try:
            report = reconciled.reconciler().go_on() or reconciled.reconciler().run()
        except Killed:
            kills += 1
            reconciled.clock.move(LEASE + timedelta(seconds=1))
        assert kills < 100
    assert kills > 5
    assert found(report) == set()


def test_a_process_sees_what_another_one_kept_since_its_last_run(memory: MemoryEngine) -> None:
    reconciled = ReconciliationFixture(memory)
    one, other = reconciled.reconciler(), reconciled.reconciler()
    reports = [one.run()]
    stream = StreamId("acme", "order", "o-new")
    reconciled.sell(stream)
    reconciled.project(stream)
    reconciled.age()
    for process in (other, one):
        reconciled.feed.deliver()
        reports.append(process.run())
        reconciled.clock.move(timedelta(seconds=1))

    before, found, again = ([(s.name, s.compared, s.expected) for s in r.sections] for r in reports if r)
    assert before != found == again


class Dying(MemoryDocuments):
    """Documents whose writer dies between two of those that hold a fold, as between two batches of one write."""

    left: int | None = None

    def put_many(self, documents: Mapping[Key, str | None]) -> None:
        for key, text in documents.items():
            self.put(key, text)

    def put(self, key: Key, text: str | None) -> None:
        if self.left is not None and key.partition.startswith(("shadow#", "taken#", "intents")):
            if self.left == 0:
                self.left = None
                raise Killed
            self.left -= 1
        super().put(key, text)


def test_a_fold_that_was_written_by_half_is_finished_and_not_added_twice() -> None:
    for writes in count():
        engine, documents = MemoryEngine(), Dying()
        engine._documents = documents
        reconciled = ReconciliationFixture(engine, orders=2)
        documents.left = writes
        try:
            reconciled.reconcile()
        except Killed:
            reconciled.clock.move(LEASE + timedelta(seconds=1))
            report = reconciled.reconciler().go_on()
            assert report
            assert found(report) == set()
            continue
        break
    assert writes > 5


def test_a_run_stops_in_time_and_continues_where_it_was(memory: MemoryEngine) -> None:
    reconciled = ReconciliationFixture(memory)
    planted = change_field(reconciled) | falsify_total(reconciled)
    reconciled.age()
    reconciled.feed.deliver()
    segments = 1
    patience = iter([100.0, 30.0] * 100)
    report = reconciled.reconciler().run(remaining=lambda: next(patience))
    while report is None:
        segments += 1
        report = reconciled.reconciler().go_on(remaining=lambda: next(patience))
    assert found(report) == planted
    assert report.segments == segments > 10
    assert memory.reports().latest() == [report]
    assert reconciled.reconciler().go_on() is None


def test_more_differences_than_a_report_names_are_counted_and_repaired(memory: MemoryEngine) -> None:
    reconciled, many = ReconciliationFixture(memory, orders=MAX_FINDINGS + 30), MAX_FINDINGS + 20
    rows = Generation("order")
    edited = list(reconciled.views.all_states(rows))[:many]
    for row in edited:
        reconciled.views.put_state(rows, replace(row, state=row.state.replace("tea", "rum")), row.version)
    report = reconciled.reconcile(repair=True)

    (section,) = (each for each in report.sections if each.differences)
    assert (section.name, section.differences, section.repaired) == ("order", many, many)
    assert len(section.findings) == MAX_FINDINGS
    assert not any("rum" in row.state for row in reconciled.views.all_states(rows))
    assert found(reconciled.reconcile(full=True)) == set()


def test_a_run_is_left_alone_while_someone_is_at_it(memory: MemoryEngine) -> None:
    reconciled = ReconciliationFixture(memory)
    reconciled.between = countdown(20)
    with pytest.raises(Killed):
        reconciled.reconciler().run()
    reconciled.between = lambda: None
    assert reconciled.reconciler().go_on() is None
    assert reconciled.reconciler().run(full=True) is None
    reconciled.clock.move(LEASE + timedelta(seconds=1))
    assert reconciled.reconciler().go_on() is not None


def test_who_takes_over_has_as_long_as_who_began(memory: MemoryEngine) -> None:
    reconciled = ReconciliationFixture(memory)
    for requests in (20, 40):
        reconciled.between = countdown(requests)
        with pytest.raises(Killed):
            reconciled.reconciler().run()
        reconciled.between = lambda: None
        reconciled.clock.move(LEASE - timedelta(seconds=1))
        assert reconciled.reconciler().go_on() is None
        reconciled.clock.move(timedelta(seconds=2))
    assert reconciled.reconciler().go_on() is not None


def test_who_was_overtaken_stops(memory: MemoryEngine) -> None:
    reconciled = ReconciliationFixture(memory)
    overtaken = [False]

    def overtake() -> None:
        if not overtaken[0]:
            overtaken[0] = True
            reconciled.clock.move(LEASE + timedelta(seconds=1))
            assert reconciled.reconciler().run(full=True) is not None

    reconciled.pauses = iter([overtake])
    lost = StreamId("acme", "order", "lost")
    reconciled.sell(lost)
    reconciled.age()
    with pytest.raises(RunLost):
        reconciled.reconciler().run()


Act = tuple[str, int]

PLANTS = [plant for plant in TOGETHER if plant is not lose_delivery]
ACTS = st.tuples(st.sampled_from(["sell", "project", "deliver", "nothing"]), st.integers(0, 7))


class Trade:
    """Orders made and projected, in any order, between two requests; a pause is longer than any of them takes."""

    def __init__(self, reconciled: ReconciliationFixture, acts: Sequence[Act]) -> None:
        self.reconciled = reconciled
        self.acts = iter(acts)
        self.open: list[StreamId] = []
        self.made = 0
        self.busy = False

    def step(self) -> None:
        """Do the next thing; what it asks of the documents itself is not interrupted again."""
        if self.busy:
            return
        self.busy = True
        name, number = next(self.acts, ("nothing", 0))
        getattr(self, name)(number)
        self.busy = False

    def sell(self, number: int) -> None:  # noqa: ARG002
        self.made += 1
        self.open.append(StreamId("acme", "order", f"traded-{self.made}"))
        self.reconciled.sell(self.open[-1], price=f"{self.made}.50")

    def project(self, number: int) -> None:
        if self.open:
            self.reconciled.project(self.open.pop(number % len(self.open)))

    def deliver(self, number: int) -> None:  # noqa: ARG002
        self.reconciled.feed.deliver()

    def nothing(self, number: int) -> None:
        """Others rest."""

    def finish(self) -> None:
        """Everything arrives."""
        while self.open:
            self.project(0)


@given(
    acts=st.lists(ACTS, min_size=50, max_size=300),
    planted=st.lists(
        st.sampled_from([plant for plant in TOGETHER if plant is not lose_delivery]), unique=True, max_size=3
    ),
    full=st.booleans(),
)
@settings(max_examples=12)
def test_under_traffic_nothing_false_is_reported_and_nothing_planted_is_missed(
    acts: Sequence[Act], planted: Sequence[Callable[[ReconciliationFixture], Found]], full: bool
) -> None:
    reconciled = ReconciliationFixture(MemoryEngine())
    reconciled.reconcile()
    wanted: Found = set()
    for plant in planted:
        wanted |= plant(reconciled)
    reconciled.age()
    trade = Trade(reconciled, acts)
    reconciled.between = trade.step
    during = reconciled.reconcile(repeat(trade.finish), full=full)
    reconciled.between = lambda: None

    assert kinds(found(during)) <= kinds(wanted)
    trade.finish()
    reconciled.age()
    after = reconciled.reconcile()
    assert places(found(after)) == places(wanted)


def kinds(found: Found) -> Found:
    """Findings, of sums only where."""
    return {(section, "" if section in {"customer_totals", "daily_sales"} else kind, w) for section, kind, w in found}


def places(found: Found) -> set[tuple[str, str]]:
    """Where something was found: a second difference on a row may change what it is called."""
    return {(section, where) for section, _, where in found}
