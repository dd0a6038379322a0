"""A projector never sets back another one that goes further meanwhile, at whichever of its requests that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

import pytest
from tests.support.interruptions import Outside, meanwhile
from tests.support.ledger import account, deposits
from tests.support.projections import Ledger, same

from banyan.projections.rebuild.filling import rebuild_stream
from banyan.projections.views import Generation, Views
from banyan.store import Commit

ANNA = account("anna")

Act = Callable[[Ledger, Sequence[Commit]], object]


def project(ledger: Ledger, commits: Sequence[Commit]) -> None:
    assert not ledger.make_runner().project(commits)


def project_a_gap(ledger: Ledger, commits: Sequence[Commit]) -> None:
    assert not ledger.make_runner().project(commits[-1:])


def retry(ledger: Ledger, commits: Sequence[Commit]) -> None:
    del commits
    for name in ("balances", "turnover"):
        assert ledger.make_runner().retry(name, ANNA) is None


def rebuild(ledger: Ledger, commits: Sequence[Commit]) -> None:
    del commits
    for projection in ledger.projections:
        rebuild_stream(projection, Generation(projection.name), ANNA, ledger.store, ledger.views, ledger.clock)


@pytest.mark.parametrize("act", [project, project_a_gap, retry, rebuild])
@pytest.mark.parametrize(("known", "times"), [(0, 1), (1, 1), (1, 4)])
def test_a_row_never_falls_behind_what_another_wrote(act: Act, known: int, times: int) -> None:
    for request in count(1):
        ledger = Ledger()
        commits = [commit for amount in (1, 2, 3) for commit in ledger.append(ANNA, *deposits(amount))]
        ledger.runner.project(commits[:known])
        other = ledger.make_runner()

        def go_further() -> None:
            news = ledger.append(ANNA, *deposits(4))  # noqa: B023
            assert not other.project([*commits, *news])  # noqa: B023

        outside = Outside({request + time: meanwhile(go_further) for time in range(times)})
        views: Views = ledger.views
        ledger.views = outside.tap(views)
        act(ledger, commits)
        ledger.views = views
        if outside.requests < request:
            break
        assert same(ledger.balance(ANNA), ledger.expected_balance(ANNA))
        assert ledger.turnover_rows() == ledger.expected_turnover()
    assert request > 3
