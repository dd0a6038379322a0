"""One stream in every projection, judged as the reconciliation judges it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.ledger import deposits
from tests.support.owned import OWNED, STATEMENT, line_sort
from tests.unit.reconciliation.test_owned_rows import ANNA, LIVE, WINDOW, Reconciled

from banyan.documents import MemoryDocuments
from banyan.domain import Domain
from banyan.projections.memory import MemoryViews
from banyan.reconciliation.look import DAMAGED, ON_ITS_WAY, ProjectedStream, StreamLook
from banyan.reconciliation.rows import Sources
from banyan.store.base import Commit
from banyan.store.memory import MemoryTable


@pytest.fixture
def reconciled() -> Reconciled:
    return Reconciled()


def looked(reconciled: Reconciled, domain: Domain | None = None) -> dict[str, ProjectedStream]:
    ledger = reconciled.ledger
    assert isinstance(ledger.views, MemoryViews)
    sources = Sources(ledger.store, ledger.views, ledger.views, MemoryDocuments(), lambda *_: None, ledger.clock)
    look = StreamLook(sources, domain or reconciled.domain, ledger.projection_states, WINDOW, lambda _: None)
    return {found.projection: found for found in look.at(ANNA)}


def verdicts(reconciled: Reconciled) -> list[tuple[bool | None, str]]:
    return [(found.equal, found.detail) for found in looked(reconciled).values()]


def test_what_is_right_is_equal_row_by_row(reconciled: Reconciled) -> None:
    found = looked(reconciled)
    assert {(each.equal, each.kind, each.version) for each in found.values()} == {(True, "rows", 5)}
    statement = found["statement"]
    assert list(statement.rows) == [line_sort(version) for version in range(1, 6)]
    assert all(held == fold for held, fold in statement.rows.values())
    assert statement.held == statement.fold
    assert statement.held
    assert statement.held["balance"] == 17


def test_a_row_that_differs_stands_beside_what_it_should_be(reconciled: Reconciled) -> None:
    (row,) = reconciled.ledger.views.read_owned(LIVE, ANNA, [line_sort(2)])
    reconciled.plant({line_sort(2): replace(row, content='{"amount":2,"balance":4}'), line_sort(3): None})
    statement = looked(reconciled)["statement"]
    assert (statement.equal, statement.fields) == (False, ("(rows).000002.balance", "(rows).000003"))
    held, fold = statement.rows[line_sort(2)]
    assert (held["balance"], fold["balance"]) == (4, 3)
    assert statement.rows[line_sort(3)][0] is None


def test_what_lags_is_on_its_way_and_then_stale_and_right_as_far_as_it_goes(reconciled: Reconciled) -> None:
    reconciled.ledger.commit(ANNA, *deposits(8))
    assert verdicts(reconciled) == [(None, ON_ITS_WAY)] * len(OWNED)
    reconciled.ledger.clock.move(3 * WINDOW)
    for found in looked(reconciled).values():
        assert (found.equal, found.version, found.held == found.fold) == (False, 5, True)
        assert found.detail.startswith("the event of version 6")


def test_a_damaged_stream_says_nothing_of_its_rows(reconciled: Reconciled) -> None:
    table = reconciled.ledger.store.table
    assert isinstance(table, MemoryTable)
    (commit,) = reconciled.ledger.store.commits(ANNA)
    assert isinstance(commit, Commit)
    table._streams[ANNA][1] = replace(commit, digest="f" * 64)
    assert verdicts(reconciled) == [(None, DAMAGED)] * len(OWNED)


def test_rows_of_an_older_version_of_the_projection_are_not_judged(reconciled: Reconciled) -> None:
    newer = Domain("accounts", reconciled.domain.registry, reconciled.domain.deciders, [replace(STATEMENT, version=7)])
    reconciled.ledger.catch_up.everything(reconciled.ledger.soon())
    found = looked(reconciled, newer)["statement"]
    assert (found.equal, "rebuild it" in found.detail) == (None, True)
