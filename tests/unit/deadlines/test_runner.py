"""Deadlines fire once, in order and late rather than never; those that fail hold up no others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.clocks import START, ManualClock, no_sleep
from tests.support.deferring import CREDITED, DOMAIN, POISON, Credit, deadline
from tests.support.ledger import REGISTRY, account, deposits

from banyan.commands.handler import CLOCK_SKEW, CommandHandler, ConflictRetries
from banyan.deadlines.base import MemoryDeadlines, Waiting
from banyan.deadlines.runner import RESERVE_MS, DeadlineRun, DeadlineRunner
from banyan.errors import StoreUnavailable
from banyan.store import Commit, EventStore
from banyan.store.base import Collision
from banyan.store.memory import MemoryTable
from banyan.telemetry import NoTelemetry

MINUTE = timedelta(minutes=1)
CROWD = 10_000


class Table(MemoryTable):
    """Remembers the order of writes, and loses the connection for some streams."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []
        self.unreachable: set[str] = set()
        self.contended: set[str] = set()

    def insert(self, commits: Sequence[Commit], **checks: Any) -> None:
        name = commits[0].stream.id
        if name in self.unreachable:
            raise StoreUnavailable("no answer")
        if name in self.contended:
            raise Collision({0: replace(commits[0], commit_id="a rival's")})
        super().insert(commits, **checks)
        self.written.append(name)


class CrashingDeadlines(MemoryDeadlines):
    """The process ends before a deadline is removed, as often as it is told."""

    crashes = 0

    def remove(self, waiting: Waiting) -> None:
        if self.crashes:
            self.crashes -= 1
            raise KeyboardInterrupt
        super().remove(waiting)


class Reports(NoTelemetry):
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, int]] = []
        self.lags: list[float] = []
        self.gauges: dict[str, float] = {}

    def count(self, name: str, value: int = 1) -> None:
        self.counted.append((name, value))

    def duration(self, name: str, milliseconds: float) -> None:
        if name == "DeadlineLag":
            self.lags.append(milliseconds)

    def gauge(self, name: str, value: float, of: str = "") -> None:
        self.gauges[name + of] = value


