"""A rebuild from its beginning to its switch."""

from __future__ import annotations

from tests.ledger import account, deposits
from tests.unit.projections.harness import same
from tests.unit.rebuild.harness import Rebuilding

from banyan.projections.control import Stage
from banyan.projections.rebuild.base import Phase
from banyan.projections.views import Generation

ACCOUNT_NAMES = ("a", "b", "c", "d", "e")


def filled() -> Rebuilding:
    """Five accounts of which none was ever projected."""
    rebuilding = Rebuilding()
    for number, name in enumerate(ACCOUNT_NAMES):
        for amount in range(number + 1):
            rebuilding.ledger.commit(account(name), *deposits(amount, amount + 1))
    return rebuilding


def test_rows() -> None:
    rebuilding = filled()
    rebuilding.rebuild.start("balances")
    rebuilding.rebuild.start("turnover")
    rebuilding.run()
    progress = rebuilding.rebuild.progress("balances")
    print(progress)
    assert progress.phase is Phase.COMPARED
    assert progress.stage is Stage.READY
    for name in ACCOUNT_NAMES:
        row = rebuilding.balances(Generation("balances", 2))[account(name)]
        assert same(row, rebuilding.ledger.expected_balance(account(name)))
    assert rebuilding.turnover(Generation("turnover", 2)) == rebuilding.ledger.expected_turnover()
    rebuilding.rebuild.switch("turnover", 2)
    rebuilding.ledger.clock.move(__import__("datetime").timedelta(minutes=1))
    rebuilding.rebuild.drop("turnover", 1)
    rebuilding.run()
    print(rebuilding.controls.get(["turnover"]))
    assert rebuilding.turnover(Generation("turnover", 1)) == {}
