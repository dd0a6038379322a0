"""What happens to work that fails: tried again, cut in two, kept for someone to look at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from banyan.adapters.settings import Settings
from banyan.bootstrap.rebuilds import LONGEST_PROJECTION
from banyan.deadlines.runner import RESERVE_MS
from banyan.entrypoints.stream_batches import CATCH_UP_RESERVE
from banyan_tools.local.mappings import Mapping, mappings
from banyan_tools.local.physical import ACCOUNT, REGION
from banyan_tools.local.template import Resource, Template
from banyan_tools.runtime.cases import read_case
from banyan_tools.runtime.needs import Need
from banyan_tools.runtime.permissions import role_of
from banyan_tools.runtime.sandbox import load_template

LEGACY_STREAM_ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/legacy-orders/stream/2026-01-05T09:00:00.000"
FOURTEEN_DAYS = 14 * 24 * 60 * 60


READERS = {"banyan-Projector": "projection", "banyan-Reactor": "reactor"}


@pytest.fixture(scope="module")
def readers(template: Template) -> dict[str, Mapping]:
    """The mappings of the event table's stream, by function."""
    events = next(table for table in template.resources("AWS::DynamoDB::Table") if table.logical_id == "EventsTable")
    found = [each for each in mappings(template) if each.source_arn.startswith(f"{events.arn}/stream/")]
    return {mapping.function: mapping for mapping in found}


@pytest.fixture(params=READERS)
def mapping(readers: dict[str, Mapping], request: pytest.FixtureRequest) -> Mapping:
    """Each mapping of the event table's stream."""
    return readers[request.param]


def one(template: Template, kind: str, of: str = "Reconciler") -> Resource:
    """The only resource of a type that belongs to a function."""
    (found,) = [resource for resource in template.resources(kind) if resource.logical_id.startswith(of)]
    return found


def queue_arn(template: Template, logical_id: str) -> str:
    """ARN of a queue."""
    return next(queue.arn for queue in template.resources("AWS::SQS::Queue") if queue.logical_id == logical_id)


def function(functions: list[Resource], logical_id: str) -> Resource:
    """A function."""
    return next(function for function in functions if function.logical_id == logical_id)


def test_two_functions_read_the_event_table_and_no_third_one(readers: dict[str, Mapping]) -> None:
    assert readers.keys() == READERS.keys()


def test_a_reader_begins_with_the_oldest_record(mapping: Mapping) -> None:
    assert mapping.start == "TRIM_HORIZON"


def test_batches_are_as_large_and_as_many_at_once_as_the_settings_say(mapping: Mapping) -> None:
    settings = Settings()
    prefix = READERS[mapping.function]
    assert mapping.batch_size == getattr(settings, f"{prefix}_batch_size")
    assert mapping.parallelization == getattr(settings, f"{prefix}_parallelization")
    assert mapping.window <= 1


def test_a_failing_batch_is_answered_record_by_record_cut_in_two_and_given_up_in_the_end(mapping: Mapping) -> None:
    assert mapping.reports_failures
    assert mapping.bisect
    assert mapping.max_retries == 10


def test_a_record_is_tried_for_as_long_as_its_stream_keeps_it() -> None:
    """DynamoDB keeps a record for 24 hours; a mapping that gives up sooner loses what a mended function could take."""
    given = load_template(LegacyStore="dynamodb", LegacyName="legacy-orders", LegacyStreamArn=LEGACY_STREAM_ARN)
    ages = {each.name: each.max_age for each in mappings(given) if "/stream/" in each.source_arn}
    assert len(ages) == 4
    assert set(ages.values()) == {24 * 60 * 60}


def test_batches_given_up_go_to_a_queue_the_reader_may_write_to(
    template: Template, functions: list[Resource], mapping: Mapping
) -> None:
    name = mapping.function.removeprefix("banyan-")
    failures = queue_arn(template, f"{name}Failures")
    assert mapping.on_failure == failures
    assert ("sqs:SendMessage", failures) in role_of(template, function(functions, name)).allowed


