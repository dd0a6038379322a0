"""Policies under the reactor: what is sent, in whose name, how often, and what a refusal means."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from tests.support.clocks import START
from tests.support.interruptions import Outside
from tests.support.ledger import Deposit, Deposited, Withdraw, Withdrawn, account, deposits
from tests.support.reactions import Bank, Remind, deposited, pass_on, remind

from banyan.commands.handler import CLOCK_SKEW, CommandHandler
from banyan.domain import Domain
from banyan.errors import ConcurrencyError, ConfigurationError, StoreUnavailable
from banyan.events import Event, Metadata
from banyan.reactions.base import History, Policy, Reaction, Schedule, Send
from banyan.streams import StreamId

ANNA, BEN = account("anna"), account("ben")


def always(*reactions: Reaction) -> Policy:
    """A policy that reacts to every event alike."""
    return Policy("always", "account", lambda event, history: reactions)  # noqa: ARG005


def test_a_command_is_handled_once_in_the_name_of_the_policy() -> None:
    bank = Bank()
    metadata = Metadata(correlation_id="request-1", causation_id="gateway-1", actor="user-1")
    commit = bank.commit(ANNA, deposited(5, "ben"), metadata=metadata)
    bank.reactor.project([commit])
    (cause,), (event,) = bank.events("anna"), bank.events("ben")
    assert event.payload == Deposited(amount=5)
    assert event.metadata == Metadata(correlation_id="request-1", causation_id=cause.event_id, actor="policy:pass_on")


def test_an_event_without_a_correlation_begins_one() -> None:
    bank = Bank()
    bank.reactor.project([bank.commit(ANNA, deposited(5, "ben"))])
    (cause,), (event,) = bank.events("anna"), bank.events("ben")
    assert event.metadata.correlation_id == event.metadata.causation_id == cause.event_id


def test_a_command_stays_with_the_tenant_of_its_event() -> None:
    bank = Bank()
    bank.reactor.project([bank.commit(account("anna", "globex"), deposited(5, "ben"))])
    assert bank.events("ben") == []
    assert len(bank.events("ben", "globex")) == 1


@pytest.mark.parametrize("slow", [timedelta(0), CLOCK_SKEW / 2])
def test_a_repeat_by_a_reactor_that_knows_nothing_finds_the_first_commit(slow: timedelta) -> None:
    """Also where the first one's clock was slow, so that the effect seems to come before its cause."""
    bank = Bank()
    commit = bank.commit(ANNA, deposited(5, "ben"))
    events = bank.store.decode(commit)
    bank.clock.move(-slow)
    bank.policies().act(commit, events)
    for _ in range(300):
        bank.commit(BEN, *deposits(1))
    bank.clock.move(timedelta(days=2))
    bank.policies().act(commit, events)
    assert [event.payload for event in bank.events("ben")].count(Deposited(amount=5)) == 1


def test_each_event_each_policy_and_each_step_is_a_command_of_its_own() -> None:
    twice = [Send("account", "ben", Deposit(1), step) for step in ("one", "two")]

    def react(event: Event, history: History) -> Sequence[Reaction]:  # noqa: ARG001
        return twice if event.stream_id == ANNA else ()

    bank = Bank(Policy("a", "account", react), Policy("b", "account", react))
    bank.reactor.project([bank.commit(ANNA, *deposits(7, 7))])
    assert len(bank.events("ben")) == 8


def test_a_refusal_is_an_answer_that_is_counted_and_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bank = Bank(always(Send("account", "ben", Withdraw(9), "take")))
    assert not bank.reactor.project([bank.commit(ANNA, *deposits(1))])
    assert bank.telemetry.counts["PolicyRejections"] == 1
    assert bank.reached(ANNA) == 1
    (record,) = [record for record in caplog.records if record.name == "banyan.reactions.policies"]
    assert "no_cover" in record.getMessage()
    assert "the account holds" not in record.getMessage()
    (cause,) = bank.events("anna")
    names = ("policy", "step", "command", "stream", "code", "event", "correlation_id")
    told = ("always", "take", "Withdraw", "acme:account:ben", "no_cover", cause.event_id, cause.event_id)
    assert (record.levelno, *(record.__dict__[name] for name in names)) == (logging.WARNING, *told)


def test_a_stream_that_others_keep_writing_to_makes_the_batch_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bank = Bank()
    commit = bank.commit(ANNA, deposited(5, "ben"))

    def contended(*arguments: Any, **named: Any) -> None:  # noqa: ARG001
        raise ConcurrencyError(BEN, 1, 2)

    with monkeypatch.context() as patched:
        patched.setattr(CommandHandler, "handle", contended)
        for _ in range(5):
            with pytest.raises(StoreUnavailable, match=r"acme:account:ben"):
                bank.reactor.project([commit])
    assert bank.failure(ANNA) is None
    assert not bank.reactor.project([commit])
    assert len(bank.events("ben")) == 1


