"""Comparing read models with folds finds what differs and nothing else."""

from __future__ import annotations

from dataclasses import replace

from tests.support.ledger import account, deposits
from tests.support.projections import Ledger, same

from banyan.projections.check import Difference, ViewFold, compare_rows, fold_row
from banyan.projections.views import Generation, ViewKey

ANNA = account("anna")


def projected() -> Ledger:
    ledger = Ledger()
    ledger.runner.project([*ledger.append(ANNA, *deposits(1)), *ledger.append(ANNA, *deposits(2, 3))])
    return ledger


def test_a_row_equals_its_fold_up_to_its_version() -> None:
    ledger = projected()
    ledger.append(ANNA, *deposits(9))
    row = fold_row(ledger.balances, ledger.store, ANNA, 3)
    assert same(ledger.balance(ANNA), row)
    assert not same(ledger.balance(ANNA), fold_row(ledger.balances, ledger.store, ANNA))


def test_a_version_inside_a_commit_folds_to_the_boundary_before_it() -> None:
    ledger = projected()
    row = fold_row(ledger.balances, ledger.store, ANNA, 2)
    assert row
    assert (row.version, row.state) == (1, '{"total":1,"amounts":[1]}')


def test_a_stream_without_events_has_no_row() -> None:
    ledger = projected()
    assert fold_row(ledger.balances, ledger.store, account("nobody")) is None


def test_view_rows_are_compared_by_field_and_by_the_commits_that_wrote_them() -> None:
    ledger = projected()
    fold = ViewFold(ledger.turnover, ledger.store)
    fold.apply(ANNA)
    actual = dict(ledger.views.all_rows(Generation("turnover")))
    assert compare_rows(fold.rows(), actual) == []
    sums, growing = ViewKey("acme", "sums", ""), ViewKey("acme", "growing", "anna")
    actual[sums] = replace(actual[sums], fields={"in": 5, "count": 3}, version=3)
    del actual[growing]
    assert compare_rows(fold.rows(), actual) == [
        Difference("acme#growing#anna", ("row",)),
        Difference("acme#sums#", ("(commits)", "in")),
    ]


def test_a_view_fold_stops_at_a_checkpoint() -> None:
    ledger = projected()
    fold = ViewFold(ledger.turnover, ledger.store)
    fold.apply(ANNA, 1)
    assert fold.rows()[ViewKey("acme", "sums", "")].fields == {"in": 1, "count": 1}