class Scene:
    """Deadlines, accounts, and a runner between them."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.table = Table()
        self.store = EventStore(self.table, REGISTRY, self.clock, no_sleep)
        self.deadlines = CrashingDeadlines()
        self.reports = Reports()

    def schedule(self, name: str, amount: int = 1, after: float = 0.0) -> None:
        self.deadlines.schedule(deadline(name, amount, after))

    def run(self, runs: int = 1, settled: int = CROWD) -> DeadlineRun:
        """Run by a process of its own each time; the last result."""
        for _ in range(runs):
            times = iter([RESERVE_MS] * settled)
            self.clock.move(MINUTE)
            done = self.runner().run(lambda: next(times, RESERVE_MS - 1))  # noqa: B023
        return done

    def gauges(self, settled: int = CROWD) -> tuple[float, int]:
        """What the next run reports: parked deadlines, and the lateness in seconds of the oldest one that it left."""
        self.run(settled=settled)
        return self.reports.gauges["ParkedDeadlines"], round(self.reports.gauges["OldestDueSeconds"])

    def runner(self) -> DeadlineRunner:
        handlers = {"account": CommandHandler(self.store, CREDITED, retries=ConflictRetries(sleep=no_sleep))}
        return DeadlineRunner(self.deadlines, DOMAIN.deciders, handlers, clock=self.clock, telemetry=self.reports)

    def amounts(self, name: str) -> list[int]:
        """What was paid in."""
        return [event.payload.model_dump()["amount"] for event in self.store.read(account(name))]

    def waiting(self) -> list[tuple[str, int]]:
        """Accounts whose deadlines wait, and how often they failed."""
        return [(waiting.stream.id, waiting.attempts) for waiting in self.deadlines.due(START + timedelta(days=1))]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_deadline_fires_once_when_it_is_due_and_says_who_asked(scene: Scene) -> None:
    scene.schedule("a", after=90)
    assert scene.run() == DeadlineRun()
    assert scene.run() == DeadlineRun(fired=1)
    assert scene.run() == DeadlineRun()
    (event,) = scene.store.read(account("a"))
    assert (event.metadata.actor, event.metadata.correlation_id, event.metadata.causation_id) == (
        "deadline:credit",
        "c-1",
        "e-1",
    )
    (lag,) = scene.reports.lags
    assert 30_000 <= lag < 31_000


def test_one_that_is_refused_or_has_nothing_to_decide_is_void(scene: Scene) -> None:
    scene.schedule("a", amount=-1)
    scene.schedule("b", amount=0)
    assert scene.run() == DeadlineRun(void=2)
    assert (scene.waiting(), scene.table.written) == ([], [])
    assert scene.reports.counted == []


@pytest.mark.parametrize("others", [0, 300])
def test_one_that_fired_and_was_not_removed_has_no_second_effect(scene: Scene, others: int) -> None:
    scene.schedule("a", amount=5)
    scene.deadlines.crashes = 1
    with pytest.raises(KeyboardInterrupt):
        scene.run()
    for _ in range(others):
        scene.store.append(account("a"), scene.store.head(account("a")), deposits(1))
    assert scene.waiting() == [("a", 0)]
    assert scene.run() == DeadlineRun(fired=1)
    assert scene.amounts("a") == [5, *[1] * others]
    assert scene.waiting() == []


def test_a_failing_one_holds_up_no_other_and_is_parked_in_the_end(scene: Scene) -> None:
    scene.schedule("bad", POISON, after=-9)
    for number in range(3):
        scene.schedule(f"a{number}", after=number - 5)
    assert scene.run() == DeadlineRun(fired=3, failed=1)
    assert scene.waiting() == [("bad", 1)]
    assert scene.run(2) == DeadlineRun(failed=1)
    assert ("DeadlineParked", 1) not in scene.reports.counted
    assert scene.run() == DeadlineRun(parked=1)
    assert (scene.waiting(), scene.run()) == ([], DeadlineRun())
    assert scene.reports.counted == [*[("DeadlineFailures", 1)] * 4, ("DeadlineParked", 1)]
    (parked,) = scene.deadlines.parked()
    assert (parked.error, parked.attempts) == ("ZeroDivisionError", 4)


@pytest.mark.parametrize(
    "damage", [{"command_type": "Forgotten"}, {"command": '{"amount":"many"}'}, {"command": "torn"}]
)
def test_a_command_that_can_no_longer_be_read_is_parked_too(scene: Scene, damage: dict[str, str]) -> None:
    scene.schedule("a")
    (waiting,) = scene.deadlines.due(START)
    scene.deadlines.put_back(replace(waiting, **damage))  # type: ignore[arg-type]
    assert scene.run(4) == DeadlineRun(parked=1)


def test_when_most_fail_it_is_not_their_fault(scene: Scene) -> None:
    for number in range(4):
        scene.schedule(f"bad{number}", POISON)
    for number in range(3):
        scene.schedule(f"a{number}")
    assert scene.run() == DeadlineRun(fired=3, failed=4)
    assert scene.waiting() == [(f"bad{number}", 0) for number in range(4)]
    assert scene.reports.counted == [("DeadlineFailures", 4)]


def test_what_meets_an_outage_stays_for_the_next_minute_uncounted(scene: Scene) -> None:
    scene.table.unreachable = {"a"}
    for name in ("a", "b"):
        scene.schedule(name)
    assert scene.run() == DeadlineRun(fired=1, delayed=1)
    assert scene.waiting() == [("a", 0)]
    scene.table.unreachable = set()
    assert scene.run() == DeadlineRun(fired=1)
    assert scene.table.written == ["b", "a"]


def test_one_whose_stream_others_keep_writing_to_stays_for_the_next_minute_uncounted(scene: Scene) -> None:
    scene.table.contended = {"a"}
    scene.schedule("a")
    assert scene.run(6) == DeadlineRun(delayed=1)
    assert (scene.waiting(), scene.reports.counted) == ([("a", 0)], [])
    scene.table.contended = set()
    assert scene.run() == DeadlineRun(fired=1)


@pytest.mark.parametrize(("failing", "others", "attempts"), [(3, 3, 1), (4, 3, 0), (3, 2, 0), (2, 0, 1)])
def test_half_of_a_run_that_fails_is_its_own_fault_and_more_is_not_unless_they_are_few(
    scene: Scene, failing: int, others: int, attempts: int
) -> None:
    for number in range(failing):
        scene.schedule(f"bad{number}", POISON)
    for number in range(others):
        scene.schedule(f"a{number}")
    scene.run()
    assert {tried for _, tried in scene.waiting()} == {attempts}


def test_the_commit_of_a_writer_whose_clock_is_slow_is_found(scene: Scene) -> None:
    """It was recorded before the deadline was due, by that clock, and stands at the end of a long history."""
    scene.store = EventStore(scene.table, REGISTRY, ManualClock(START - CLOCK_SKEW / 2), no_sleep)
    scene.schedule("a", amount=5)
    scene.deadlines.crashes = 1
    with pytest.raises(KeyboardInterrupt):
        scene.run()
    for _ in range(300):
        scene.store.append(account("a"), scene.store.head(account("a")), deposits(1))
    assert scene.run() == DeadlineRun(fired=1)
    assert scene.amounts("a").count(5) == 1


@pytest.mark.slow
def test_ten_thousand_due_at_once_are_worked_off_in_order_over_as_many_runs_as_it_takes(scene: Scene) -> None:
    names = [f"a{number:05}" for number in range(CROWD)]
    for name in reversed(names):
        scene.deadlines.schedule(replace(deadline(name), command=Credit(amount=1)))
    runs = [scene.run(settled=3000)]
    while runs[-1].out_of_time:
        runs.append(scene.run(settled=3000))
    assert [(run.fired, run.out_of_time) for run in runs] == [
        (3000, True),
        (3000, True),
        (3000, True),
        (1000, False),
    ]
    assert scene.table.written == names


def test_what_is_parked_or_late_is_reported_by_every_run_until_it_is_not(scene: Scene) -> None:
    scene.schedule("broken", amount=POISON)
    assert [scene.gauges() for _ in range(4)] == [(0, 60), (0, 120), (0, 180), (1, 240)]
    assert [scene.gauges() for _ in range(2)] == [(1, 0), (1, 0)]
    (parked,) = scene.deadlines.parked()
    scene.deadlines.unpark(parked)
    assert scene.gauges()[0] == 0


def test_the_oldest_deadline_that_a_run_had_no_time_for_is_late(scene: Scene) -> None:
    for name in ("a", "b", "c"):
        scene.schedule(name)
    assert scene.gauges(settled=2) == (0, 60)
    assert scene.gauges() == (0, 0)


def test_of_all_that_a_run_left_the_oldest_is_reported(scene: Scene) -> None:
    scene.table.unreachable = {"b"}
    scene.schedule("a", POISON, after=-120)
    scene.schedule("b")
    assert scene.gauges() == (0, 180)
