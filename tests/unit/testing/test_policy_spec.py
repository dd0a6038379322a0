"""The spec for policies sees what is missing, what is too much, and what is not the same twice."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import pytest
from tests.support.ledger import Deposit, Deposited, Withdrawn

from banyan.events import Event
from banyan.reactions.base import History, Policy, Reaction, Send
from banyan.testing import PolicySpec
from banyan.testing.specs import SECOND, START

TIP = Send("account", "tips", Deposit(1), "tip")


def tip(event: Event, history: History) -> Sequence[Reaction]:
    """A tip for each second deposit."""
    deposits = [each for each in history() if isinstance(each.payload, Deposited)]
    return [TIP] if event in deposits and len(deposits) % 2 == 0 else []


SPEC = PolicySpec(Policy("tip", "account", tip), "anna")


def test_expects_reactions_and_none() -> None:
    SPEC.when(Deposited(amount=5)).then()
    SPEC.given(Deposited(amount=5)).when(Deposited(amount=5)).then(TIP)
    SPEC.given(Deposited(amount=5), Deposited(amount=5)).when(Withdrawn(amount=5)).then()


@pytest.mark.parametrize("wrong", [(), (TIP, TIP), (Send("account", "tips", Deposit(2), "tip"),)])
def test_shows_what_differs(wrong: tuple[Reaction, ...]) -> None:
    with pytest.raises(AssertionError, match="- expected, \\+ actual"):
        SPEC.given(Deposited(amount=5)).when(Deposited(amount=5)).then(*wrong)


def test_numbers_and_dates_the_events_of_one_stream() -> None:
    seen: list[Event] = []

    def look(event: Event, history: History) -> Sequence[Reaction]:
        seen[:] = history()
        assert event == seen[-1]
        return ()

    PolicySpec(Policy("look", "account", look), "anna").given(Deposited(amount=1)).when(Deposited(amount=2)).then()
    assert [(str(event.stream_id), event.version, event.timestamp) for event in seen] == [
        ("acme:account:anna", 1, START),
        ("acme:account:anna", 2, START + SECOND),
    ]


def test_refuses_a_policy_that_is_not_the_same_twice() -> None:
    numbers = count()
    fickle = Policy("fickle", "account", lambda *_: [Send("account", "a", Deposit(next(numbers)), "s")])
    with pytest.raises(AssertionError, match="reactions to the same event"):
        PolicySpec(fickle, "anna").when(Deposited(amount=1))