@pytest.mark.parametrize(("case", "passes"), [("insert", True), ("modify", True), ("remove", True), ("snapshot", True)])
def test_commits_snapshots_and_tampering_reach_the_projector(
    readers: dict[str, Mapping], case: str, passes: bool
) -> None:
    mapping = readers["banyan-Projector"]
    assert {mapping.matches(record) for record in read_case("projector", case)["Records"]} == {passes}


@pytest.mark.parametrize("case", ["insert", "modify", "remove", "snapshot"])
def test_commits_reach_the_reactor_and_nothing_else_does(readers: dict[str, Mapping], case: str) -> None:
    records = read_case("projector", case)["Records"]
    assert {readers["banyan-Reactor"].matches(record) for record in records} == {case == "insert"}


def test_the_schedule_of_the_reconciler_is_the_settings(template: Template) -> None:
    rule = one(template, "AWS::Events::Rule", "ReconcilerSchedule").properties
    assert rule["ScheduleExpression"] == Settings().reconciliation_schedule
    assert rule["State"] == "ENABLED"


def test_a_run_that_cannot_start_and_a_run_that_fails_both_end_in_a_queue(
    template: Template, functions: list[Resource]
) -> None:
    failures = queue_arn(template, "ReconcilerFailures")
    (target,) = one(template, "AWS::Events::Rule", "ReconcilerSchedule").properties["Targets"]
    assert target["DeadLetterConfig"] == {"Arn": failures}
    invoked = one(template, "AWS::Lambda::EventInvokeConfig").properties
    assert invoked["FunctionName"] == "banyan-Reconciler"
    assert invoked["DestinationConfig"]["OnFailure"]["Destination"] == failures
    assert ("sqs:SendMessage", failures) in role_of(template, function(functions, "Reconciler")).allowed


def test_eventbridge_may_write_to_the_reconcilers_queue_for_its_rules_alone(template: Template) -> None:
    (statement,) = one(template, "AWS::SQS::QueuePolicy").properties["PolicyDocument"]["Statement"]
    rules = [rule for rule in template.resources("AWS::Events::Rule") if rule.logical_id.startswith("Reconciler")]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Resource"] == queue_arn(template, "ReconcilerFailures")
    assert len(rules) == 2
    (allowed,) = statement["Condition"]["ArnEquals"].values()
    assert statement["Condition"].keys() == {"ArnEquals"}
    assert sorted(allowed) == sorted(rule.arn for rule in rules)


def test_a_run_that_is_not_finished_is_gone_on_with_every_few_minutes(template: Template) -> None:
    rule = one(template, "AWS::Events::Rule", "ReconcilerContinuation").properties
    (target,) = rule["Targets"]
    assert (rule["ScheduleExpression"], target["Input"]) == ("rate(5 minutes)", '{"continue":true}')


def test_the_change_marker_reads_the_rows_that_anyone_writes(template: Template) -> None:
    (mapping,) = [each for each in mappings(template) if each.function == "banyan-ChangeMarker"]
    (views,) = [table for table in template.resources("AWS::DynamoDB::Table") if table.logical_id == "ViewsTable"]
    assert mapping.source_arn.startswith(f"{views.arn}/stream/")
    assert mapping.start == "TRIM_HORIZON"
    assert all(mapping.matches(record) for record in read_case("change_marker", "rows")["Records"])
    assert mapping.on_failure == queue_arn(template, "ChangeMarkerFailures")


def test_the_change_marker_reads_a_legacy_table_in_the_same_way_once_its_stream_is_given(template: Template) -> None:
    given = load_template(LegacyStore="dynamodb", LegacyName="legacy-orders", LegacyStreamArn=LEGACY_STREAM_ARN)
    legacy, rows = sorted(
        (each for each in mappings(given) if each.function == "banyan-ChangeMarker"),
        key=lambda each: each.source_arn != LEGACY_STREAM_ARN,
    )
    assert legacy.source_arn == LEGACY_STREAM_ARN
    assert legacy == replace(rows, name=legacy.name, source_arn=legacy.source_arn, matches=legacy.matches)
    actions = ("ListStreams", "DescribeStream", "GetShardIterator", "GetRecords")
    needs = [Need(f"dynamodb:{action}", LEGACY_STREAM_ARN) for action in actions]
    for found, missing in ((given, []), (template, needs)):
        marker = function(found.resources("AWS::Lambda::Function"), "ChangeMarker")
        assert role_of(found, marker).missing(needs) == missing


