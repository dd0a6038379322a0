"""What every home of controls does: each revision is written once, and what was never changed has a default."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.clocks import START
from tests.support.engines import DynamoDBEngine, Engine
from tests.support.wire import lost_answer, refused

from banyan.errors import ControlChanged, StoreUnavailable
from banyan.projections.state import ProjectionState, ProjectionStates

LATER = START + timedelta(minutes=5)


@pytest.fixture
def controls(engine: Engine) -> ProjectionStates:
    return engine.controls()


def test_what_was_never_changed_is_live_in_its_first_generation(controls: ProjectionStates) -> None:
    assert controls.get(["sums", "list"]) == {"sums": ProjectionState("sums"), "list": ProjectionState("list")}
    assert controls.get([]) == {}


def test_a_control_comes_back_as_it_was_put(controls: ProjectionStates) -> None:
    control = (
        ProjectionState("sums").begun(START).readied(2, LATER).switched(2, LATER).paused(LATER, "too slow", "ops@acme")
    )
    kept = controls.put(control)
    assert kept == replace(control, revision=1)
    assert controls.get(["list", "sums"]) == {"list": ProjectionState("list"), "sums": kept}


def test_each_revision_follows_the_one_that_was_read(controls: ProjectionStates) -> None:
    first = controls.put(ProjectionState("sums").paused(START, "maintenance", "ops"))
    second = controls.put(first.resumed())
    assert (first.revision, second.revision) == (1, 2)
    assert controls.get(["sums"])["sums"] == second


@pytest.mark.parametrize("revision", [0, 2, 7])
def test_a_control_that_changed_meanwhile_is_left_alone(controls: ProjectionStates, revision: int) -> None:
    kept = controls.put(ProjectionState("sums").begun(START))
    with pytest.raises(ControlChanged, match="'sums'"):
        controls.put(replace(kept.paused(START, "mine", "me"), revision=revision))
    assert controls.get(["sums"])["sums"] == kept


def test_more_projections_than_one_batch_read_holds(controls: ProjectionStates) -> None:
    names = [f"p{number}" for number in range(130)]
    kept = controls.put(ProjectionState("p129").begun(START))
    found = controls.get(names)
    assert list(found) == names
    assert found["p129"] == kept
    assert found["p0"] == ProjectionState("p0")


@pytest.mark.parametrize("engine_name", ["memory", pytest.param("dynamodb_local", marks=pytest.mark.dynamodb_local)])
def test_of_rivals_one_wins(engine_name: str, request: pytest.FixtureRequest) -> None:
    controls: ProjectionStates = request.getfixturevalue(engine_name).controls()

    def pause(by: str) -> ProjectionState | None:
        try:
            return controls.put(ProjectionState("sums").paused(START, "at once", by))
        except ControlChanged:
            return None

    with ThreadPoolExecutor(8) as pool:
        winners = [won for won in pool.map(pause, map(str, range(8))) if won]
    assert winners == [controls.get(["sums"])["sums"]]


def test_a_lost_answer_is_no_conflict_with_oneself(dynamodb: DynamoDBEngine) -> None:
    controls = dynamodb.controls()
    kept = controls.put(ProjectionState("sums").begun(START))
    dynamodb.wire.inject(lost_answer, on="PutItem")
    again = controls.put(kept.cancelled(2, LATER))
    assert controls.get(["sums"])["sums"] == again


def test_a_table_that_does_not_answer_says_so(dynamodb: DynamoDBEngine) -> None:
    controls = dynamodb.controls()
    controls.get(["sums"])
    dynamodb.wire.inject(*[refused("InternalServerError", status=500)] * 6)
    with pytest.raises(StoreUnavailable):
        controls.get(["sums"])
    dynamodb.wire.clear()
    dynamodb.wire.inject(*[refused("InternalServerError", status=500)] * 6)
    with pytest.raises(StoreUnavailable):
        controls.put(ProjectionState("sums").begun(START))
