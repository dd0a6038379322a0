"""A Kinesis stream that is ingested: all or nothing of it is deployed, and no record is given up in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.infrastructure.conftest import INGESTING, STREAM_ARN

from banyan.adapters.settings import Settings
from banyan.entrypoints.ingest import RESERVE_SECONDS
from banyan_tools.local.mappings import FOREVER, Mapping, mappings
from banyan_tools.local.template import Resource, Template
from banyan_tools.runtime.permissions import role_of
from banyan_tools.runtime.sandbox import load_template

A_DAY = 24 * 60 * 60
PUTS_BACK = {
    "sqs": {"GetQueueAttributes", "ReceiveMessage", "ChangeMessageVisibility", "DeleteMessage"},
    "kinesis": {"GetShardIterator", "GetRecords", "PutRecord"},
}
READS = {"DescribeStream", "DescribeStreamSummary", "ListShards", "GetShardIterator", "GetRecords"}


@pytest.fixture
def mapping(template: Template) -> Mapping:
    (found,) = [each for each in mappings(template) if each.source_arn == STREAM_ARN]
    return found


@pytest.fixture
def function(functions: list[Resource]) -> Resource:
    (found,) = [each for each in functions if each.logical_id == "Ingest"]
    return found


def named_after_ingest(template: Template) -> set[str]:
    kinds = {"Lambda::Function", "Lambda::EventSourceMapping", "IAM::Role", "SQS::Queue", "Logs::LogGroup"}
    found = [resource for kind in kinds for resource in template.resources(f"AWS::{kind}")]
    return {resource.logical_id for resource in found if resource.logical_id.startswith("Ingest")}


def test_without_a_stream_nothing_of_it_is_deployed(template: Template) -> None:
    assert named_after_ingest(load_template()) == set()
    assert named_after_ingest(template) == {"Ingest", "IngestRecords", "IngestRole", "IngestFailures", "IngestLogs"}


def test_without_a_stream_none_of_its_alarms_is_created(
    template: Template, nested_in: Callable[[Template], dict[str, Any]]
) -> None:
    alarms = {"IngestErrors", "IngestThrottles", "IngestIteratorAge", "IngestFailuresWaiting", "RecordsParked"}
    assert nested_in(template).keys() - nested_in(load_template()).keys() == alarms


def test_records_come_from_the_oldest_on_in_batches_as_the_parameters_say(mapping: Mapping) -> None:
    assert (mapping.function, mapping.start) == ("banyan-Ingest", "TRIM_HORIZON")
    assert (mapping.batch_size, mapping.window, mapping.parallelization) == (500, 1, 1)
    chosen = {"IngestBatchSize": "7", "IngestWindowSeconds": "3", "IngestParallelization": "2"}
    (given,) = [each for each in mappings(load_template(**INGESTING, **chosen)) if each.source_arn == STREAM_ARN]
    assert (given.batch_size, given.window, given.parallelization) == (7, 3, 2)


def test_a_record_is_given_up_by_its_age_alone_while_its_stream_still_has_it(mapping: Mapping) -> None:
    assert mapping.reports_failures
    assert mapping.bisect
    assert mapping.max_retries == FOREVER
    assert A_DAY - 2 * 3600 <= mapping.max_age < A_DAY


def test_what_is_refused_and_what_is_given_up_end_in_the_same_queue(
    template: Template, function: Resource, mapping: Mapping
) -> None:
    (queue,) = [each for each in template.resources("AWS::SQS::Queue") if each.logical_id == "IngestFailures"]
    assert mapping.on_failure == queue.arn
    assert function.properties["Environment"]["Variables"]["INGEST_FAILURES_QUEUE_URL"].endswith(f"/{queue.name}")
    assert ("sqs:SendMessage", queue.arn) in role_of(template, function).allowed


def test_who_looks_into_the_queue_asks_all_servers_that_hold_it(template: Template) -> None:
    (queue,) = [each for each in template.resources("AWS::SQS::Queue") if each.logical_id == "IngestFailures"]
    assert queue.properties["ReceiveMessageWaitTimeSeconds"] >= 1, "a short poll may find nothing where there is"


def test_the_function_reads_its_stream_and_no_other(template: Template, function: Resource) -> None:
    allowed = {grant for grant in role_of(template, function).allowed if grant[0].startswith("kinesis:")}
    assert allowed == {(f"kinesis:{action}", STREAM_ARN) for action in READS}


def test_the_console_may_put_parked_records_back_and_only_where_a_stream_is_ingested(template: Template) -> None:
    queue = next(each for each in template.resources("AWS::SQS::Queue") if each.logical_id == "IngestFailures")
    needed = {
        *((f"sqs:{action}", queue.arn) for action in PUTS_BACK["sqs"]),
        *((f"kinesis:{action}", STREAM_ARN) for action in PUTS_BACK["kinesis"]),
    }
    for found, expected in ((template, needed), (load_template(), set[tuple[str, str]]())):
        console = next(f for f in found.resources("AWS::Lambda::Function") if f.logical_id == "Console")
        allowed = {each for each in role_of(found, console).allowed if each[0].split(":")[0] in PUTS_BACK}
        assert {each for each in allowed if "Rebuild" not in each[1]} == expected
        assert ("INGEST_FAILURES_QUEUE_URL" in console.properties["Environment"]["Variables"]) == bool(expected)


def test_a_batch_that_takes_long_has_time_to_say_so(function: Resource) -> None:
    assert function.properties["Timeout"] >= 3 * RESERVE_SECONDS


def test_records_belong_to_a_tenant_that_the_deployment_names(written: dict[str, Any]) -> None:
    rule = written["Rules"]["IngestHasItsTenant"]
    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "IngestStream"}, ""]}]}
    assert rule["Assertions"][0]["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "IngestTenant"}, ""]}]}
    (ingest,) = [
        f
        for f in load_template(**INGESTING, IngestTenant="acme").resources("AWS::Lambda::Function")
        if f.logical_id == "Ingest"
    ]
    assert Settings.from_env(ingest.properties["Environment"]["Variables"]).ingest_tenant == "acme"
