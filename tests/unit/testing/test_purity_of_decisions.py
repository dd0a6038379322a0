"""The purity check runs decisions: their participants and their rules, over all streams that they name."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from tests.support.ledger import ACCOUNTS, REGISTRY, Deposit, Deposited, Withdrawn
from tests.support.transfers import (
    DIRECTORIES,
    LEAVE_ALL,
    TRANSFER,
    TRANSFER_REGISTRY,
    LeaveAll,
    Named,
    Transfer,
    parties,
    transfer,
)

from banyan.decision import Decided, Decision, Participant, Participants, States
from banyan.domain import Domain
from banyan.errors import ConfigurationError
from banyan.events import DomainEvent, Event
from banyan.projections.base import Add, ViewProjection
from banyan.reactions.base import History, Policy, Reaction
from banyan.testing import check_purity

COMMANDS = [Deposit(9), Transfer("a", "b", 10), Transfer("a", "b", 7), Transfer("a", "b", 0)]
GIVEN: dict[str, list[DomainEvent]] = {"account:a": [Deposited(amount=5)], "directory:d": [Named(successor="b")]}


def bank(*decisions: Decision[Any], **changes: Any) -> Domain:
    """Accounts and directories, with transfers."""
    return Domain("bank", TRANSFER_REGISTRY, [ACCOUNTS, DIRECTORIES], decisions=decisions or [TRANSFER], **changes)


def test_decides_over_several_streams_and_returns_what_was_decided_in_all() -> None:
    decided = check_purity(bank(), "account", COMMANDS, REGISTRY.event_types)
    assert decided == [Deposited(amount=9), Withdrawn(amount=7), Deposited(amount=7)]


def test_runs_the_command_of_a_decision_alone() -> None:
    assert check_purity(bank(LEAVE_ALL), "account", [LeaveAll("a")]) == []


def test_finds_participants_in_states_and_begins_with_what_is_given() -> None:
    decided = check_purity(bank(LEAVE_ALL), "account", [LeaveAll("a")], TRANSFER_REGISTRY.event_types, given=GIVEN)
    assert decided == [Withdrawn(amount=5), Deposited(amount=5), Named(successor="after")]


def test_names_an_event_that_no_decision_leads_to() -> None:
    with pytest.raises(AssertionError, match="no command leads to Withdrawn"):
        check_purity(bank(), "account", COMMANDS[:2], REGISTRY.event_types)


def test_notices_dice_in_decide_and_a_clock_in_participants() -> None:
    def gamble(command: Transfer, states: States) -> Decided:
        random.random()
        return transfer(command, states)

    def parties_of_today(command: Transfer, states: States) -> Participants:
        time.time()
        return parties(command, states)

    with pytest.raises(AssertionError, match=r"impure domain code: Random\.random at test_purity_of_decisions\.py"):
        check_purity(bank(replace(TRANSFER, decide=gamble)), "account", COMMANDS)
    with pytest.raises(AssertionError, match=r"impure domain code: time at test_purity_of_decisions\.py"):
        check_purity(bank(replace(TRANSFER, participants=parties_of_today)), "account", COMMANDS)


def test_notices_answers_that_differ_when_asked_again() -> None:
    decided: list[Transfer] = []

    def other_events(command: Transfer, _: States) -> Decided:
        decided.append(command)
        return {"target": [Deposited(amount=len(decided))]}

    def other_target(command: Transfer, states: States) -> Participants:
        return {**parties(command, states), "target": Participant(ACCOUNTS, f"b{len(decided)}")}

    with pytest.raises(AssertionError, match="answers to the same commands"):
        check_purity(bank(replace(TRANSFER, decide=other_events)), "account", COMMANDS)

    def keep(command: Transfer, _: States) -> Decided:
        decided.append(command)
        return {}

    with pytest.raises(AssertionError, match="answers to the same commands"):
        check_purity(bank(Decision(Transfer, other_target, keep)), "account", COMMANDS)


def test_participants_that_never_settle_fail() -> None:
    numbers = count()

    def other(_: Transfer, __: States) -> Participants:
        return {f"n{next(numbers)}": Participant(ACCOUNTS, "a")}

    with pytest.raises(AssertionError, match="participants of Transfer never settle"):
        check_purity(bank(replace(TRANSFER, participants=other)), "account", COMMANDS)


def test_a_decision_that_answers_for_a_stranger_fails() -> None:
    strange = replace(TRANSFER, decide=lambda *_: {"stranger": [Deposited(amount=1)]})
    with pytest.raises(ConfigurationError, match="'stranger', which is not a participant"):
        check_purity(bank(strange), "account", COMMANDS)


def test_gives_what_was_decided_in_other_streams_to_their_projections_and_policies() -> None:
    def count_names(_: Event) -> list[Add]:
        time.time()
        return []

    def look(_: Event, __: History) -> Sequence[Reaction]:
        random.random()
        return ()

    view, policy = ViewProjection("names", "directory", count_names), Policy("look", "directory", look)
    with pytest.raises(AssertionError, match=r"time at .*random at "):
        check_purity(bank(LEAVE_ALL, projections=[view], policies=[policy]), "account", [LeaveAll("a")], given=GIVEN)
