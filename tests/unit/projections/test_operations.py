"""What an operator types, and what it shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.support.ledger import account, deposits
from tests.support.projections import BREAKER_LIMIT, POISON, Ledger, same

from banyan.errors import ConfigurationError, TransitionRejected
from banyan.notices import PROJECTION_PAUSED
from banyan.projections import lag as lags
from banyan.projections.lag import Lag
from banyan.projections.state import Status
from banyan.projections.views import Generation

ANNA, BEN, CARL = account("anna"), account("ben"), account("carl")
HOUR = timedelta(hours=1)


def test_a_fresh_projection_is_active_and_does_not_lag() -> None:
    found = {each.projection: each for each in Ledger().operations.status()}
    assert found.keys() == {"balances", "turnover"}
    balances = found["balances"]
    assert (balances.status, balances.live, balances.pause, balances.parked) == (Status.ACTIVE, 1, None, ())
    assert balances.lag == Lag(0, 0, True)


def test_lag_counts_what_is_not_applied_and_how_long_ago_it_was_recorded() -> None:
    ledger = Ledger()
    ledger.runner.project(ledger.append(ANNA, *deposits(1)))
    ledger.append(ANNA, *deposits(2))
    oldest = ledger.store.head(ANNA).recorded_at
    ledger.append(ANNA, *deposits(3))
    ledger.append(BEN, *deposits(4))
    ledger.clock.move(HOUR)
    (found,) = ledger.operations.status("turnover")
    assert (found.lag.events, found.lag.complete) == (3, True)
    assert found.lag.milliseconds == round((ledger.clock.now - oldest) / timedelta(milliseconds=1))
    ledger.operations.retry("turnover", BEN)
    assert ledger.operations.status("turnover")[0].lag.events == 2
    assert ledger.operations.status("balances")[0].lag.events == 3


def test_lag_is_looked_for_since_the_last_catch_up_and_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lags, "ENTRIES_A_BUCKET", 5)
    ledger = Ledger()
    for _ in range(9):
        ledger.append(ANNA, *deposits(1))
    ledger.clock.move(HOUR)
    assert ledger.operations.status("balances")[0].lag.complete is False
    ledger.catch_up.everything(ledger.soon())
    ledger.append(ANNA, *deposits(1))
    lag = ledger.operations.status("balances")[0].lag
    assert (lag.events, lag.complete) == (1, True)


def test_a_parked_stream_shows_its_error_position_and_attempts_and_does_not_lag() -> None:
    ledger = Ledger()
    bad = [ledger.commit(ANNA, *deposits(1)), ledger.commit(ANNA, *deposits(1, note=POISON))]
    for _ in range(3):
        ledger.runner.project(bad)
    (found,) = ledger.operations.status("balances")
    (parked,) = found.parked
    failure = parked.failure
    assert (parked.generation, failure.stream, failure.version) == (1, ANNA, 2)
    assert (failure.error, failure.attempts) == ("KeyError", 3)
    assert found.lag == Lag(0, 0, True)


def test_a_parked_stream_that_another_process_took_in_is_not_shown_and_trips_no_breaker() -> None:
    ledger = Ledger()
    streams = [account(f"a{number}") for number in range(BREAKER_LIMIT)]
    for stream in streams:
        bad = [ledger.commit(stream, *deposits(1, note=POISON))]
        for _ in range(3):
            ledger.runner.project(bad)
    assert len(ledger.operations.status("balances")[0].parked) == BREAKER_LIMIT
    ledger.cured.cured = True
    ledger.make_runner().project([commit for stream in streams for commit in ledger.store.commits(stream)])
    assert len(ledger.views.parked(Generation("balances"))) == BREAKER_LIMIT, "that process knew of nothing to clear"
    assert ledger.operations.status("balances")[0].parked == ()
    ledger.cured.cured = False
    bad = [ledger.commit(ANNA, *deposits(1, note=POISON))]
    for _ in range(3):
        ledger.runner.project(bad)
    assert [each.failure.stream for each in ledger.operations.status("balances")[0].parked] == [ANNA]
    assert ledger.operations.status("balances")[0].status is Status.ACTIVE


def test_pause_and_resume() -> None:
    ledger = Ledger()
    ledger.operations.pause("balances", "the totals look wrong", "ops@acme")
    (found,) = ledger.operations.status("balances")
    assert found.status is Status.PAUSED
    assert found.pause
    assert (found.pause.reason, found.pause.by) == ("the totals look wrong", "ops@acme")
    detail = {"projection": "balances", "stream": None, "version": None}
    assert ledger.notices.sent == [(PROJECTION_PAUSED, {**detail, "reason": "the totals look wrong", "by": "ops@acme"})]
    ledger.runner.project(ledger.append(ANNA, *deposits(1)))
    assert ledger.balance(ANNA) is None
    ledger.operations.resume("balances", ledger.soon())
    assert same(ledger.balance(ANNA), ledger.expected_balance(ANNA))
    assert ledger.operations.status("balances")[0].status is Status.ACTIVE


def test_a_parked_stream_continues_when_it_is_retried_and_not_before() -> None:
    ledger = Ledger()
    ledger.runner.project(ledger.append(ANNA, *deposits(1)))
    failure = ledger.operations.park("balances", ANNA, "wrong account", "ops@acme")
    assert (failure.version, failure.error, failure.attempts) == (2, "parked by ops@acme: wrong account", 0)
    detail = {"projection": "balances", "stream": str(ANNA), "version": 2, "by": "ops@acme"}
    assert ledger.notices.sent == [(PROJECTION_PAUSED, {**detail, "reason": failure.error})]
    ledger.runner.project(ledger.append(ANNA, *deposits(2)))
    ledger.clock.move(HOUR)
    ledger.catch_up.everything(ledger.soon())
    assert same(ledger.balance(ANNA), ledger.expected_balance(ANNA, 1))
    assert [each.failure for each in ledger.operations.status("balances")[0].parked] == [failure]
    assert ledger.operations.retry("balances", ANNA) is None
    assert same(ledger.balance(ANNA), ledger.expected_balance(ANNA))
    assert ledger.operations.status("balances")[0].parked == ()
    ledger.runner.project(ledger.append(ANNA, *deposits(3)))
    assert same(ledger.balance(ANNA), ledger.expected_balance(ANNA))


def test_one_stream_is_tried_in_a_paused_projection() -> None:
    ledger = Ledger()
    ledger.operations.pause("balances", "bad deployment", "ops")
    ledger.runner.project([*ledger.append(ANNA, *deposits(1)), *ledger.append(BEN, *deposits(1))])
    assert ledger.operations.retry("balances", ANNA) is None
    assert same(ledger.balance(ANNA), ledger.expected_balance(ANNA))
    assert ledger.balance(BEN) is None


@pytest.mark.parametrize(
    ("verb", "error"),
    [
        (lambda ledger: ledger.operations.status("balance"), ConfigurationError),
        (lambda ledger: ledger.operations.pause("balance", "why", "ops"), ConfigurationError),
        (lambda ledger: ledger.operations.resume("balance", ledger.soon()), ConfigurationError),
        (lambda ledger: ledger.operations.park("balance", ANNA, "why", "ops"), ConfigurationError),
        (lambda ledger: ledger.operations.retry("balance", ANNA), ConfigurationError),
        (lambda ledger: ledger.operations.resume("balances", ledger.soon()), TransitionRejected),
    ],
)
def test_a_verb_that_makes_no_sense_is_refused_and_changes_nothing(
    verb: Callable[[Ledger], object], error: type[Exception]
) -> None:
    ledger = Ledger()
    with pytest.raises(error):
        verb(ledger)
    assert all(
        state.revision == 0 for state in ledger.projection_states.get(["balances", "turnover", "balance"]).values()
    )