@pytest.mark.parametrize("store", ["off", "postgres"])
def test_no_stream_is_read_for_a_legacy_system_that_has_none(store: str) -> None:
    given = load_template(LegacyStore=store, LegacyStreamArn=LEGACY_STREAM_ARN)
    assert LEGACY_STREAM_ARN not in {mapping.source_arn for mapping in mappings(given)}


def test_queues_are_encrypted_and_keep_what_they_have_for_14_days(template: Template) -> None:
    queues = template.resources("AWS::SQS::Queue")
    failures = {"ProjectorFailures", "ReactorFailures", "RebuildFailures", "ChangeMarkerFailures", "ReconcilerFailures"}
    failures |= {"IngestFailures"}
    assert {queue.logical_id for queue in queues} == {*failures, "RebuildQueue"}
    for queue in queues:
        assert queue.properties["SqsManagedSseEnabled"] is True
        assert queue.properties["MessageRetentionPeriod"] == FOURTEEN_DAYS


def test_deadlines_are_worked_off_every_minute_and_what_one_run_leaves_the_next_one_takes(template: Template) -> None:
    rule = one(template, "AWS::Events::Rule", "Deadlines").properties
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 minute)", "ENABLED")
    (target,) = rule["Targets"]
    assert target["RetryPolicy"]["MaximumRetryAttempts"] == 0
    assert one(template, "AWS::Lambda::EventInvokeConfig", "Deadlines").properties["MaximumRetryAttempts"] == 0


@pytest.mark.parametrize("reader", ["Projector", "Reactor"])
def test_lost_commits_are_looked_for_on_schedule_and_what_one_run_leaves_the_next_one_takes(
    template: Template, functions: list[Resource], reader: str
) -> None:
    rule = one(template, "AWS::Events::Rule", reader).properties
    assert (rule["ScheduleExpression"], rule["State"]) == (Settings().catch_up_schedule, "ENABLED")
    (target,) = rule["Targets"]
    assert target["RetryPolicy"]["MaximumRetryAttempts"] == 0
    assert one(template, "AWS::Lambda::EventInvokeConfig", reader).properties["MaximumRetryAttempts"] == 0
    assert 2 * CATCH_UP_RESERVE.total_seconds() < function(functions, reader).properties["Timeout"]


def test_a_run_of_the_deadlines_ends_before_the_next_one_and_leaves_time_to_work(functions: list[Resource]) -> None:
    timeout_ms = function(functions, "Deadlines").properties["Timeout"] * 1000
    assert 2 * RESERVE_MS < timeout_ms <= 60_000


def test_segments_are_worked_on_one_by_one_as_many_at_once_as_the_settings_say(template: Template) -> None:
    mapping = segments(template)
    assert mapping["BatchSize"] == 1
    assert int(mapping["ScalingConfig"]["MaximumConcurrency"]) == Settings().rebuild_parallelization


def test_a_segment_comes_back_after_a_kill_and_is_given_up_in_the_end(
    template: Template, functions: list[Resource]
) -> None:
    queue = next(queue for queue in template.resources("AWS::SQS::Queue") if queue.logical_id == "RebuildQueue")
    timeout = function(functions, "RebuildWorker").properties["Timeout"]
    assert segments(template)["EventSourceArn"] == queue.arn
    assert queue.properties["VisibilityTimeout"] >= 6 * timeout
    assert queue.properties["RedrivePolicy"] == {
        "deadLetterTargetArn": queue_arn(template, "RebuildFailures"),
        "maxReceiveCount": 5,
    }


def test_a_rebuild_waits_for_the_longest_batch_of_the_projector(functions: list[Resource]) -> None:
    assert function(functions, "Projector").properties["Timeout"] == LONGEST_PROJECTION.total_seconds()


def segments(template: Template) -> dict[str, Any]:
    """Properties of the mapping of the rebuild worker."""
    found = [m.properties for m in template.resources("AWS::Lambda::EventSourceMapping")]
    return next(mapping for mapping in found if mapping["FunctionName"] == "banyan-RebuildWorker")
