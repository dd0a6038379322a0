"""From an event to its deadline: there once, whatever crashes and whatever the delivery loses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from tests.support.clocks import ManualClock, no_sleep
from tests.support.deferring import CREDITED, Credit
from tests.support.ledger import REGISTRY, account, deposits

from banyan.commands.handler import CommandHandler, ConflictRetries
from banyan.deadlines.base import Deadline, MemoryDeadlines
from banyan.deadlines.runner import RESERVE_MS, DeadlineRunner
from banyan.domain import Domain
from banyan.events import Event
from banyan.projections.memory import MemoryViews
from banyan.projections.retries import RetryPolicy
from banyan.projections.views import Generation, ViewUpdate
from banyan.reactions.base import History, Policy, Reaction, Schedule
from banyan.reactions.policies import Policies
from banyan.reactions.reactor import Reactor
from banyan.store import Commit, EventStore
from banyan.store.memory import MemoryTable
from banyan.telemetry import NoTelemetry

A = account("a")
LATER = timedelta(minutes=10)


class Crash(BaseException):
    """The process ends."""


class Crashing:
    """Ends the process at one of its steps."""

    def __init__(self, step: int) -> None:
        self._left = step

    def reached(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise Crash


class CrashingDeadlines(MemoryDeadlines):
    """May crash before and after a deadline is kept."""

    crashing = Crashing(0)

    def schedule(self, deadline: Deadline) -> None:
        self.crashing.reached()
        super().schedule(deadline)
        self.crashing.reached()


class CrashingViews(MemoryViews):
    """May crash before and after a cursor updates."""

    crashing = Crashing(0)

    def update(self, generation: Generation, updates: Sequence[ViewUpdate], *more: object) -> None:
        self.crashing.reached()
        super().update(generation, updates, *more)  # type: ignore[arg-type]
        self.crashing.reached()


def react(event: Event, history: History) -> Sequence[Reaction]:  # noqa: ARG001
    """Interest on what is paid in falls due after ten minutes, and brings no interest itself."""
    amount = event.payload.model_dump()["amount"]
    return [Schedule("interest", "account", event.stream_id.id, Credit(amount=1), LATER)] if amount > 1 else []


DOMAIN = Domain("credits", REGISTRY, [CREDITED], policies=[Policy("interest", "account", react)])


class Scene:
    """A store, and what a process needs to react; each run of it is a process of its own."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = EventStore(MemoryTable(), REGISTRY, self.clock, no_sleep)
        self.views = CrashingViews()
        self.deadlines = CrashingDeadlines()

    def append(self, amount: int) -> Commit:
        self.store.append(A, self.store.head(A), deposits(amount))
        return list(self.store.commits(A))[-1]

    def crash_at(self, step: int) -> None:
        self.views.crashing = self.deadlines.crashing = Crashing(step)

    def react(self, *delivered: Commit) -> None:
        handlers = {"account": CommandHandler(self.store, CREDITED, retries=ConflictRetries(sleep=no_sleep))}
        policies = Policies(DOMAIN.policies, DOMAIN.deciders, self.store, handlers, self.deadlines, {}, NoTelemetry())
        reactor = Reactor(
            self.store, self.views, [policies], retry_policy=RetryPolicy(clock=self.clock, sleep=no_sleep)
        )
        assert reactor.project(delivered) == frozenset()

    def fire(self) -> int:
        handlers = {"account": CommandHandler(self.store, CREDITED, retries=ConflictRetries(sleep=no_sleep))}
        runner = DeadlineRunner(self.deadlines, DOMAIN.deciders, handlers, clock=self.clock)
        return runner.run(lambda: RESERVE_MS).fired

    def waiting(self) -> list[int]:
        """Versions whose deadlines wait."""
        versions = {event.event_id: event.version for event in self.store.read(A)}
        found = self.deadlines.due(self.clock() + 2 * LATER)
        return [versions[waiting.metadata.causation_id] for waiting in found]


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize("step", range(1, 7))
def test_a_crash_between_any_two_steps_leaves_one_deadline_after_the_restart(scene: Scene, step: int) -> None:
    commits = [scene.append(5)]
    scene.crash_at(step)
    with pytest.raises(Crash):
        scene.react(*commits)
    scene.react(*commits)
    assert scene.waiting() == [1]


def test_there_is_no_step_beyond_those(scene: Scene) -> None:
    scene.crash_at(7)
    scene.react(scene.append(5))


def test_a_lost_record_is_made_up_for_by_the_next_one(scene: Scene) -> None:
    scene.append(5)
    scene.append(7)
    scene.react(scene.append(1))
    assert scene.waiting() == [1, 2]


def test_duplicates_and_late_repeats_schedule_and_fire_once(scene: Scene) -> None:
    first, second = scene.append(5), scene.append(7)
    for _ in range(2):
        scene.react(second, first, second)
    assert scene.waiting() == [1, 2]
    scene.clock.move(LATER)
    assert scene.fire() == 2
    scene.views = CrashingViews()
    scene.react(first, second)
    assert scene.fire() == 2
    assert [event.payload.model_dump()["amount"] for event in scene.store.read(A)] == [5, 7, 1, 1]
    assert scene.waiting() == []
