"""A stream that cannot be projected stops alone, is tried again, parked, and resumed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

import pytest
from tests.support.interruptions import Killed
from tests.support.ledger import account, deposits
from tests.support.projections import POISON, Ledger, same

from banyan.errors import BatchFailed, ConfigurationError, StoreUnavailable
from banyan.projections.memory import MemoryViews
from banyan.projections.views import FailureRecord, Generation, StateRow, ViewUpdate
from banyan.store import Commit
from banyan.streams import StreamId

ANNA, BEN, CARL = account("anna"), account("ben"), account("carl")
ATTEMPTS = 3


def poisoned(ledger: Ledger) -> list[Commit]:
    """A batch in which one of three streams has a bad event, with a good one before and after it."""
    return [
        *ledger.append(ANNA, *deposits(1)),
        *ledger.append(BEN, *deposits(10)),
        *ledger.append(ANNA, *deposits(2, note=POISON)),
        *ledger.append(ANNA, *deposits(3)),
        *ledger.append(CARL, *deposits(20)),
    ]


def until_parked(ledger: Ledger, batch: Sequence[Commit]) -> None:
    """Deliver as Lambda does, until nothing is to be delivered again."""
    for _ in range(ATTEMPTS - 1):
        assert ledger.runner.project(batch) == {ANNA}
    assert ledger.runner.project(batch) == frozenset()


def test_the_other_streams_go_on() -> None:
    ledger = Ledger()
    assert ledger.runner.project(poisoned(ledger)) == {ANNA}
    for stream in (BEN, CARL):
        assert same(ledger.balance(stream), ledger.expected_balance(stream))
        assert ledger.checkpoint(stream) == 1


def test_what_lies_before_the_bad_event_is_applied_and_nothing_after_it() -> None:
    ledger = Ledger()
    until_parked(ledger, poisoned(ledger))
    assert same(ledger.balance(ANNA), ledger.expected_balance(ANNA, 1))
    upto = {ANNA: 1, BEN: 1, CARL: 1}
    assert ledger.turnover_rows() == ledger.expected_turnover(upto)


def test_waits_double_and_the_failure_is_remembered() -> None:
    ledger = Ledger()
    batch = poisoned(ledger)
    ledger.runner.project(batch)
    failure = ledger.failure("balances", ANNA)
    assert failure
    assert (failure.version, failure.error, failure.attempts, failure.parked_at) == (2, "KeyError", 1, None)
    assert failure.next_try <= ledger.clock.now
    ledger.runner.project(batch)
    assert [round(wait, 1) for wait in ledger.waits] == [0.2, 0.4]


def test_of_several_streams_the_longest_wait_counts() -> None:
    ledger = Ledger()
    ledger.projections = [ledger.balances]
    runner = ledger.make_runner()
    first = ledger.append(ANNA, *deposits(1, note=POISON))
    runner.project(first)
    for stream in (BEN, CARL):
        first += ledger.append(stream, *deposits(1, note=POISON if stream == BEN else ""))
    assert runner.project(first) == {ANNA, BEN}
    assert [round(wait, 1) for wait in ledger.waits] == [0.2, 0.4]


def test_after_its_retries_a_stream_is_parked_counted_and_logged_without_event_data(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ledger = Ledger()
    until_parked(ledger, poisoned(ledger))
    assert ledger.telemetry.counts["ProjectionParked"] == 2
    assert ledger.telemetry.counts["BatchFailures"] == ATTEMPTS - 1
    for projection in ("balances", "turnover"):
        (parked,) = ledger.views.parked(Generation(projection))
        assert (parked.stream, parked.version, parked.attempts) == (ANNA, 2, ATTEMPTS)
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [vars(record)["stream"] for record in errors] == [str(ANNA)] * 2
    assert vars(errors[0])["error"] == "KeyError"
    assert POISON not in str([vars(record) for record in caplog.records])


def test_a_parked_stream_is_passed_over_without_another_attempt() -> None:
    ledger = Ledger()
    until_parked(ledger, poisoned(ledger))
    ledger.cured.cured = True
    assert ledger.runner.project(ledger.append(ANNA, *deposits(4))) == frozenset()
    assert ledger.checkpoint(ANNA) == 1
    assert ledger.telemetry.counts["ProjectionParked"] == 2


def test_a_late_duplicate_of_the_bad_event_parks_it_no_second_time() -> None:
    ledger = Ledger()
    batch = poisoned(ledger)
    until_parked(ledger, batch)
    before = ledger.failure("balances", ANNA)
    assert ledger.make_runner().project(batch[2:3]) == frozenset()
    assert ledger.failure("balances", ANNA) == before
    assert ledger.telemetry.counts["ProjectionParked"] == 2


def test_only_the_projection_that_fails_stops() -> None:
    ledger = Ledger()
    ledger.projections = [ledger.turnover, Ledger().balances]
    ledger.cured.cured = True
    runner = ledger.make_runner()
    batch = poisoned(ledger)
    for _ in range(ATTEMPTS):
        runner.project(batch)
    assert ledger.failure("balances", ANNA)
    assert ledger.failure("turnover", ANNA) is None
    assert ledger.turnover_rows() == ledger.expected_turnover()


def test_resume_continues_from_the_event_table_and_forgets_the_failure() -> None:
    ledger = Ledger()
    until_parked(ledger, poisoned(ledger))
    ledger.append(ANNA, *deposits(5))
    ledger.cured.cured = True
    for projection in ("balances", "turnover"):
        assert ledger.runner.retry(projection, ANNA) is None
        assert ledger.failure(projection, ANNA) is None
        assert ledger.views.parked(Generation(projection)) == []
    assert same(ledger.balance(ANNA), ledger.expected_balance(ANNA))
    assert ledger.turnover_rows() == ledger.expected_turnover()


def test_resume_before_the_cause_is_mended_parks_again() -> None:
    ledger = Ledger()
    until_parked(ledger, poisoned(ledger))
    failure = ledger.runner.retry("balances", ANNA)
    assert failure
    assert failure.parked_at
    assert ledger.views.parked(Generation("balances")) == [failure]


def test_resume_forgets_a_failure_that_is_over() -> None:
    ledger = Ledger()
    batch = poisoned(ledger)
    until_parked(ledger, batch)
    ledger.cured.cured = True
    ledger.make_runner().project(batch)
    assert ledger.failure("turnover", ANNA)
    assert ledger.runner.retry("turnover", ANNA) is None
    assert ledger.failure("turnover", ANNA) is None


def test_a_failure_that_is_over_holds_up_no_later_event() -> None:
    """Another process took the stream in without knowing of the failure; what is lost later is fetched all the same."""
    ledger = Ledger()
    batch = poisoned(ledger)
    until_parked(ledger, batch)
    ledger.cured.cured = True
    ledger.make_runner().project(batch)
    ledger.append(ANNA, *deposits(4))
    assert not ledger.make_runner().project(ledger.append(ANNA, *deposits(5)))
    assert ledger.checkpoint(ANNA) == 5
    assert same(ledger.balance(ANNA), ledger.expected_balance(ANNA))


def test_resume_names_a_projection_that_does_not_exist() -> None:
    with pytest.raises(ConfigurationError, match="'balance' of 'account'"):
        Ledger().runner.retry("balance", ANNA)


def test_a_retry_that_succeeds_clears_the_failure() -> None:
    ledger = Ledger()
    batch = poisoned(ledger)
    ledger.runner.project(batch)
    ledger.cured.cured = True
    assert ledger.runner.project(batch) == frozenset()
    assert ledger.failure("balances", ANNA) is None
    assert ledger.failure("turnover", ANNA) is None
    assert same(ledger.balance(ANNA), ledger.expected_balance(ANNA))


def test_an_old_duplicate_does_not_clear_the_failure() -> None:
    ledger = Ledger()
    batch = poisoned(ledger)
    ledger.runner.project(batch)
    ledger.runner.project(batch[:1])
    failure = ledger.failure("balances", ANNA)
    assert failure
    assert failure.attempts == 1


def test_attempts_count_from_the_start_for_a_later_event() -> None:
    ledger = Ledger()
    batch = poisoned(ledger)
    ledger.runner.project(batch)
    ledger.cured.cured = True
    ledger.make_runner().project(batch)
    ledger.cured.cured = False
    ledger.runner.project(ledger.append(ANNA, *deposits(9, note=POISON)))
    failure = ledger.failure("balances", ANNA)
    assert failure
    assert (failure.version, failure.attempts) == (4, 1)


def test_when_most_streams_fail_nothing_is_parked_and_the_batch_is_refused() -> None:
    ledger = Ledger()
    streams = [account(f"a{number}") for number in range(5)]
    notes = [POISON, POISON, POISON, "", ""]
    batch = [c for s, note in zip(streams, notes, strict=True) for c in ledger.append(s, *deposits(1, note=note))]
    for _ in range(ATTEMPTS + 1):
        with pytest.raises(BatchFailed, match="3 of 5 streams failed in balances@1"):
            ledger.runner.project(batch)
    assert not any(ledger.failure("balances", stream) or ledger.failure("turnover", stream) for stream in streams)
    assert [ledger.checkpoint(stream) for stream in streams] == [0, 0, 0, 1, 1]
    assert ledger.telemetry.counts == {"BatchFailures": ATTEMPTS + 1}


@pytest.mark.parametrize(("failing", "streams"), [(2, 2), (3, 6)])
def test_few_streams_that_fail_are_to_blame_themselves(failing: int, streams: int) -> None:
    ledger = Ledger()
    names = [account(f"a{number}") for number in range(streams)]
    batch = [
        commit
        for number, name in enumerate(names)
        for commit in ledger.append(name, *deposits(1, note=POISON if number < failing else ""))
    ]
    assert ledger.runner.project(batch) == set(names[:failing])


class DyingViews(MemoryViews):
    """Outlives the process that parks a stream, which dies right after that."""

    def put_failure(self, generation: Generation, failure: FailureRecord) -> None:
        super().put_failure(generation, failure)
        if failure.parked_at:
            raise Killed


def test_nothing_is_parked_without_an_announcement() -> None:
    ledger = Ledger(DyingViews())
    batch = poisoned(ledger)
    for _ in range(ATTEMPTS - 1):
        ledger.runner.project(batch)
    with pytest.raises(Killed):
        ledger.runner.project(batch)
    assert [detail["stream"] for _, detail in ledger.notices.sent] == [str(ANNA)]
    assert ledger.telemetry.counts["ProjectionParked"] == 1


class BrokenViews(MemoryViews):
    """Has an outage of one operation when told, and trips over one account."""

    down = ""
    stumbles_over: StreamId | None = None

    def put_state(self, generation: Generation, row: StateRow, from_version: int) -> None:
        self._check("put_state")
        super().put_state(generation, row, from_version)

    def update(self, generation: Generation, updates: Sequence[ViewUpdate], projected_at: datetime) -> None:
        self._check("update")
        if any(move.stream == self.stumbles_over for move in updates):
            raise ValueError("the row is too large")
        super().update(generation, updates, projected_at)

    def _check(self, operation: str) -> None:
        if operation == self.down:
            raise StoreUnavailable("the read models refused for now")


@pytest.mark.parametrize("operation", ["put_state", "update"])
def test_an_outage_refuses_the_batch_and_blames_no_stream(operation: str) -> None:
    views = BrokenViews()
    ledger = Ledger(views)
    batch = ledger.append(BEN, *deposits(1))
    views.down = operation
    for _ in range(ATTEMPTS + 1):
        with pytest.raises(StoreUnavailable):
            ledger.runner.project(batch)
    assert ledger.failure("balances", BEN) is None
    assert ledger.failure("turnover", BEN) is None
    views.down = ""
    assert ledger.runner.project(batch) == frozenset()
    assert ledger.turnover_rows() == ledger.expected_turnover()


def test_a_write_that_is_refused_stops_only_its_own_stream() -> None:
    views = BrokenViews()
    ledger = Ledger(views)
    views.stumbles_over = ANNA
    streams = (ANNA, BEN, CARL)
    batch = [commit for stream in streams for commit in ledger.append(stream, *deposits(1))]
    assert ledger.runner.project(batch) == {ANNA}
    assert [ledger.checkpoint(stream) for stream in streams] == [0, 1, 1]
    assert ledger.failure("balances", ANNA) is None
    failure = ledger.failure("turnover", ANNA)
    assert failure
    assert (failure.version, failure.parked_at) == (1, None)
