"""Rebuilding one stream, and what its rows allow."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.ledger import Deposited, account, deposits
from tests.support.projections import POISON, Ledger, same

from banyan.errors import ConfigurationError
from banyan.projections.base import Projection
from banyan.projections.rebuild.filling import StreamRebuilt, rebuild_stream
from banyan.projections.views import Generation, StateRow
from banyan.streams import StreamId

A = account("a")


@pytest.fixture
def ledger() -> Ledger:
    """One account with three commits, of which the projector saw two."""
    ledger = Ledger()
    ledger.runner.project([ledger.commit(A, *deposits(1)), ledger.commit(A, *deposits(2))])
    ledger.commit(A, *deposits(3))
    return ledger


def rebuilt(ledger: Ledger, projection: Projection, stream: StreamId = A) -> StreamRebuilt:
    """Rebuild a stream in the first generation."""
    return rebuild_stream(projection, Generation(projection.name), stream, ledger.store, ledger.views, ledger.clock)


def spoiled(row: StateRow | None, version: int) -> StateRow:
    """A row that says something else, at another version."""
    assert row
    return replace(row, version=version, state='{"total":666,"amounts":[]}')


@pytest.mark.parametrize("version", [1, 2, 9])
def test_a_row_is_made_anew_whatever_it_says(ledger: Ledger, version: int) -> None:
    ledger.views.put_state(Generation("balances"), spoiled(ledger.balance(A), version), 2)

    assert rebuilt(ledger, ledger.balances) == StreamRebuilt(version=3, replaced=True)

    assert same(ledger.balance(A), ledger.expected_balance(A))


def test_a_row_that_is_missing_is_made(ledger: Ledger) -> None:
    ledger.commit(account("b"), *deposits(1))
    assert rebuilt(ledger, ledger.balances, account("b")) == StreamRebuilt(version=1, replaced=True)
    assert same(ledger.balance(account("b")), ledger.expected_balance(account("b")))


def test_a_stream_that_does_not_exist_gets_no_row(ledger: Ledger) -> None:
    assert rebuilt(ledger, ledger.balances, account("x")) == StreamRebuilt(version=0, replaced=False)
    assert ledger.balance(account("x")) is None


def test_shared_rows_take_in_what_is_missing_and_no_more(ledger: Ledger) -> None:
    assert rebuilt(ledger, ledger.turnover) == StreamRebuilt(version=3, replaced=False)
    assert rebuilt(ledger, ledger.turnover) == StreamRebuilt(version=3, replaced=False)
    assert ledger.turnover_rows() == ledger.expected_turnover()


@pytest.mark.parametrize("name", ["balances", "turnover"])
def test_an_event_that_cannot_be_taken_in_changes_nothing(ledger: Ledger, name: str) -> None:
    ledger.commit(A, Deposited(amount=1, note=POISON))
    before = ledger.balance(A)
    projection = ledger.balances if name == "balances" else ledger.turnover

    with pytest.raises(KeyError):
        rebuilt(ledger, projection)

    assert ledger.balance(A) == before


def test_a_row_that_the_projector_moves_meanwhile_is_made_anew_once_more(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, meanwhile = ledger.views.put_state, [ledger.commit(A, *deposits(4))]

    def put_after_the_projector(*given: object) -> None:
        if meanwhile:
            monkeypatch.setattr(ledger.views, "put_state", put)
            ledger.runner.project([meanwhile.pop()])
        put(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(ledger.views, "put_state", put_after_the_projector)

    assert rebuilt(ledger, ledger.balances).version == 4
    assert same(ledger.balance(A), ledger.expected_balance(A))


def test_a_stream_that_the_projection_does_not_read_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ConfigurationError):
        rebuilt(ledger, ledger.balances, StreamId("acme", "order", "a"))
