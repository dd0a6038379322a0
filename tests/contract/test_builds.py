"""One suite for every place that keeps how far a rebuild has come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.support.engines import DynamoDBEngine, Engine
from tests.support.wire import lost_answer

from banyan.projections.check import Difference
from banyan.projections.rebuild.builds import Build, BuildPhase, Builds, Segment, SegmentMoved, Stuck
from banyan.projections.views import Generation

NOW = datetime(2026, 1, 5, 9, 0, 0, 1, tzinfo=UTC)
GENERATION = Generation("balances", 2)
BUILD = Build(GENERATION, base=1, segments=3, write_rate=100, switch_when_equal=True, started_at=NOW)
FULL = Segment(
    number=1,
    phase=BuildPhase.COMPARING,
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


@pytest.fixture
def builds(engine: Engine) -> Builds:
    """Each home of builds."""
    return engine.builds()


def test_a_build_reads_back_as_it_was_begun(builds: Builds) -> None:
    assert builds.build(GENERATION) is None

    builds.begin(BUILD)

    assert builds.build(GENERATION) == BUILD
    assert builds.build(Generation("balances", 3)) is None


def test_a_segment_reads_back_as_it_was_put_among_those_not_begun(builds: Builds) -> None:
    kept = builds.put(GENERATION, FULL)

    assert kept == replace(FULL, revision=1)
    assert list(builds.segments(BUILD)) == [Segment(0), kept, Segment(2)]
    assert list(builds.segments(replace(BUILD, generation=Generation("balances", 3)))) == [
        Segment(number) for number in range(3)
    ]


def test_of_two_who_go_on_with_a_segment_one_is_refused(builds: Builds) -> None:
    kept = builds.put(GENERATION, FULL)
    with pytest.raises(SegmentMoved):
        builds.put(GENERATION, replace(FULL, streams=6))

    moved = builds.put(GENERATION, replace(kept, streams=6))
    with pytest.raises(SegmentMoved):
        builds.put(GENERATION, replace(kept, streams=7))

    assert builds.segments(BUILD)[1] == moved


def test_what_is_forgotten_is_gone(builds: Builds) -> None:
    builds.begin(BUILD)
    builds.put(GENERATION, FULL)

    builds.forget(BUILD)

    assert builds.build(GENERATION) is None
    assert list(builds.segments(BUILD)) == [Segment(number) for number in range(3)]


def test_a_lost_answer_is_no_conflict(dynamodb: DynamoDBEngine) -> None:
    builds = dynamodb.builds()
    assert dynamodb.tables.cursors
    dynamodb.wire.inject(lost_answer, on="PutItem")

    assert builds.put(GENERATION, FULL).revision == 1
