"""What a projector does as its state says: which generations it keeps up, and which streams it passes over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.support.clocks import START
from tests.support.ledger import account, deposits
from tests.support.projections import BREAKER_LIMIT, POISON, Ledger, same

from banyan.errors import ProjectionStateChanged, StoreUnavailable, TransitionRejected
from banyan.notices import PROJECTION_PAUSED
from banyan.projections.retries import BREAKER
from banyan.projections.state import MAX_PARKED, CachedStates, ProjectionState, ProjectionStates
from banyan.projections.views import FailureRecord, Generation
from banyan.streams import StreamId

ANNA, BEN, CARL = account("anna"), account("ben"), account("carl")
ATTEMPTS = 3


def change(
    ledger: Ledger, transition: Callable[[ProjectionState], ProjectionState], projection: str = "balances"
) -> ProjectionState:
    return ledger.projection_states.put(transition(ledger.projection_states.get([projection])[projection]))


def version(ledger: Ledger, stream: StreamId, number: int) -> int:
    row = ledger.views.states(Generation("balances", number), [stream]).get(stream)
    return row.version if row else 0


def park(ledger: Ledger, *streams: StreamId) -> None:
    """Poison streams one after the other, each among healthy ones, until they are parked."""
    for stream in streams:
        batch = [ledger.commit(BEN, *deposits(1)), ledger.commit(stream, *deposits(1, note=POISON))]
        for _ in range(ATTEMPTS):
            ledger.runner.project(batch)


def paused(ledger: Ledger, projection: str = "balances") -> str | None:
    pause = ledger.projection_states.get([projection])[projection].pause
    return pause.by if pause else None


def test_every_generation_that_is_not_dropped_takes_commits_in() -> None:
    ledger = Ledger()
    change(ledger, lambda state: state.begun(START))
    ledger.runner.project(ledger.append(ANNA, *deposits(1)))
    assert [version(ledger, ANNA, number) for number in (1, 2)] == [1, 1]
    change(ledger, lambda state: state.readied(2, START).switched(2, START))
    ledger.runner.project(ledger.append(ANNA, *deposits(2)))
    assert [version(ledger, ANNA, number) for number in (1, 2)] == [2, 2]
    change(ledger, lambda state: state.dropped(1, START, START - START))
    ledger.runner.project(ledger.append(ANNA, *deposits(3)))
    assert [version(ledger, ANNA, number) for number in (1, 2)] == [2, 3]


def test_a_paused_projection_takes_nothing_in_and_the_others_go_on() -> None:
    ledger = Ledger()
    change(ledger, lambda state: state.paused(START, "maintenance", "ops"))
    assert ledger.runner.project(ledger.append(ANNA, *deposits(1))) == frozenset()
    assert ledger.balance(ANNA) is None
    assert ledger.turnover_rows() == ledger.expected_turnover()
    change(ledger, lambda state: state.resumed())
    ledger.runner.project(ledger.append(ANNA, *deposits(2)))
    assert same(ledger.balance(ANNA), ledger.expected_balance(ANNA))


def test_a_stream_that_a_person_parked_is_passed_over_alone() -> None:
    ledger = Ledger()
    change(ledger, lambda state: state.parking(ANNA))
    ledger.runner.project([*ledger.append(ANNA, *deposits(1)), *ledger.append(BEN, *deposits(1))])
    assert ledger.balance(ANNA) is None
    assert same(ledger.balance(BEN), ledger.expected_balance(BEN))
    assert ledger.turnover_rows() == ledger.expected_turnover()
    change(ledger, lambda state: state.unparking(ANNA))
    ledger.runner.project(ledger.append(ANNA, *deposits(2)))
    assert same(ledger.balance(ANNA), ledger.expected_balance(ANNA))


def test_a_person_parks_a_stream_once_and_not_too_many() -> None:
    full = ProjectionState("sums")
    for number in range(MAX_PARKED):
        full = full.parking(account(f"a{number}"))
    with pytest.raises(TransitionRejected, match="pause it instead"):
        full.parking(ANNA)
    with pytest.raises(TransitionRejected, match="already"):
        full.unparking(account("a1")).parking(account("a0"))


def test_parking_says_once_which_stream_stopped_where_and_why() -> None:
    ledger = Ledger()
    park(ledger, ANNA)
    told = {"generation": 1, "stream": str(ANNA), "reason": "KeyError", "version": 1}
    assert ledger.notices.sent == [
        (PROJECTION_PAUSED, {"projection": projection, **told}) for projection in ("balances", "turnover")
    ]


def test_more_parked_streams_than_the_limit_pause_the_projection() -> None:
    ledger = Ledger()
    poisoned = [account(f"p{number}") for number in range(BREAKER_LIMIT + 1)]
    park(ledger, *poisoned[:BREAKER_LIMIT])
    assert (paused(ledger), paused(ledger, "turnover")) == (None, None)
    park(ledger, poisoned[-1])
    assert (paused(ledger), paused(ledger, "turnover")) == (BREAKER, BREAKER)
    assert ledger.telemetry.counts["ProjectionPaused"] == 2
    told = [detail for kind, detail in ledger.notices.sent if detail["stream"] is None]
    assert [detail["projection"] for detail in told] == ["balances", "turnover"]
    assert told[0]["reason"] == f"{BREAKER_LIMIT + 1} streams parked, the last with KeyError"


def test_a_generation_that_no_query_reads_does_not_trip_the_breaker() -> None:
    ledger = Ledger()
    change(ledger, lambda state: state.begun(START))
    for number in range(BREAKER_LIMIT):
        parked = FailureRecord(account(f"p{number}"), 1, "KeyError", 3, START, parked_at=START)
        ledger.views.put_failure(Generation("balances", 2), parked)
    park(ledger, ANNA)
    assert len(ledger.views.parked(Generation("balances", 2))) == BREAKER_LIMIT + 1
    assert paused(ledger) is None


def test_what_is_parked_only_where_no_query_reads_does_not_trip_the_breaker_either() -> None:
    ledger = Ledger()
    park(ledger, *[account(f"p{number}") for number in range(BREAKER_LIMIT)])
    ledger.cured.cured = True
    ledger.runner.project(ledger.append(ANNA, *deposits(1, note=POISON)))
    ledger.cured.cured = False
    change(ledger, lambda state: state.begun(START))
    for _ in range(BREAKER_LIMIT):
        ledger.runner.project(ledger.append(ANNA, *deposits(1)))
    assert ANNA in {failure.stream for failure in ledger.views.parked(Generation("balances", 2))}
    assert ANNA not in {failure.stream for failure in ledger.views.parked(Generation("balances"))}
    assert paused(ledger) is None


def test_a_retry_brings_every_generation_up_to_date() -> None:
    ledger = Ledger()
    change(ledger, lambda state: state.begun(START))
    park(ledger, ANNA)
    ledger.cured.cured = True
    assert ledger.runner.retry("balances", ANNA) is None
    assert [version(ledger, ANNA, number) for number in (1, 2)] == [1, 1]
    assert not ledger.views.parked(Generation("balances"))
    assert not ledger.views.parked(Generation("balances", 2))


def test_a_stream_stays_parked_until_a_retry_has_caught_it_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies in the middle of a retry leaves the stream parked, not forgotten."""
    ledger = Ledger()
    park(ledger, ANNA)
    ledger.cured.cured = True

    class Died(BaseException):
        """The end of the process."""

    def die(*_: Any) -> None:
        raise Died

    monkeypatch.setattr(ledger.views, "put_state", die)
    with pytest.raises(Died):
        ledger.runner.retry("balances", ANNA)
    assert [failure.stream for failure in ledger.views.parked(Generation("balances"))] == [ANNA]