def test_commands_to_streams_that_do_not_exist_are_left_out_for_one_read_of_them_all() -> None:
    names = [f"account-{number}" for number in range(50)]
    bank = Bank(always(*(Send("account", name, Deposit(1), name, existing=True) for name in names)))
    commit = bank.commit(ANNA, *deposits(1))
    bank.commit(account("account-7"), *deposits(5))
    outside = Outside()
    bank.store.table = outside.tap(bank.store.table)
    bank.policies().act(commit, bank.store.decode(commit))
    told = {name: [event.payload for event in bank.events(name)] for name in names}
    assert told == {name: [] for name in names} | {"account-7": [Deposited(amount=5), Deposited(amount=1)]}
    existing, load, append, looks = 1, 1, 1, len(names)
    assert outside.requests == existing + load + append + looks


def test_a_policy_sees_the_history_up_to_its_event_and_no_further() -> None:
    seen: list[list[int]] = []

    def look(event: Event, history: History) -> Sequence[Reaction]:  # noqa: ARG001
        seen.append([earlier.version for earlier in history()])
        return ()

    bank = Bank(Policy("look", "account", look))
    batch = [bank.commit(ANNA, *deposits(1, 2)), bank.commit(ANNA, *deposits(3))]
    bank.reactor.project(batch)
    assert seen == [[1], [1, 2], [1, 2, 3]]


def test_a_history_that_no_policy_asks_for_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    bank = Bank(Policy("idle", "account", lambda event, history: ()))  # noqa: ARG005
    commit = bank.commit(ANNA, *deposits(1))
    monkeypatch.setattr(bank.store, "read", lambda *_, **__: pytest.fail("the history was read"))
    assert not bank.reactor.project([commit])


def test_a_deadline_is_scheduled_by_its_setting_from_the_recording_of_the_event() -> None:
    bank = Bank(Policy("remind", "account", remind))
    bank.reactor.project([bank.commit(ANNA, *deposits(5))])
    backdated = Metadata(correlation_id="request-2", occurred_at=START - timedelta(days=400))
    bank.store.append(ANNA, 1, [Withdrawn(amount=5)], metadata=backdated)
    bank.reactor.project(list(bank.store.commits(ANNA)))
    (deadline,) = bank.deadlines.scheduled
    cause = bank.events("anna")[-1]
    assert (deadline.stream, deadline.name, deadline.command) == (ANNA, "reminder", Remind())
    assert deadline.due == cause.timestamp + timedelta(days=3)
    assert deadline.metadata == Metadata(correlation_id="request-2", causation_id=cause.event_id, actor="policy:remind")
    bank.policies().act(list(bank.store.commits(ANNA))[-1], [cause])
    assert len({each.commit_id for each in bank.deadlines.scheduled}) == 1


def test_a_policy_may_say_itself_when_a_deadline_is_due() -> None:
    bank = Bank(always(Schedule("reminder", "account", "ben", Remind(), after=timedelta(0))))
    bank.reactor.project([bank.commit(ANNA, *deposits(5))])
    (deadline,) = bank.deadlines.scheduled
    assert deadline.due == bank.events("anna")[0].timestamp


class Unknown(Remind):
    """No command of the decider."""


@pytest.mark.parametrize(
    ("reactions", "reason"),
    [
        ([Schedule("reminder", "account", "ben", Unknown())], "Unknown"),
        ([Schedule("birthday", "account", "ben", Remind())], "birthday"),
        ([Send("nothing", "ben", Deposit(1), "s")], "nothing"),
        ([Send("account", "ben", Deposit(1), "s"), Send("account", "carl", Deposit(1), "s")], "'s'"),
        ([Send("account", "not:an:id", Deposit(1), "s")], "not:an:id"),
    ],
)
def test_a_reaction_that_can_never_work_parks_its_stream_and_says_why(reactions: list[Reaction], reason: str) -> None:
    bank = Bank(always(*reactions))
    batch = [bank.commit(ANNA, *deposits(1))]
    assert [bank.reactor.project(batch) for _ in range(3)] == [{ANNA}, {ANNA}, set()]
    failure = bank.failure(ANNA)
    assert failure
    assert reason in failure.error
    assert bank.events("ben") == []
    assert bank.events("carl") == []


def test_policies_are_declared_with_names_of_their_own() -> None:
    registry, deciders = Bank().domain.registry, Bank().domain.deciders
    with pytest.raises(ConfigurationError, match="'twice'"):
        Domain("d", registry, deciders, policies=[Policy("twice", "account", pass_on)] * 2)
    with pytest.raises(ConfigurationError, match="no name"):
        Policy("no name", "account", pass_on)


def test_a_commit_of_another_entity_concerns_no_policy() -> None:
    bank = Bank(always(Send("account", "ben", Deposit(1), "s")))
    assert not bank.reactor.project([bank.commit(StreamId("acme", "vault", "v"), *deposits(1))])
    assert bank.events("ben") == []
