"""What stands still is reported by every run for as long as it stands, and its end by a zero."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.ledger import account, deposits
from tests.support.projections import POISON, Ledger
from tests.support.reactions import POISON as PILL
from tests.support.reactions import Bank, Noted, deposited

from banyan.documents import MemoryDocuments
from banyan.projections.operations import Standstill
from banyan.projections.rebuild.builds import Build, BuildPhase, Builds
from banyan.projections.state import ProjectionState
from banyan.projections.views import Generation

QUARTER = timedelta(minutes=15)
ANNA, BEN = account("anna"), account("ben")


class Watched(Ledger):
    """A ledger whose standstill is reported every quarter of an hour."""

    def __init__(self) -> None:
        super().__init__()
        self.rebuilds = Builds(MemoryDocuments())

    def gauges(self, of: str = "balances") -> dict[str, int]:
        """What the next run reports of a projection."""
        self.clock.move(QUARTER)
        self.telemetry.gauges.clear()
        projectors = self.runner.projectors
        Standstill(projectors, self.cached, self.rebuilds, self.clock, self.telemetry).report()
        return {name: round(value) for (name, projection), value in self.telemetry.gauges.items() if projection == of}

    def rebuilding(self, number: int = 2) -> Build:
        """A rebuild that has begun."""
        self.cached.change("balances", lambda seen: seen.begun(self.clock()))
        build = Build(Generation("balances", number), 1, 2, 100, False, self.clock())
        self.rebuilds.begin(build)
        return build

    def segment(self, build: Build, number: int, phase: BuildPhase) -> None:
        """Let one segment of a rebuild come as far as a phase now."""
        known = self.rebuilds.segments(build)[number]
        self.rebuilds.put(build.generation, replace(known, phase=phase, updated_at=self.clock()))


NOTHING = {"ParkedStreams": 0, "OldestParkedSeconds": 0, "ProjectionStopped": 0, "RebuildIdleSeconds": 0}


def test_nothing_stands_still_and_says_so() -> None:
    ledger = Watched()
    ledger.runner.project([ledger.commit(ANNA, *deposits(1))])
    assert ledger.gauges() == ledger.gauges("turnover") == NOTHING


def test_parked_streams_are_reported_until_they_are_retried() -> None:
    ledger = Watched()
    poisoned = ledger.commit(ANNA, *deposits(1, note=POISON))
    for _ in range(3):
        ledger.runner.project([poisoned])
    first = ledger.gauges()
    assert first["ParkedStreams"] == 1
    assert QUARTER.total_seconds() <= first["OldestParkedSeconds"] < 2 * QUARTER.total_seconds()
    later = ledger.gauges()
    assert later["ParkedStreams"] == 1
    assert later["OldestParkedSeconds"] == first["OldestParkedSeconds"] + QUARTER.total_seconds()
    ledger.cured.cured = True
    ledger.operations.retry("balances", ANNA)
    assert ledger.gauges() == NOTHING


def test_the_oldest_of_several_parked_streams_counts() -> None:
    ledger = Watched()
    ledger.operations.park("balances", ANNA, "why", "ops")
    ledger.clock.move(QUARTER)
    ledger.operations.park("balances", BEN, "why", "ops")
    found = ledger.gauges()
    assert (found["ParkedStreams"], found["OldestParkedSeconds"]) == (2, 2 * QUARTER.total_seconds())
    assert ledger.gauges("turnover") == NOTHING


def test_what_the_reactor_parked_is_reported() -> None:
    noted = Noted(error=KeyError("no"))
    bank = Bank(effects=[noted])
    bank.reactor.project([bank.commit(ANNA, deposited(1))])
    poisoned = bank.commit(ANNA, deposited(1, PILL))
    for _ in range(3):
        bank.reactor.project([poisoned])
    assert bank.failure(ANNA)
    Standstill(
        bank.reactor.projectors, bank.projection_states, Builds(MemoryDocuments()), bank.clock, bank.telemetry
    ).report()
    assert bank.telemetry.gauges["ParkedStreams", "reactor"] == 1


def test_a_pause_is_reported_until_the_projection_is_resumed() -> None:
    ledger = Watched()
    ledger.operations.pause("balances", "why", "ops")
    assert [ledger.gauges()["ProjectionStopped"] for _ in range(2)] == [1, 1]
    assert ledger.gauges("turnover") == NOTHING
    ledger.operations.resume("balances", ledger.soon())
    assert ledger.gauges() == NOTHING


def test_a_rebuild_that_no_worker_continues_is_reported() -> None:
    ledger = Watched()
    build = ledger.rebuilding()
    assert ledger.gauges()["RebuildIdleSeconds"] == QUARTER.total_seconds()
    assert ledger.gauges()["RebuildIdleSeconds"] == 2 * QUARTER.total_seconds()
    ledger.segment(build, 0, BuildPhase.HEALING)
    assert ledger.gauges()["RebuildIdleSeconds"] == QUARTER.total_seconds()


@pytest.mark.parametrize("second", [BuildPhase.COMPARED, BuildPhase.COMPARING])
def test_a_rebuild_that_waits_for_an_operator_is_not_idle(second: BuildPhase) -> None:
    ledger = Watched()
    build = ledger.rebuilding()
    ledger.segment(build, 0, BuildPhase.COMPARED)
    ledger.segment(build, 1, second)
    waits = second is BuildPhase.COMPARED
    assert ledger.gauges()["RebuildIdleSeconds"] == (0 if waits else QUARTER.total_seconds())


def test_a_deletion_that_no_worker_continues_is_reported() -> None:
    ledger = Watched()
    build = ledger.rebuilding()
    ledger.segment(build, 0, BuildPhase.COMPARED)
    ledger.segment(build, 1, BuildPhase.COMPARED)

    def cancelled(seen: ProjectionState) -> ProjectionState:
        return seen.cancelled(2, ledger.clock())

    ledger.cached.change("balances", cancelled)
    assert ledger.gauges()["RebuildIdleSeconds"] > 0
    for number in (0, 1):
        ledger.segment(build, number, BuildPhase.DROPPED)
    assert ledger.gauges()["RebuildIdleSeconds"] == 0


def test_a_deletion_of_what_was_built_long_ago_is_not_idle_from_the_beginning() -> None:
    ledger = Watched()
    build = ledger.rebuilding()
    for number in (0, 1):
        ledger.segment(build, number, BuildPhase.COMPARED)
    ledger.clock.move(8 * QUARTER)
    ledger.cached.change("balances", lambda seen: seen.cancelled(2, ledger.clock()))
    assert [ledger.gauges()["RebuildIdleSeconds"] for _ in range(2)] == [
        QUARTER.total_seconds(),
        2 * QUARTER.total_seconds(),
    ]


def test_of_two_that_stand_still_the_one_that_has_for_longest_is_reported() -> None:
    ledger = Watched()
    ledger.rebuilding()
    ledger.cached.change("balances", lambda seen: seen.cancelled(2, ledger.clock()))
    ledger.clock.move(QUARTER)
    ledger.rebuilding(3)
    assert ledger.gauges()["RebuildIdleSeconds"] == 2 * QUARTER.total_seconds()
