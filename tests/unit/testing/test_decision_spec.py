"""The test kit for decisions over several streams, alone and in a domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any, cast

import pytest
from tests.support.ledger import ACCOUNTS, Account, Deposit, Deposited, Withdrawn
from tests.support.transfers import (
    DIRECTORIES,
    LEAVE_ALL,
    TRANSFER,
    TRANSFER_REGISTRY,
    LeaveAll,
    Name,
    Named,
    Transfer,
)

from banyan import CamelModel, Conflict, Domain, Event, Policy, Schedule, Send
from banyan.decision import Decided, Decision, Participant, Participants, States
from banyan.errors import ConfigurationError
from banyan.reactions.base import History, Reaction
from banyan.testing import DecisionSpec, DomainSpec


def test_what_was_decided_is_expected_by_role() -> None:
    spec = DecisionSpec(TRANSFER).given(source=[Deposited(amount=5)]).given(source=[Deposited(amount=5)])
    spec.when(Transfer("a", "b", 7)).then(source=[Withdrawn(amount=7)], target=[Deposited(amount=7)])
    spec.when(Transfer("a", "b", 0)).then()
    assert "holds 10" in spec.when(Transfer("a", "b", 11)).then_rejected("no_cover").detail


def test_participants_are_found_in_states() -> None:
    spec = DecisionSpec(LEAVE_ALL).given(source=[Deposited(amount=5)])
    spec.when(LeaveAll("a")).then_rejected("no_heir")
    spec.given(directory=[Named(successor="b")]).when(LeaveAll("a")).then(
        source=[Withdrawn(amount=5)], heir=[Deposited(amount=5)], directory=[Named(successor="after")]
    )


def test_what_is_expected_wrongly_fails() -> None:
    spec = DecisionSpec(TRANSFER).given(source=[Deposited(amount=5)])
    with pytest.raises(AssertionError, match=r"\+ actual"):
        spec.when(Transfer("a", "b", 5)).then(source=[Withdrawn(amount=5)])
    with pytest.raises(AssertionError, match="rejected with 'no_cover'"):
        spec.when(Transfer("a", "b", 6)).then()
    with pytest.raises(AssertionError, match="not rejected, but decided"):
        spec.when(Transfer("a", "b", 5)).then_rejected("no_cover")
    with pytest.raises(AssertionError, match="code"):
        spec.when(Transfer("a", "b", 6)).then_rejected("no_witness")
    with pytest.raises(AssertionError, match="'witness' is not among the participants: source, target"):
        spec.given(witness=[Deposited(amount=5)]).when(Transfer("a", "b", 5))


def test_participants_that_never_settle_fail() -> None:
    numbers = count()

    def other(_: Transfer, __: States) -> Participants:
        return {f"n{next(numbers)}": Participant(ACCOUNTS, "a")}

    with pytest.raises(AssertionError, match="never settle"):
        DecisionSpec(replace(TRANSFER, participants=other)).when(Transfer("a", "b", 1))


def test_a_rejection_is_of_a_kind_and_about_a_field() -> None:
    spec = DecisionSpec(TRANSFER).given(source=[Deposited(amount=5)]).when(Transfer("a", "b", 6))
    with pytest.raises(AssertionError, match="is a CommandRejected, not a Conflict"):
        spec.then_rejected("no_cover", kind=Conflict)
    with pytest.raises(AssertionError, match="field"):
        spec.then_rejected("no_cover", "amount")


def test_what_happened_before_is_a_list() -> None:
    with pytest.raises(TypeError, match=r"'source' has to be a list of events: \[Deposited"):
        DecisionSpec(TRANSFER).given(source=cast(Any, Deposited(amount=5)))


class Sweep(CamelModel):
    """A command as a policy may schedule it."""

    source: str


def swept(command: Sweep, _: States) -> Participants:
    return {"source": Participant(ACCOUNTS, command.source), "target": Participant(ACCOUNTS, "savings")}


def sweep(_: Sweep, states: States) -> Decided:
    amount = states["source"].balance
    return {"source": [Withdrawn(amount=amount)], "target": [Deposited(amount=amount)]} if amount else {}


def on_deposit(event: Event, _: History) -> Sequence[Reaction]:
    """Large deposits are passed on at once, small ones are swept later."""
    if not isinstance(event.payload, Deposited) or event.stream_id.id != "a":
        return []
    if event.payload.amount >= 100:
        return [Send("account", "a", Transfer("a", "b", 100), step="pass-on")]
    return [Schedule("sweep", "account", "a", Sweep(source="a"), timedelta(hours=1))]


DOMAIN = Domain(
    name="bank",
    registry=TRANSFER_REGISTRY,
    deciders=[replace(ACCOUNTS, deferred=[Sweep]), DIRECTORIES],
    policies=[Policy("passing", "account", on_deposit)],
    decisions=[TRANSFER, LEAVE_ALL, Decision(Sweep, swept, sweep)],
)


def test_a_command_is_decided_over_several_streams_wherever_it_comes_from() -> None:
    """A caller, a policy, a deadline; and other commands are decided as ever."""
    spec = DomainSpec(DOMAIN).when("account:a", Deposit(250)).when("account:a", Transfer("a", "c", 30))
    spec.then_events("account:a", Deposited(amount=250), Withdrawn(amount=100), Withdrawn(amount=30))
    spec.then_events("account:b", Deposited(amount=100))

    later = spec.when("account:a", Deposit(1)).passes(timedelta(hours=2))
    later.then_state("account:a", Account(balance=0, movements=5))
    later.then_events("account:savings", Deposited(amount=121))
    later.when_rejected("account:a", Transfer("a", "c", 1), "no_cover").then_events("account:c", Deposited(amount=30))
    later.when("directory:d", Name("z")).then_events("directory:d", Named(successor="z"))


def test_an_event_that_changes_when_it_is_stored_is_found() -> None:
    text: Any = "1"
    careless = replace(TRANSFER, decide=lambda _, __: {"source": [Withdrawn.model_construct(amount=text)]})
    spec = DomainSpec(replace(DOMAIN, decisions=[careless])).when("account:a", Transfer("a", "b", 1))
    with pytest.raises(AssertionError, match="Withdrawn"):
        spec.then_events("account:a")


def test_a_manifest_names_a_decision_that_is_declared_twice() -> None:
    with pytest.raises(ConfigurationError, match="decision 'Transfer' is declared twice"):
        replace(DOMAIN, decisions=[TRANSFER, TRANSFER])
