"""The projection spec passes what fits and finds projections that lean on their delivery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from tests.support.clocks import START
from tests.support.ledger import REGISTRY, Deposited, Withdrawn
from tests.support.owned import STATEMENT, WINDOWS, Line, Running

from banyan.events import CamelModel, Event
from banyan.projections.base import Add, AnyRowsProjection, Lookup, Put, RowWrite, StreamProjection, ViewProjection
from banyan.testing import ProjectionSpec
from banyan.testing.projections import deliveries

ANN, BEN = "acme:account:ann", "acme:account:ben"


class Balance(CamelModel):
    amount: int = 0


def amount(event: Event) -> int:
    payload = event.payload
    assert isinstance(payload, Deposited | Withdrawn)
    return payload.amount if isinstance(payload, Deposited) else -payload.amount


def add_up(balance: Balance, event: Event) -> Balance:
    return Balance(amount=balance.amount + amount(event))


def money(event: Event) -> Sequence[RowWrite]:
    return [Add("bank", "money", {"amount": amount(event)})]


BALANCE = StreamProjection(
    "balance",
    "account",
    Balance,
    Balance,
    add_up,
    [Lookup("sign", lambda each: "+" if each.amount > 0 else "-", lambda each: f"{each.amount:04}")],
)
MONEY = ViewProjection("money", "account", money)


def history(projection: StreamProjection[Balance] | ViewProjection) -> ProjectionSpec:
    return (
        ProjectionSpec(projection, REGISTRY)
        .given(ANN, Deposited(amount=5), Deposited(amount=6))
        .given(BEN, Deposited(amount=20))
        .given(ANN, Withdrawn(amount=4))
    )


def test_passes_states() -> None:
    history(BALANCE).then_state(ANN, Balance(amount=7))
    history(BALANCE).then_state("acme:account:nobody", None)


def test_passes_lookups_in_their_order() -> None:
    history(BALANCE).then_listed("sign", "+", BEN, ANN)
    history(BALANCE).then_listed("sign", "-")


def test_passes_rows() -> None:
    history(MONEY).then_rows({("bank", "money"): {"amount": 27}})


def test_shows_a_state_that_differs() -> None:
    with pytest.raises(AssertionError, match=r"(?s)state of acme:account:ann.*- .*8.*\+ .*7"):
        history(BALANCE).then_state(ANN, Balance(amount=8))


def test_shows_a_list_that_differs() -> None:
    with pytest.raises(AssertionError, match=r"sign '\+', delivered in one batch"):
        history(BALANCE).then_listed("sign", "+", ANN, BEN)


@pytest.mark.parametrize("rows", [{}, {("bank", "money"): {"amount": 28}}, {("bank", "coins"): {"amount": 27}}])
def test_shows_rows_that_differ(rows: dict[tuple[str, str], dict[str, int]]) -> None:
    with pytest.raises(AssertionError, match="rows: - expected"):
        history(MONEY).then_rows(rows)


def test_finds_a_shared_row_that_depends_on_the_order_of_streams() -> None:
    last = ViewProjection("last", "account", lambda event: [Put("bank", "last", {"amount": amount(event)})])
    given = ProjectionSpec(last, REGISTRY).given(ANN, Deposited(amount=1)).given(BEN, Deposited(amount=2))

    with pytest.raises(AssertionError, match="rows, delivered backwards"):
        given.then_rows({("bank", "last"): {"amount": 2}})


def test_finds_a_row_that_counts_deliveries() -> None:
    calls = count(1)
    counting = StreamProjection("calls", "account", Balance, Balance, lambda *_: Balance(amount=next(calls)))

    with pytest.raises(AssertionError, match="delivered in one batch"):
        ProjectionSpec(counting, REGISTRY).given(ANN, Deposited(amount=1)).then_state(ANN, Balance(amount=1))


def test_lets_the_error_of_a_projection_through() -> None:
    broken = ViewProjection("broken", "account", lambda event: [Add("bank", "money", {"share": 1 // amount(event)})])

    with pytest.raises(ZeroDivisionError):
        ProjectionSpec(broken, REGISTRY).given(ANN, Deposited(amount=0)).then_rows({})


def test_refuses_the_question_of_the_other_kind() -> None:
    with pytest.raises(AssertionError, match="balance keeps states, not rows"):
        history(BALANCE).then_rows({})
    with pytest.raises(AssertionError, match="money keeps rows, not states"):
        history(MONEY).then_state(ANN, None)


@pytest.mark.parametrize("size", [0, 1, 7])
def test_every_delivery_brings_every_commit(size: int) -> None:
    commits = list(range(size))

    for way, batches in deliveries(commits):
        assert {commit for batch in batches for commit in batch} == set(commits), way


def owned_history(projection: AnyRowsProjection) -> ProjectionSpec:
    return ProjectionSpec(projection, REGISTRY).given(ANN, Deposited(amount=4), Withdrawn(amount=1))


def test_passes_rows_that_a_stream_owns() -> None:
    lines = {"000001": Line(amount=4, balance=4), "000002": Line(amount=-1, balance=3)}
    owned_history(STATEMENT).then_owned(ANN, lines, Running(balance=3))
    owned_history(STATEMENT).then_owned(BEN, {})
    owned_history(WINDOWS).then_owned(ANN, {}, Running(balance=3), at=START + timedelta(days=1))


def test_shows_rows_that_a_stream_owns_and_that_differ() -> None:
    with pytest.raises(AssertionError, match="rows of acme:account:ann"):
        owned_history(STATEMENT).then_owned(ANN, {})
    lines = {"000001": Line(amount=4, balance=4), "000002": Line(amount=-1, balance=3)}
    with pytest.raises(AssertionError, match="what acme:account:ann carries"):
        owned_history(STATEMENT).then_owned(ANN, lines, Running(balance=4))
    with pytest.raises(AssertionError, match="balance has no rows that a stream owns"):
        history(BALANCE).then_owned(ANN, {})


def test_finds_owned_rows_that_count_deliveries() -> None:
    calls = count(1)

    def counted(state: Running, _rows: object, _event: Event) -> tuple[Running, dict[str, Line | None]]:
        return state, {"": Line(amount=next(calls), balance=0)}

    with pytest.raises(AssertionError, match="delivered in one batch"):
        owned_history(replace(STATEMENT, apply=counted)).then_owned(ANN, {"": Line(amount=2, balance=0)})
