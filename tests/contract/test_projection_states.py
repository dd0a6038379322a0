"""What every store of projection states does: a revision is written once; what never changed has a default."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.clocks import START
from tests.support.engines import DynamoDBEngine, Engine
from tests.support.wire import lost_answer, refused

from banyan.errors import ProjectionStateChanged, StoreUnavailable
from banyan.projections.state import ProjectionState, ProjectionStates

LATER = START + timedelta(minutes=5)


@pytest.fixture
def projection_states(engine: Engine) -> ProjectionStates:
    return engine.projection_states()


def test_what_was_never_changed_is_live_in_its_first_generation(projection_states: ProjectionStates) -> None:
    assert projection_states.get(["sums", "list"]) == {"sums": ProjectionState("sums"), "list": ProjectionState("list")}
    assert projection_states.get([]) == {}


def test_a_state_comes_back_as_it_was_put(projection_states: ProjectionStates) -> None:
    state = (
        ProjectionState("sums").begun(START).readied(2, LATER).switched(2, LATER).paused(LATER, "too slow", "ops@acme")
    )
    kept = projection_states.put(state)
    assert kept == replace(state, revision=1)
    assert projection_states.get(["list", "sums"]) == {"list": ProjectionState("list"), "sums": kept}


def test_each_revision_follows_the_one_that_was_read(projection_states: ProjectionStates) -> None:
    first = projection_states.put(ProjectionState("sums").paused(START, "maintenance", "ops"))
    second = projection_states.put(first.resumed())
    assert (first.revision, second.revision) == (1, 2)
    assert projection_states.get(["sums"])["sums"] == second


@pytest.mark.parametrize("revision", [0, 2, 7])
def test_a_state_that_changed_meanwhile_is_left_alone(projection_states: ProjectionStates, revision: int) -> None:
    kept = projection_states.put(ProjectionState("sums").begun(START))
    with pytest.raises(ProjectionStateChanged, match="'sums'"):
        projection_states.put(replace(kept.paused(START, "mine", "me"), revision=revision))
    assert projection_states.get(["sums"])["sums"] == kept


def test_more_projections_than_one_batch_read_holds(projection_states: ProjectionStates) -> None:
    names = [f"p{number}" for number in range(130)]
    kept = projection_states.put(ProjectionState("p129").begun(START))
    found = projection_states.get(names)
    assert list(found) == names
    assert found["p129"] == kept
    assert found["p0"] == ProjectionState("p0")


@pytest.mark.parametrize("engine_name", ["memory", pytest.param("dynamodb_local", marks=pytest.mark.dynamodb_local)])
def test_of_rivals_one_wins(engine_name: str, request: pytest.FixtureRequest) -> None:
    projection_states: ProjectionStates = request.getfixturevalue(engine_name).projection_states()

    def pause(by: str) -> ProjectionState | None:
        try:
            return projection_states.put(ProjectionState("sums").paused(START, "at once", by))
        except ProjectionStateChanged:
            return None

    with ThreadPoolExecutor(8) as pool:
        winners = [won for won in pool.map(pause, map(str, range(8))) if won]
    assert winners == [projection_states.get(["sums"])["sums"]]


def test_a_lost_answer_is_no_conflict_with_oneself(dynamodb: DynamoDBEngine) -> None:
    projection_states = dynamodb.projection_states()
    kept = projection_states.put(ProjectionState("sums").begun(START))
    dynamodb.wire.inject(lost_answer, on="PutItem")
    again = projection_states.put(kept.cancelled(2, LATER))
    assert projection_states.get(["sums"])["sums"] == again


def test_a_table_that_does_not_answer_says_so(dynamodb: DynamoDBEngine) -> None:
    projection_states = dynamodb.projection_states()
    projection_states.get(["sums"])
    dynamodb.wire.inject(*[refused("InternalServerError", status=500)] * 6)
    with pytest.raises(StoreUnavailable):
        projection_states.get(["sums"])
    dynamodb.wire.clear()
    dynamodb.wire.inject(*[refused("InternalServerError", status=500)] * 6)
    with pytest.raises(StoreUnavailable):
        projection_states.put(ProjectionState("sums").begun(START))
