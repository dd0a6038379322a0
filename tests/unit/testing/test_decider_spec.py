"""The decider spec passes what fits and shows what does not."""

from __future__ import annotations

import pytest
from tests.support.ledger import ACCOUNTS, Account, Deposit, Deposited, Withdraw, Withdrawn

from banyan.errors import Conflict
from banyan.testing import DeciderSpec

SPEC = DeciderSpec(ACCOUNTS).given(Deposited(amount=5))


def test_passes_what_was_decided_and_returns_the_state() -> None:
    assert SPEC.when(Withdraw(2)).then(Withdrawn(amount=2)) == Account(balance=3, movements=2)


def test_passes_nothing_as_nothing() -> None:
    SPEC.when(Deposit(0)).then()


def test_given_leaves_the_spec_it_came_from_as_it_was() -> None:
    SPEC.given(Deposited(amount=5)).when(Withdraw(10)).then(Withdrawn(amount=10))
    SPEC.when(Withdraw(10)).then_rejected("no_cover")


def test_shows_the_field_that_differs() -> None:
    with pytest.raises(AssertionError, match=r"(?s)- .*amount=3.*\+ .*amount=2"):
        SPEC.when(Withdraw(2)).then(Withdrawn(amount=3))


def test_says_events_of_equal_content_apart() -> None:
    with pytest.raises(AssertionError, match="Deposited"):
        SPEC.when(Withdraw(2)).then(Deposited(amount=2))


def test_shows_a_rejection_that_was_not_expected() -> None:
    with pytest.raises(AssertionError, match="rejected with 'no_cover': the account holds 5"):
        SPEC.when(Withdraw(6)).then(Withdrawn(amount=6))


def test_shows_events_where_a_rejection_was_expected() -> None:
    with pytest.raises(AssertionError, match=r"not rejected, but decided: .*Withdrawn"):
        SPEC.when(Withdraw(1)).then_rejected("no_cover")


def test_shows_another_code_field_or_kind() -> None:
    rejected = SPEC.when(Withdraw(6))
    with pytest.raises(AssertionError, match="code"):
        rejected.then_rejected("too_much")
    with pytest.raises(AssertionError, match="field"):
        rejected.then_rejected("no_cover", "amount")
    with pytest.raises(AssertionError, match="is a CommandRejected, not a Conflict"):
        rejected.then_rejected("no_cover", kind=Conflict)
