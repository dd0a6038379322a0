"""A reactor whose deliveries are lost for good: the log of all streams says what happened."""

from __future__ import annotations

from datetime import timedelta

from tests.support.ledger import account, deposits
from tests.support.reactions import POISON, Bank, Noted, deposited

from banyan.projections.catchup import CatchUp, CaughtUp, LogCheckpoints
from banyan.reactions.reactor import DEPLOYMENT
from banyan.store.log import MARGIN

ANNA, BEN, CARL = account("anna"), account("ben"), account("carl")
OUTAGE = timedelta(days=3)


def caught_up(bank: Bank) -> CaughtUp:
    """What one run does."""
    catch_up = CatchUp(bank.reactor, bank.store, LogCheckpoints(), bank.clock, bank.telemetry)
    (report,) = catch_up.everything(bank.clock() + timedelta(seconds=30))
    return report


def test_what_was_never_delivered_has_its_effects_in_order_and_once() -> None:
    noted = Noted()
    bank = Bank(effects=[noted])
    bank.reactor.project([bank.commit(ANNA, *deposits(1))])
    for stream in (ANNA, BEN, ANNA):
        bank.commit(stream, *deposits(1))
    bank.clock.move(OUTAGE)
    report = caught_up(bank)
    assert (report.moved, report.complete, report.error) == (2, True, None)
    assert sorted(noted.taken) == [(str(ANNA), 1), (str(ANNA), 2), (str(ANNA), 3), (str(BEN), 1)]
    assert caught_up(bank).moved == 0
    assert len(noted.taken) == 4


def test_what_may_still_be_delivered_is_left_to_the_delivery() -> None:
    noted = Noted()
    bank = Bank(effects=[noted])
    bank.reactor.project([bank.commit(ANNA, *deposits(1))])
    bank.commit(BEN, *deposits(1))
    assert caught_up(bank).moved == 0
    bank.clock.move(MARGIN)
    assert caught_up(bank).moved == 1


def test_a_history_from_before_the_reactor_stays_without_effects() -> None:
    noted = Noted()
    bank = Bank(effects=[noted])
    bank.commit(CARL, *deposits(1))
    bank.clock.move(DEPLOYMENT + timedelta(seconds=1))
    assert caught_up(bank).moved == 0
    bank.commit(BEN, *deposits(1))
    bank.clock.move(OUTAGE)
    caught_up(bank)
    assert noted.taken == [(str(BEN), 1)]


def test_a_stream_that_fails_is_parked_and_the_others_are_caught_up() -> None:
    noted = Noted(error=KeyError("account"))
    bank = Bank(effects=[noted])
    bank.reactor.project([bank.commit(ANNA, *deposits(1))])
    bank.commit(BEN, deposited(1, POISON))
    bank.commit(CARL, *deposits(1))
    bank.clock.move(OUTAGE)
    assert caught_up(bank).complete
    failure = bank.failure(BEN)
    assert failure
    assert failure.parked_at
    assert noted.taken == [(str(ANNA), 1), (str(CARL), 1)]
