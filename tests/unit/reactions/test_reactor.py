"""The reactor: each commit in order, whatever the delivery does; one bad stream stops alone; history is history."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.interruptions import Interruption, Killed, Outside, killed_after, killed_before, meanwhile
from tests.support.ledger import account, deposits
from tests.support.reactions import POISON, Bank, Noted, deposited

from banyan.errors import BatchFailed, ConfigurationError, StoreUnavailable
from banyan.projections.retries import BREAKER, RetryPolicy
from banyan.projections.state import ProjectionState
from banyan.reactions.base import REACTOR
from banyan.reactions.reactor import DEPLOYMENT, Beginning, Reactor
from banyan.streams import StreamId

ANNA, BEN, CARL = account("anna"), account("ben"), account("carl")


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_effects_act_in_order_and_once_whatever_is_delivered(picks: list[int]) -> None:
    noted = Noted()
    bank = Bank(effects=[noted])
    commits = [bank.commit(ANNA, *deposits(*range(1, size + 1))) for size in (1, 3, 2, 1, 1, 2)]
    for pick in picks:
        assert not bank.reactor.project([commits[pick]])
    taken = [version for _, version in noted.taken]
    assert taken == [commit.last for commit in commits[: len(taken)]]
    assert len(taken) > max(picks)
    assert bank.reached(ANNA) == taken[-1]


def test_a_batch_is_put_in_order_stream_by_stream() -> None:
    noted = Noted()
    bank = Bank(effects=[noted])
    commits = [bank.commit(stream, *deposits(1)) for _ in range(3) for stream in (ANNA, BEN)]
    Random(7).shuffle(commits)
    assert not bank.reactor.project(commits)
    assert sorted(noted.taken) == sorted((str(stream), version) for stream in (ANNA, BEN) for version in (1, 2, 3))
    assert [version for stream, version in noted.taken if stream == str(ANNA)] == [1, 2, 3]


def test_an_effect_gets_all_events_of_a_commit() -> None:
    noted = Noted()
    bank = Bank(effects=[noted])
    bank.reactor.project([bank.commit(ANNA, *deposits(1, 2, 3))])
    assert [event.version for event in noted.events] == [1, 2, 3]


def test_a_damaged_record_is_read_from_the_event_table() -> None:
    noted = Noted()
    bank = Bank(effects=[noted])
    bank.commit(ANNA, *deposits(1))
    assert not bank.reactor.project([], [ANNA])
    assert noted.taken == [(str(ANNA), 1)]


def test_a_failing_stream_stops_alone_is_parked_and_continues_when_it_is_retried() -> None:
    noted = Noted(error=KeyError("account"))
    bank = Bank(effects=[noted])
    batch = [
        bank.commit(ANNA, *deposits(1)),
        bank.commit(ANNA, deposited(1, POISON)),
        bank.commit(ANNA, *deposits(2)),
        bank.commit(BEN, *deposits(3)),
    ]
    assert [bank.reactor.project(batch) for _ in range(3)] == [{ANNA}, {ANNA}, set()]
    assert noted.taken == [(str(ANNA), 1), (str(BEN), 1)]
    failure = bank.failure(ANNA)
    assert failure
    assert failure.parked_at
    assert (failure.version, failure.error) == (2, "KeyError")
    assert bank.telemetry.counts["ProjectionParked"] == 1
    bank.make_reactor().project([bank.commit(ANNA, *deposits(4))])
    assert bank.reached(ANNA) == 1
    assert bank.reactor.retry("reactor", ANNA)
    noted.error = None
    assert bank.reactor.retry("reactor", ANNA) is None
    assert bank.failure(ANNA) is None
    assert noted.taken[2:] == [(str(ANNA), 2), (str(ANNA), 3), (str(ANNA), 4)]


def test_while_it_is_paused_nothing_is_taken_and_nothing_is_parked() -> None:
    noted = Noted(error=KeyError("account"))
    bank = Bank(effects=[noted])
    bank.projection_states.change("reactor", lambda state: state.paused(bank.clock(), "a bug", "ops"))
    batch = [bank.commit(ANNA, *deposits(1)), bank.commit(BEN, deposited(1, POISON))]
    assert not bank.reactor.project(batch)
    assert (noted.taken, bank.failure(BEN)) == ([], None)
    bank.projection_states.change("reactor", ProjectionState.resumed)
    bank.reactor.project(batch)
    assert noted.taken == [(str(ANNA), 1)]


def test_too_many_parked_streams_pause_it() -> None:
    bank = Bank(effects=[Noted(error=KeyError("account"))])
    for number in range(RetryPolicy().breaker_parked_streams + 1):
        assert bank.projection_states.get()["reactor"].pause is None
        batch = [bank.commit(account(f"a{number}"), deposited(1, POISON))]
        for _ in range(3):
            bank.reactor.project(batch)
    pause = bank.projection_states.get()["reactor"].pause
    assert pause
    assert pause.by == BREAKER


def test_there_is_nothing_else_to_retry() -> None:
    with pytest.raises(ConfigurationError, match="balances"):
        Bank().reactor.retry("balances", ANNA)


def test_when_most_streams_fail_no_event_is_blamed() -> None:
    bank = Bank(effects=[Noted(error=KeyError("bus"))])
    batch = [bank.commit(stream, deposited(1, POISON)) for stream in (ANNA, BEN, CARL)]
    for _ in range(5):
        with pytest.raises(BatchFailed):
            bank.reactor.project(batch)
    assert bank.failure(ANNA) is None


def test_when_the_database_does_not_answer_the_batch_is_to_come_again() -> None:
    noted = Noted(error=StoreUnavailable("no answer"))
    bank = Bank(effects=[noted])
    batch = [bank.commit(ANNA, deposited(1, POISON))]
    for _ in range(5):
        with pytest.raises(StoreUnavailable):
            bank.reactor.project(batch)
    assert bank.failure(ANNA) is None
    noted.error = None
    assert not bank.reactor.project(batch)
    assert noted.taken == [(str(ANNA), 1)]


def test_a_later_effect_that_fails_lets_the_earlier_ones_see_the_commit_again() -> None:
    first, second = Noted(), Noted(error=KeyError("bus"))
    bank = Bank(effects=[first, second])
    batch = [bank.commit(ANNA, deposited(1, POISON))]
    assert bank.reactor.project(batch) == {ANNA}
    second.error = None
    assert not bank.reactor.project(batch)
    assert (first.taken, second.taken) == ([(str(ANNA), 1)] * 2, [(str(ANNA), 1)])


def test_an_old_history_has_no_effects_when_the_reactor_first_meets_it() -> None:
    noted = Noted()
    bank = Bank(effects=[noted])
    old = bank.commit(ANNA, *deposits(1, 2))
    silent = bank.commit(BEN, *deposits(1))
    bank.clock.move(DEPLOYMENT + timedelta(seconds=1))
    new = bank.commit(ANNA, *deposits(3))
    assert not bank.reactor.project([new, silent])
    assert noted.taken == [(str(ANNA), 3)]
    assert (bank.reached(ANNA), bank.reached(BEN)) == (3, 1)
    assert not bank.make_reactor().project([old, new])
    assert noted.taken == [(str(ANNA), 3)]


def test_what_comes_after_the_first_start_has_effects_however_late_it_is_delivered() -> None:
    noted = Noted()
    bank = Bank(effects=[noted])
    bank.reactor.project([bank.commit(BEN, *deposits(1))])
    late = bank.commit(ANNA, *deposits(1))
    bank.clock.move(timedelta(days=3))
    assert not bank.make_reactor().project([late])
    assert noted.taken == [(str(BEN), 1), (str(ANNA), 1)]


def test_the_first_events_of_a_new_deployment_have_effects_though_they_are_older_than_the_reactor() -> None:
    noted = Noted()
    bank = Bank(effects=[noted])
    first = bank.commit(ANNA, *deposits(1))
    bank.clock.move(DEPLOYMENT - timedelta(seconds=1))
    assert not bank.reactor.project([first])
    assert noted.taken == [(str(ANNA), 1)]


@pytest.mark.parametrize("at", [1, 2, 3])
def test_two_first_starts_agree_on_one_beginning(at: int) -> None:
    noted = Noted()
    bank = Bank(effects=[noted])
    batch = [bank.commit(ANNA, *deposits(1))]

    def start_first() -> None:
        bank.make_reactor().project([bank.commit(BEN, *deposits(1))])
        bank.clock.move(timedelta(hours=1))

    views = Outside({at: meanwhile(start_first)}).tap(bank.views)
    assert not Reactor(bank.store, views, [noted], retry_policy=RetryPolicy(clock=bank.clock)).project(batch)
    assert sorted(noted.taken) == [(str(ANNA), 1), (str(BEN), 1)]


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_of_two_first_starts_both_keep_to_the_beginning_that_was_kept(at: int) -> None:
    """The slower one read its clock before the other decided, and its commit lies between their two moments."""
    noted = Noted()
    bank = Bank(effects=[noted])
    old = bank.commit(ANNA, *deposits(1))
    bank.clock.move(DEPLOYMENT - timedelta(minutes=1))

    def start_first() -> None:
        bank.clock.move(timedelta(minutes=5))
        bank.make_reactor().project([bank.commit(BEN, *deposits(1))])

    views = Outside({at: meanwhile(start_first)}).tap(bank.views)
    assert not Reactor(bank.store, views, [noted], retry_policy=RetryPolicy(clock=bank.clock)).project([old])
    kept = Beginning(REACTOR, bank.views, bank.clock).moment
    assert ((str(ANNA), 1) in noted.taken) == (kept <= old.recorded_at)


def test_the_engines_own_streams_have_no_effects() -> None:
    noted = Noted()
    bank = Bank(effects=[noted])
    stream = StreamId("_system", "account", "a")
    assert not bank.reactor.project([bank.commit(stream, *deposits(1))])
    assert (noted.taken, bank.reached(stream)) == ([], 0)


@pytest.mark.parametrize("kill", [killed_before, killed_after])
def test_after_a_death_at_any_request_the_commit_is_taken_again_and_then_no_more(kill: Interruption) -> None:
    for at in range(1, 5):
        noted = Noted()
        bank = Bank(effects=[noted])
        batch = [bank.commit(ANNA, *deposits(1))]
        dying = Reactor(
            bank.store, Outside({at: kill}).tap(bank.views), [noted], retry_policy=RetryPolicy(clock=bank.clock)
        )
        with pytest.raises(Killed):
            dying.project(batch)
        for _ in range(2):
            assert not bank.make_reactor().project(batch)
        assert set(noted.taken) == {(str(ANNA), 1)}
        assert len(noted.taken) <= 2
        assert bank.reached(ANNA) == 1


def test_the_lag_is_reported() -> None:
    bank = Bank()
    bank.reactor.project([bank.commit(ANNA, *deposits(1))])
    ((name, lag),) = bank.telemetry.durations
    assert name == "ReactionLag"
    assert 0 < lag < 100
