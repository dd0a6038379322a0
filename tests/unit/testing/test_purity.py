"""The purity check notices every way out of a pure function."""

from __future__ import annotations

import gc
import os
import random
import secrets
import socket
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from time import time as now
from typing import Any

import pytest
from tests.support.ledger import ACCOUNTS, REGISTRY, Account, Deposit, Deposited, Withdraw, decide, evolve
from tests.support.owned import OWNED, STATEMENT, WINDOWS

from banyan.domain import Domain
from banyan.events import DomainEvent, Event
from banyan.projections.base import Add, AnyRowsProjection, Lookup, StreamProjection, ViewProjection
from banyan.reactions.base import History, Policy, Reaction, Send
from banyan.testing import ProjectionSpec, check_determinism, check_purity

COMMANDS = [Deposit(5), Withdraw(9), Withdraw(2)]


def bank(**changes: Any) -> Domain:
    """The ledger domain with some functions of its decider changed."""
    return Domain("bank", REGISTRY, [replace(ACCOUNTS, **changes)])


def decide_after(impurity: Callable[[], object]) -> Callable[[Any, Account], Sequence[DomainEvent]]:
    def decide_impurely(command: Any, account: Account) -> Sequence[DomainEvent]:
        impurity()
        return decide(command, account)

    return decide_impurely


def test_passes_a_pure_domain_and_returns_what_was_decided() -> None:
    assert [event.event_type() for event in check_purity(bank(), "account", COMMANDS)] == ["Deposited", "Withdrawn"]


def test_names_an_event_that_no_command_leads_to_and_one_that_is_not_expected() -> None:
    check_purity(bank(), "account", COMMANDS, ["Deposited", "Withdrawn"])
    with pytest.raises(AssertionError, match="no command leads to Withdrawn: add one that does to the commands"):
        check_purity(bank(), "account", COMMANDS[:1], ["Deposited", "Withdrawn"])
    with pytest.raises(AssertionError, match="the commands lead to Withdrawn, not expected"):
        check_purity(bank(), "account", COMMANDS, ["Deposited"])


@pytest.mark.parametrize(
    ("impurity", "name"),
    [
        (lambda: datetime.now(UTC), "now"),
        (lambda: date.today(), "today"),  # noqa: DTZ011
        (now, "time"),
        (lambda: time.monotonic(), "monotonic"),
        (lambda: time.sleep(0), "sleep"),
        (lambda: random.random(), "random"),
        (lambda: random.choice("ab"), "getrandbits"),
        (lambda: uuid.uuid4(), "urandom"),
        (lambda: secrets.token_hex(), "urandom"),
        (lambda: os.getpid(), "getpid"),
        (lambda: Path(__file__).read_text(), "open"),
        (lambda: print(end=""), "print"),
        (lambda: socket.gethostname(), "gethostname"),
        (lambda: socket.socket().close(), "close"),
    ],
)
def test_names_an_impure_call_and_its_line(impurity: Callable[[], object], name: str) -> None:
    with pytest.raises(AssertionError, match=rf"impure domain code: .*\b{name} at \w+\.py:\d+"):
        check_purity(bank(decide=decide_after(impurity)), "account", COMMANDS)


def test_notices_a_clock_in_evolve() -> None:
    def evolve_impurely(account: Account, event: DomainEvent) -> Account:
        now()
        return evolve(account, event)

    with pytest.raises(AssertionError, match=r"time at test_purity\.py"):
        check_purity(bank(evolve=evolve_impurely), "account", COMMANDS)


def test_notices_a_clock_in_projections() -> None:
    view = ViewProjection("view", "account", lambda _: [Add("a", "b", {"n": int(now())})])
    states = StreamProjection("states", "account", Account, Account, lambda *_: Account(balance=int(now())))

    for projection in (view, states):
        with pytest.raises(AssertionError, match=r"time at test_purity\.py"):
            check_purity(replace(bank(), projections=[projection]), "account", COMMANDS)


def test_notices_a_hidden_state() -> None:
    calls = count(1)

    def decide_differently(*_: Any) -> Sequence[DomainEvent]:
        return [Deposited(amount=next(calls))]

    with pytest.raises(AssertionError, match="answers to the same commands"):
        check_purity(bank(decide=decide_differently), "account", COMMANDS)


def test_does_not_blame_the_domain_for_garbage_collection() -> None:
    def collected(*_: object) -> None:
        time.perf_counter()

    thresholds = gc.get_threshold()
    gc.callbacks.append(collected)
    gc.set_threshold(1)
    try:
        check_purity(bank(), "account", COMMANDS)
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(collected)

    assert gc.isenabled()


def test_leaves_projections_of_other_entities_alone() -> None:
    other = ViewProjection("other", "order", lambda _: [Add("a", "b", {"n": int(now())})])

    both = replace(bank(), deciders=[ACCOUNTS, replace(ACCOUNTS, entity="order")], projections=[other])
    check_purity(both, "account", COMMANDS)


def test_notices_an_impure_policy() -> None:
    def remind(event: Event, history: History) -> Sequence[Reaction]:  # noqa: ARG001
        return [Send("account", str(uuid.uuid4()), Deposit(1), "s")]

    domain = Domain("bank", REGISTRY, [ACCOUNTS], policies=[Policy("remind", "account", remind)])
    with pytest.raises(AssertionError, match="urandom"):
        check_purity(domain, "account", COMMANDS)


def test_gives_a_policy_the_history_up_to_its_event() -> None:
    seen: list[list[int]] = []

    def look(event: Event, history: History) -> Sequence[Reaction]:  # noqa: ARG001
        seen.append([each.version for each in history()])
        return ()

    check_purity(Domain("bank", REGISTRY, [ACCOUNTS], policies=[Policy("look", "account", look)]), "account", COMMANDS)
    assert seen == [[1], [1, 2]] * 2


def test_functions_of_rows_that_a_stream_owns_are_checked() -> None:
    domain = replace(bank(), projections=OWNED)
    check_purity(domain, "account", COMMANDS)
    timed = replace(STATEMENT, expires=lambda _: datetime.now(UTC))
    drawn = replace(STATEMENT, lookups=[Lookup("any", lambda _: "", lambda _: f"{random.random()}")])
    for projection, name in [(timed, "now"), (drawn, "random")]:
        with pytest.raises(AssertionError, match=name):
            check_purity(replace(domain, projections=[projection]), "account", COMMANDS)


def test_rows_that_a_stream_owns_do_not_depend_on_clock_or_delivery() -> None:
    def spec(projection: AnyRowsProjection) -> ProjectionSpec:
        given = ProjectionSpec(projection, REGISTRY).given("acme:account:a", Deposited(amount=1), Deposited(amount=2))
        return given.given("acme:account:b", Deposited(amount=1)).given("acme:account:a", Deposited(amount=1))

    for projection in OWNED:
        check_determinism(spec(projection))
    timed = replace(WINDOWS, expires=lambda _: datetime.now(UTC))
    with pytest.raises(AssertionError, match=r"_window .* answers differently .*, at Deposited 1 of acme:account:a"):
        check_determinism(spec(timed))
