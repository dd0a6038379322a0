"""What readings consume, counted on DynamoDB Local: the benchmark's figures that no machine changes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bench.telemetry.counted import commits_beside_a_hot_device, units_a_thousand, units_of_growth
from bench.telemetry.pipeline import CountedPipeline, counted_pipeline
from tests.support.engines import DynamoDBEngine


@pytest.fixture
def pipeline(dynamodb_local: DynamoDBEngine) -> Iterator[CountedPipeline]:
    with counted_pipeline(dynamodb_local) as pipeline:
        yield pipeline


def test_a_thousand_readings_in_commits_of_a_hundred_take_at_most_fifty_write_units_to_append(
    pipeline: CountedPipeline,
) -> None:
    units = units_a_thousand(pipeline, 100, devices=3, commits=7)
    assert units["append"] <= 50
    assert units["views"] <= 60
    assert units["reactor"] <= 12


def test_a_reading_alone_costs_two_units_to_append_and_one_for_its_windows(pipeline: CountedPipeline) -> None:
    units = units_a_thousand(pipeline, 1, devices=3, commits=7)
    assert units == {"append": 2000, "views": 1000, "reactor": 1000}


@pytest.mark.slow
def test_a_reading_costs_the_same_whether_few_devices_send_or_many(pipeline: CountedPipeline) -> None:
    (few, few_appends), (many, many_appends) = (units_of_growth(pipeline, devices) for devices in (3, 30))
    assert many == pytest.approx(few, rel=0.1)
    assert many_appends.requests == 10 * few_appends.requests


@pytest.mark.parametrize("hot", [50, 80])
def test_a_device_that_sends_most_of_a_batch_makes_one_commit_of_it_and_so_delays_no_other(
    pipeline: CountedPipeline, hot: int
) -> None:
    assert commits_beside_a_hot_device(pipeline, hot) == 1 + min(20, 100 - hot)
