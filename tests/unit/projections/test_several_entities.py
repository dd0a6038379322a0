"""A projection that reads several entities does with all of their streams what it does with those of one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.clocks import no_sleep
from tests.support.engines import MemoryEngine
from tests.support.ledger import ACCOUNTS, REGISTRY, Deposited, account, deposits
from tests.support.projections import Balance, Cured, Ledger, balances, same, turnover
from tests.support.rebuild import Rebuilding

from banyan.domain import Domain
from banyan.errors import ConfigurationError
from banyan.events import Event
from banyan.projections.base import Entities, Put, ViewProjection
from banyan.projections.rebuild.filling import rebuild_stream
from banyan.projections.rebuild.preview import Prices, preview
from banyan.projections.views import Generation, StateRow, ViewUpdate
from banyan.reconciliation.plan import build_plan
from banyan.reconciliation.reconciler import Reconciler, Runs
from banyan.reconciliation.report import Report
from banyan.reconciliation.rows import Sources
from banyan.store import EventStore
from banyan.store.log import MARGIN
from banyan.streams import StreamId
from banyan.testing import ProjectionSpec

BOTH = ("account", "transfer")
ANNA, MOVE, OTHER = account("anna"), StreamId("acme", "transfer", "t-1"), StreamId("acme", "order", "o-1")
DOMAIN = Domain(
    name="both",
    registry=REGISTRY,
    deciders=[ACCOUNTS, replace(ACCOUNTS, entity="transfer")],
    projections=[balances(Cured(), BOTH), turnover(Cured(), BOTH)],
)


@pytest.mark.parametrize("entity", [(), ("account", "account")])
def test_each_entity_is_named_once(entity: Entities) -> None:
    with pytest.raises(ConfigurationError, match="each once"):
        balances(Cured(), entity)
    with pytest.raises(ConfigurationError, match="each once"):
        turnover(Cured(), entity)


def test_a_domain_has_a_decider_for_each() -> None:
    with pytest.raises(ConfigurationError, match="'transfer', for which"):
        replace(DOMAIN, deciders=[ACCOUNTS])


def test_streams_with_the_same_id_have_rows_of_their_own_and_share_sums() -> None:
    namesake = StreamId("acme", "transfer", ANNA.id)
    own = ProjectionSpec(balances(Cured(), BOTH), REGISTRY).given(ANNA, *deposits(1)).given(namesake, *deposits(2, 3))
    own.then_state(ANNA, Balance(total=1, amounts=(1,)))
    own.then_state(namesake, Balance(total=5, amounts=(2, 3)))
    own.then_listed("all", "all", str(namesake), str(ANNA))
    sums = replace(own, projection=ViewProjection("sums", BOTH, _by_entity))
    sums.then_rows({("account", "anna"): {"n": 1}, ("transfer", "anna"): {"n": 3}})


def _by_entity(event: Event) -> list[Put]:
    assert isinstance(event.payload, Deposited)
    return [Put(event.stream_id.entity, event.stream_id.id, {"n": event.payload.amount})]


def test_a_lost_delivery_of_any_of_them_is_caught_up_and_no_others_are() -> None:
    ledger = Ledger(entity=BOTH)
    for stream in (ANNA, MOVE, OTHER):
        ledger.append(stream, Deposited(amount=3))
    ledger.clock.move(2 * MARGIN)
    assert [report.moved for report in ledger.catch_up.everything(ledger.soon())] == [2, 2]
    for stream in (ANNA, MOVE):
        assert same(ledger.balance(stream), ledger.expected_balance(stream))
    assert ledger.balance(OTHER) is None
    assert ledger.turnover_rows() == ledger.expected_turnover({ANNA: 1, MOVE: 1})


def test_a_rebuild_holds_all_of_them_and_its_preview_counts_them() -> None:
    rebuilding = Rebuilding(entity=BOTH)
    ledger = rebuilding.ledger
    for stream in (ANNA, MOVE, OTHER):
        ledger.runner.project([ledger.commit(stream, *deposits(1, 2))])
    for projection in ledger.projections:
        rebuilding.rebuild.start(projection.name, switch_when_equal=True)
        assert preview(projection, ledger.store, 1000, Prices(read=1.0, write=1.0)).streams == 2
    rebuilding.run()
    assert rebuilding.balances(2).keys() == {ANNA, MOVE}
    assert rebuilding.turnover(2) == rebuilding.turnover(1) == ledger.expected_turnover({ANNA: 2, MOVE: 2})
    assert [rebuilding.live(projection.name) for projection in ledger.projections] == [2, 2]


def test_one_row_of_any_of_them_is_rebuilt() -> None:
    ledger = Ledger(entity=BOTH)
    live = Generation("balances")
    for stream in (ANNA, MOVE, OTHER):
        ledger.append(stream, Deposited(amount=3))
    for stream in (ANNA, MOVE):
        assert rebuild_stream(ledger.balances, live, stream, ledger.store, ledger.views, ledger.clock).replaced
    with pytest.raises(ConfigurationError, match="does not read 'order'"):
        rebuild_stream(ledger.balances, live, OTHER, ledger.store, ledger.views, ledger.clock)


class TestReconciliation:
    """What is planted in the rows of either entity is found; what is right is not."""

    def test_every_planted_difference_is_found(self) -> None:
        ledger, engine = _projected()
        assert _findings(_reconciled(ledger, engine)) == set()
        wrong = {row.stream: row for row in ledger.views.all_states(Generation("balances"))}
        for stream in (ANNA, MOVE):
            ledger.views.put_state(Generation("balances"), _falsified(wrong[stream]), 1)
        lost = ViewUpdate(MOVE, 1, 2, ledger.clock.now, [[Put("growing", MOVE.id, {"amount": 7})]])
        ledger.views.update(Generation("turnover"), [lost], ledger.clock.now)
        found = _findings(_reconciled(ledger, engine, full=True))
        assert {("balances", str(ANNA)), ("balances", str(MOVE))} <= found
        assert any(section == "turnover" for section, _ in found)


def _projected() -> tuple[Ledger, MemoryEngine]:
    engine = MemoryEngine()
    ledger = Ledger(engine.views(), engine.table(), entity=BOTH)
    for stream in (ANNA, MOVE):
        ledger.runner.project([ledger.commit(stream, Deposited(amount=3))])
    return ledger, engine


def _reconciled(ledger: Ledger, engine: MemoryEngine, *, full: bool = False) -> Report:
    window = timedelta(seconds=5)
    ledger.clock.move(3 * window)
    store = EventStore(engine.table(), REGISTRY, ledger.clock, no_sleep)
    documents = engine.documents()
    sources = Sources(store, engine.views(), engine.row_repair(), documents, ledger.runner.retry, ledger.clock)
    plan = build_plan(sources, DOMAIN, engine.projection_states(), window, ledger.sleep)
    report = Reconciler(plan, engine.reports(), Runs(documents), ledger.clock, window).run(full=full, repair=False)
    assert report
    return report


def _findings(report: Report) -> set[tuple[str, str]]:
    return {(section.name, finding.where) for section in report.sections for finding in section.findings}


def _falsified(row: StateRow) -> StateRow:
    return replace(row, state=Balance(total=99).model_dump_json())
