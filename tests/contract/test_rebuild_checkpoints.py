"""One suite for every place that keeps how far a rebuild has come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.support.clocks import no_sleep
from tests.support.engines import DynamoDBEngine, Engine, MemoryEngine
from tests.support.wire import lost_answer

from banyan.adapters.dynamodb.rebuild_checkpoints import DynamoDBCheckpoints
from banyan.projections.check import Difference
from banyan.projections.rebuild.base import Build, CheckpointMoved, Checkpoints, Phase, Segment, Stuck
from banyan.projections.rebuild.memory import MemoryCheckpoints
from banyan.projections.views import Generation

NOW = datetime(2026, 1, 5, 9, 0, 0, 1, tzinfo=UTC)
GENERATION = Generation("balances", 2)
BUILD = Build(GENERATION, base=1, segments=3, write_rate=100, switch_when_equal=True, started_at=NOW)
FULL = Segment(
    number=1,
    phase=Phase.COMPARING,
    position='{"row":{"S":"x"}}',
    total=7,
    streams=5,
    events=40,
    failed=1,
    stuck=(Stuck("acme:account:a", 3, "KeyError"),),
    compared=4,
    in_flight=1,
    different=1,
    differences=(Difference("acme:account:b", ("total",)),),
    read_units=1.5,
    write_units=2.0,
    updated_at=NOW,
)


def dynamodb_checkpoints(engine: DynamoDBEngine) -> DynamoDBCheckpoints:
    """Checkpoints in an engine's table of cursors."""
    return DynamoDBCheckpoints(engine.client, engine.tables.cursors, no_sleep)


@pytest.fixture
def checkpoints(engine: Engine) -> Checkpoints:
    """Each kind of checkpoints."""
    if isinstance(engine, MemoryEngine):
        return MemoryCheckpoints()
    assert isinstance(engine, DynamoDBEngine)
    return dynamodb_checkpoints(engine)


def test_a_build_reads_back_as_it_was_begun(checkpoints: Checkpoints) -> None:
    assert checkpoints.build(GENERATION) is None

    checkpoints.begin(BUILD)

    assert checkpoints.build(GENERATION) == BUILD
    assert checkpoints.build(Generation("balances", 3)) is None


def test_a_segment_reads_back_as_it_was_put_among_those_not_begun(checkpoints: Checkpoints) -> None:
    kept = checkpoints.put(GENERATION, FULL)

    assert kept == replace(FULL, revision=1)
    assert list(checkpoints.segments(BUILD)) == [Segment(0), kept, Segment(2)]
    assert list(checkpoints.segments(replace(BUILD, generation=Generation("balances", 3)))) == [
        Segment(number) for number in range(3)
    ]


def test_of_two_who_go_on_with_a_segment_one_is_refused(checkpoints: Checkpoints) -> None:
    kept = checkpoints.put(GENERATION, FULL)
    with pytest.raises(CheckpointMoved):
        checkpoints.put(GENERATION, replace(FULL, streams=6))

    moved = checkpoints.put(GENERATION, replace(kept, streams=6))
    with pytest.raises(CheckpointMoved):
        checkpoints.put(GENERATION, replace(kept, streams=7))

    assert checkpoints.segments(BUILD)[1] == moved


def test_what_is_forgotten_is_gone(checkpoints: Checkpoints) -> None:
    checkpoints.begin(BUILD)
    checkpoints.put(GENERATION, FULL)

    checkpoints.forget(BUILD)

    assert checkpoints.build(GENERATION) is None
    assert list(checkpoints.segments(BUILD)) == [Segment(number) for number in range(3)]


def test_a_lost_answer_is_no_conflict(dynamodb: DynamoDBEngine) -> None:
    checkpoints = dynamodb_checkpoints(dynamodb)
    assert dynamodb.tables.cursors
    dynamodb.wire.inject(lost_answer, on="PutItem")

    assert checkpoints.put(GENERATION, FULL).revision == 1