class DeafBus:
    """Refuses every notice."""

    def send(self, kind: str, detail: Mapping[str, Any]) -> None:
        raise ConnectionError(kind, detail)


def test_a_bus_that_refuses_does_not_keep_a_stream_from_being_parked(caplog: pytest.LogCaptureFixture) -> None:
    ledger = Ledger()
    ledger.notices = DeafBus()  # type: ignore[assignment]
    ledger.runner = ledger.make_runner()
    park(ledger, ANNA)
    assert [failure.stream for failure in ledger.views.parked(Generation("balances"))] == [ANNA]
    assert "a notice was not sent" in caplog.messages


def test_without_its_states_nothing_is_projected() -> None:
    class Down(ProjectionStates):
        def get(self, projections: Any) -> Any:
            raise StoreUnavailable(str(projections))

    ledger = Ledger(projection_states=Down())
    with pytest.raises(StoreUnavailable):
        ledger.runner.project(ledger.append(ANNA, *deposits(1)))
    assert ledger.balance(ANNA) is None


class Rivalled(ProjectionStates):
    """Another process is faster a few times."""

    def __init__(self, rivals: int) -> None:
        super().__init__()
        self.rivals = rivals

    def put(self, state: ProjectionState) -> ProjectionState:
        if self.rivals:
            self.rivals -= 1
            super().put(self.get([state.projection])[state.projection].parking(account(f"r{self.rivals}")))
        return super().put(state)


def test_a_change_is_decided_again_on_what_another_writer_left() -> None:
    projection_states = CachedStates(Rivalled(3), ["sums"], 60_000)
    assert projection_states.get()["sums"].pause is None
    changed = projection_states.change("sums", lambda state: state.paused(START, "why", "ops"))
    assert changed.pause
    assert len(changed.parked) == 3
    assert projection_states.get()["sums"] == changed


def test_a_change_gives_up_when_another_writer_is_always_faster() -> None:
    projection_states = CachedStates(Rivalled(1000), ["sums"], 60_000)
    with pytest.raises(ProjectionStateChanged):
        projection_states.change("sums", lambda state: state.paused(START, "why", "ops"))
