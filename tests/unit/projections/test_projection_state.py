"""The state of a projection: what may follow what, and how old a reader's knowledge of it may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.clocks import START

from banyan.errors import TransitionRejected
from banyan.projections.state import CachedStates, ProjectionState, ProjectionStates, Stage, Status
from banyan.projections.views import Generation

GRACE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
FRESH = ProjectionState("sums")
BUILDING = FRESH.begun(START)
READY = BUILDING.readied(2, START)
SWITCHED = READY.switched(2, START)
PAUSED = FRESH.paused(START, "maintenance", "ops")


def stages(state: ProjectionState) -> dict[int, str]:
    return {info.number: info.stage.value for info in state.generations}


def test_a_rebuild_from_its_beginning_to_the_end_of_the_old_generation() -> None:
    assert stages(BUILDING) == {1: "live", 2: "building"}
    assert stages(READY) == {1: "live", 2: "ready"}
    assert stages(SWITCHED) == {1: "kept", 2: "live"}
    dropping = SWITCHED.dropped(1, START + GRACE, GRACE)
    assert stages(dropping) == {1: "dropping", 2: "live"}
    assert stages(dropping.forgotten(1)) == {2: "live"}


def test_queries_read_the_live_generation_and_commits_go_to_all_that_are_not_dropped() -> None:
    assert (FRESH.live, BUILDING.live, SWITCHED.live) == (1, 1, 2)
    assert SWITCHED.generation() == Generation("sums", 2)
    assert BUILDING.written() == (Generation("sums", 1), Generation("sums", 2))
    assert SWITCHED.written() == (Generation("sums", 2), Generation("sums", 1))
    assert SWITCHED.dropped(1, START + GRACE, GRACE).written() == (Generation("sums", 2),)


def test_the_way_back_is_a_switch_to_the_kept_generation() -> None:
    assert stages(SWITCHED.switched(1, START)) == {1: "live", 2: "kept"}
    assert SWITCHED.switched_at == START
    assert FRESH.switched_at is None


def test_an_operator_sees_one_status() -> None:
    assert (FRESH.status, BUILDING.status, READY.status, SWITCHED.status) == (
        Status.ACTIVE,
        Status.REBUILDING,
        Status.REBUILDING,
        Status.ACTIVE,
    )
    assert BUILDING.paused(START, "why", "ops").status is Status.PAUSED
    assert PAUSED.resumed() == FRESH


@pytest.mark.parametrize(
    ("transition", "reason"),
    [
        (lambda: BUILDING.begun(START), "generation 2 of 'sums' is building"),
        (lambda: READY.begun(START), "generation 2 of 'sums' is ready"),
        (lambda: READY.readied(2, START), "is ready, not building"),
        (lambda: BUILDING.switched(2, START), "is building, not kept or ready"),
        (lambda: FRESH.switched(1, START), "is live, not kept or ready"),
        (lambda: FRESH.switched(2, START), "no generation 2"),
        (lambda: FRESH.cancelled(1, START), "is live, not building or ready"),
        (lambda: SWITCHED.cancelled(1, START), "is kept, not building or ready"),
        (lambda: FRESH.dropped(1, START, GRACE), "is live, not kept"),
        (lambda: BUILDING.dropped(2, START, GRACE), "is building, not kept"),
        (lambda: SWITCHED.dropped(1, START + GRACE - SECOND, GRACE), "may still be read until"),
        (lambda: SWITCHED.forgotten(1), "is kept, not dropping"),
        (lambda: PAUSED.paused(START, "again", "me"), "paused already, by ops"),
        (lambda: FRESH.resumed(), "is not paused"),
    ],
)
def test_what_a_state_does_not_allow_is_rejected(transition: Callable[[], ProjectionState], reason: str) -> None:
    with pytest.raises(TransitionRejected, match=reason):
        transition()


def test_no_number_is_given_twice() -> None:
    gone = BUILDING.cancelled(2, START).forgotten(2)
    assert stages(gone) == {1: "live"}
    assert stages(gone.begun(START)) == {1: "live", 3: "building"}


STEPS: Sequence[Callable[[ProjectionState, int], ProjectionState]] = [
    lambda state, _: state.begun(START),
    lambda state, number: state.readied(number, START),
    lambda state, number: state.switched(number, START),
    lambda state, number: state.cancelled(number, START),
    lambda state, number: state.dropped(number, START, timedelta()),
    lambda state, number: state.forgotten(number),
    lambda state, _: state.paused(START, "why", "ops"),
    lambda state, _: state.resumed(),
]


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 4)), max_size=30))
def test_whatever_people_do_one_generation_is_live_and_at_most_one_unfinished(
    steps: list[tuple[Callable[[ProjectionState, int], ProjectionState], int]],
) -> None:
    state = FRESH
    for step, number in steps:
        with suppress(TransitionRejected):
            state = step(state, number)
        found = [info.stage for info in state.generations]
        numbers = [info.number for info in state.generations]
        assert found.count(Stage.LIVE) == 1
        assert found.count(Stage.BUILDING) + found.count(Stage.READY) <= 1
        assert numbers == sorted(set(numbers))
        assert state.newest >= max(numbers)
        assert state.generation() == state.written()[0]


class CountedStates(ProjectionStates):
    """Counts reads."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[Sequence[str]] = []

    def get(self, projections: Sequence[str]) -> Mapping[str, ProjectionState]:
        self.reads.append(projections)
        return super().get(projections)


class Seconds:
    """A monotonic clock that moves when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_controls_are_read_together_and_again_when_they_are_too_old() -> None:
    projection_states, seconds = CountedStates(), Seconds()
    cached = CachedStates(projection_states, ["sums", "list"], 2000, seconds)
    assert cached.live("sums") == Generation("sums")
    projection_states.put(READY)
    projection_states.put(projection_states.get(["sums"])["sums"].switched(2, START))
    projection_states.reads.clear()
    seconds.now += 1.999
    assert cached.live("sums") == Generation("sums")
    assert projection_states.reads == []
    seconds.now += 0.001
    assert cached.live("sums") == Generation("sums", 2)
    assert cached.live("list") == Generation("list")
    assert projection_states.reads == [("sums", "list")]


def test_the_age_of_a_state_counts_from_when_it_was_asked_for() -> None:
    seconds = Seconds()

    class Slow(CountedStates):
        def get(self, projections: Sequence[str]) -> Mapping[str, ProjectionState]:
            found = super().get(projections)
            seconds.now += 1.5
            return found

    projection_states = Slow()
    cached = CachedStates(projection_states, ["sums"], 2000, seconds)
    cached.live("sums")
    seconds.now += 0.5
    cached.live("sums")
    assert len(projection_states.reads) == 2


def test_threads_share_one_reading() -> None:
    projection_states = CountedStates()
    cached = CachedStates(projection_states, ["sums"], 60_000)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(cached.live, ["sums"] * 64))
    assert set(found) == {Generation("sums")}
    assert len(projection_states.reads) == 1
