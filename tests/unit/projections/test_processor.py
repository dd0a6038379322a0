"""What one batch costs a process, whatever it holds."""

from __future__ import annotations

import pytest
from tests.support.ledger import account, bulk, deposits
from tests.support.projections import Ledger, same

from banyan.projections.processor import StreamProcessor, Subscription, subscribed
from banyan.projections.projector import AnyProjector, CommitSource
from banyan.projections.retries import RetryPolicy
from banyan.projections.views import Generation
from banyan.store import Commit

ANNA, BEN = account("anna"), account("ben")


class Counted:
    """The subscription of ``balances``, which keeps the generations it makes projectors for."""

    def __init__(self, ledger: Ledger) -> None:
        self._inner = subscribed(ledger.balances, ledger.views, ledger.clock)
        self.made: list[int] = []

    def projector(self, generation: Generation, source: CommitSource) -> AnyProjector:
        self.made.append(generation.number)
        return self._inner.projector(generation, source)

    @property
    def subscription(self) -> Subscription:
        return Subscription(self._inner.name, self._inner.version, self._inner.reads, self.projector)


def test_projectors_are_made_once_for_each_revision_of_the_state() -> None:
    ledger = Ledger()
    counted = Counted(ledger)
    processor = StreamProcessor(
        [counted.subscription], ledger.store, ledger.views, ledger.cached, RetryPolicy(clock=ledger.clock)
    )
    for amount in range(1, 4):
        processor.project([ledger.commit(ANNA, *deposits(amount))])
    assert counted.made == [1]
    ledger.cached.change("balances", lambda state: state.begun(ledger.clock()))
    for amount in range(1, 4):
        processor.project([ledger.commit(BEN, *deposits(amount))])
    assert counted.made == [1, 1, 2]
    assert {row.version for row in ledger.views.all_states(Generation("balances", 2))} == {3}


def test_a_commit_is_decoded_once_for_all_projections(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, decoded = Ledger(), list[int]()
    decode = ledger.store.decode

    def counting(commit: Commit) -> object:
        decoded.append(commit.position)
        return decode(commit)

    commits = [ledger.commit(ANNA, *deposits(1)), *ledger.append(ANNA, *bulk(3, 300_000))]
    assert len(commits) > 2, "the second one is split"
    monkeypatch.setattr(ledger.store, "decode", counting)
    ledger.runner.project([*commits, commits[0]])
    assert sorted(decoded) == [commit.position for commit in commits]
    assert ledger.checkpoint(ANNA) == 4
    assert same(ledger.balance(ANNA), ledger.expected_balance(ANNA))
