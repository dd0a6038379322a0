"""Alarms, dashboard and logs: nothing runs unwatched, nothing personal is kept, nothing is kept for ever."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from banyan_tools.local.mappings import mappings
from banyan_tools.local.physical import STACK
from banyan_tools.local.template import Resource, Template
from banyan_tools.local.timetable import timetable
from banyan_tools.project import ROOT
from banyan_tools.runtime.sandbox import load_template

NAMESPACE = "Banyan"
REPORTS = re.compile(r"""(?:(?:telemetry\(?\)?|_telemetry)\.(?:count|duration|gauge)\(\s*|lag_metric = )"(\w+)\"""")
INCIDENTS = {
    "ClockSkewed",
    "LegacyDiverged",
    "ProjectionParked",
    "ProjectionPaused",
    "EventTableTampered",
    "UnreadableRecords",
    "ReconciliationDrift",
    "DeadlineParked",
    "RecordsParked",
}
TROUBLES = {"BatchFailures", "SnapshotFailures", "CatchUpFailures", "DeadlineFailures"}
DEADLINE_LAG = "DeadlineLag"
AT_LEAST, MORE, LESS = "GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold"
LIMITS: dict[str, tuple[str, str, Any, int, Any, int | None, str]] = {
    "AWS/Lambda Errors": ("Sum", AT_LEAST, 1, 60, 1, None, "notBreaching"),
    "AWS/Lambda Throttles": ("Sum", AT_LEAST, 1, 60, 3, 2, "notBreaching"),
    "AWS/Lambda IteratorAge": ("Maximum", MORE, "60000", 60, 3, None, "notBreaching"),
    "AWS/SQS ApproximateNumberOfMessagesVisible": ("Maximum", AT_LEAST, 1, 60, 1, None, "notBreaching"),
    "AWS/SQS ApproximateAgeOfOldestMessage": ("Maximum", MORE, 3600, 300, 1, None, "notBreaching"),
    "AWS/ApiGateway 5xx": ("Sum", AT_LEAST, 1, 60, 1, None, "notBreaching"),
    "AWS/Events FailedInvocations": ("Sum", AT_LEAST, 1, 60, 1, None, "notBreaching"),
    "Banyan ThrottledRequests": ("Sum", AT_LEAST, 1, 60, 5, 3, "notBreaching"),
    "Banyan DeadlineLag": ("Maximum", MORE, 120_000, 60, 3, None, "notBreaching"),
    "Banyan ParkedStreams": ("Maximum", AT_LEAST, 1, 60, 1, None, "ignore"),
    "Banyan ProjectionStopped": ("Maximum", AT_LEAST, 1, 60, 1, None, "ignore"),
    "Banyan RebuildIdleSeconds": ("Maximum", MORE, 3600, 60, 1, None, "ignore"),
    "Banyan ParkedDeadlines": ("Maximum", AT_LEAST, 1, 60, 1, None, "ignore"),
    "Banyan OldestDueSeconds": ("Maximum", MORE, 600, 60, 3, None, "ignore"),
    "Banyan MigrationLag": ("Maximum", MORE, 600_000, 60, 3, None, "ignore"),
    "Banyan MigrationParked": ("Maximum", AT_LEAST, 1, 60, 1, None, "ignore"),
    "Banyan MigrationIdleSeconds": ("Maximum", MORE, 3600, 60, 1, None, "ignore"),
}
"""By metric: statistic, operator, threshold, period in seconds, periods, those that must breach, and missing data."""
LIMITS |= {f"Banyan {name}": ("Sum", AT_LEAST, 1, 60, 1, None, "notBreaching") for name in INCIDENTS}
LIMITS |= {f"Banyan {name}": ("Sum", AT_LEAST, 1, 300, 12, 3, "notBreaching") for name in TROUBLES}
GAUGES = {name.removeprefix("Banyan ") for name, limits in LIMITS.items() if limits[-1] == "ignore"}
RUNS = "AWS/Events Invocations"
COLD_START = "ColdStart"
THROTTLED = "ThrottledRequests"
IN_ACCESS_LOG = {
    "apiId",
    "integrationLatency",
    "integrationStatus",
    "requestId",
    "requestTime",
    "responseLatency",
    "responseLength",
    "routeKey",
    "status",
}

Alarms = dict[str, dict[str, Any]]


@pytest.fixture
def simple(alarms: Alarms) -> Alarms:
    """Those that look at a single metric as it is."""
    return {name: alarm for name, alarm in alarms.items() if "MetricName" in alarm}


def watched(alarms: Alarms, namespace: str, metric: str) -> set[str]:
    """What the alarms on a metric look at: the values of their only dimension."""
    found = [a for a in alarms.values() if (a["Namespace"], a["MetricName"]) == (namespace, metric)]
    return {dimension["Value"] for alarm in found for dimension in values_of(alarm)}


def values_of(alarm: dict[str, Any]) -> list[dict[str, str]]:
    """Dimensions of an alarm."""
    (dimension,) = alarm["Dimensions"]
    return [dimension | {"Value": str(dimension["Value"])}]


def reported() -> set[str]:
    """Names of all metrics that the engine and the functions report."""
    files = [*(ROOT / "layers").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    return {name for file in files for name in REPORTS.findall(file.read_text())}


def shown(observability: dict[str, Any]) -> list[list[Any]]:
    """Every metric of the dashboard."""
    body = observability["Dashboard"]["Properties"]["DashboardBody"]["Fn::ToJsonString"]
    return [metric for widget in body["widgets"] for metric in widget["properties"]["metrics"]]


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_has_an_alarm_on_its_errors_and_on_its_throttles(
    simple: Alarms, functions: list[Resource], metric: str
) -> None:
    assert watched(simple, "AWS/Lambda", metric) == {function.name for function in functions}


def test_every_queue_has_an_alarm_on_what_waits_in_it(simple: Alarms, template: Template) -> None:
    queues = {queue.name for queue in template.resources("AWS::SQS::Queue")}
    failures = {name for name in queues if name.endswith("Failures")}
    assert watched(simple, "AWS/SQS", "ApproximateNumberOfMessagesVisible") == failures
    assert watched(simple, "AWS/SQS", "ApproximateAgeOfOldestMessage") == queues - failures


def test_every_reader_of_a_stream_has_an_alarm_on_its_lag(simple: Alarms, template: Template) -> None:
    readers = {mapping.function for mapping in mappings(template) if not mapping.is_queue}
    assert watched(simple, "AWS/Lambda", "IteratorAge") == readers


def test_every_incident_and_every_server_error_raises_an_alarm_at_once(simple: Alarms) -> None:
    watched_metrics = {alarm["MetricName"] for alarm in simple.values() if alarm["Namespace"] == NAMESPACE}
    assert watched_metrics == INCIDENTS | TROUBLES | GAUGES | {DEADLINE_LAG, THROTTLED}
    at_once = [simple[name] for name in (*INCIDENTS, "HttpServerErrors")]
    assert {(a["Threshold"], a["EvaluationPeriods"], a["Statistic"]) for a in at_once} == {(1, 1, "Sum")}
    assert all(watched(simple, NAMESPACE, incident) == {STACK} for incident in INCIDENTS)


def test_troubles_that_the_next_delivery_makes_up_for_raise_an_alarm_when_they_persist(simple: Alarms) -> None:
    assert all(watched(simple, NAMESPACE, trouble) == {STACK} for trouble in TROUBLES)
    persisting = [simple[f"{trouble}Persist"] for trouble in TROUBLES]
    assert {(a["Threshold"], a["Statistic"], a["Period"]) for a in persisting} == {(1, "Sum", 300)}
    assert {(a["DatapointsToAlarm"], a["EvaluationPeriods"]) for a in persisting} == {(3, 12)}


def test_deadlines_that_fire_minutes_late_raise_an_alarm(simple: Alarms) -> None:
    late = simple["DeadlinesLate"]
    assert watched(simple, NAMESPACE, DEADLINE_LAG) == {STACK}
    assert (late["Statistic"], late["Threshold"], late["EvaluationPeriods"]) == ("Maximum", 120_000, 3)


def test_every_alarm_reaches_the_topic_and_says_what_to_do(alarms: Alarms) -> None:
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}], name
        assert alarm["AlarmDescription"].count(".") >= 2, name


def test_every_alarm_compares_what_it_should(simple: Alarms) -> None:
    names = ("Statistic", "ComparisonOperator", "Threshold", "Period", "EvaluationPeriods", "DatapointsToAlarm")
    found = {
        name: (f"{alarm['Namespace']} {alarm['MetricName']}", (*map(alarm.get, names), alarm["TreatMissingData"]))
        for name, alarm in simple.items()
    }
    assert {metric for metric, _ in found.values()} == LIMITS.keys() | {RUNS}
    assert {name: f for name, f in found.items() if f[0] != RUNS and f[1] != LIMITS[f[0]]} == {}


def test_the_log_index_has_an_alarm_at_seventy_percent_of_what_its_buckets_take(alarms: Alarms) -> None:
    alarm = alarms["LogNearItsCeiling"]
    share, writes = alarm["Metrics"]
    metric = writes["MetricStat"]["Metric"]
    assert (share["Expression"], writes["Id"], writes["ReturnData"]) == (
        {"Fn::Sub": "100 * writes / (PERIOD(writes) * 1000 * ${LogBuckets})"},
        "writes",
        False,
    )
    assert (metric["Namespace"], metric["MetricName"]) == ("AWS/DynamoDB", "ConsumedWriteCapacityUnits")
    assert [(each["Name"], each["Value"]) for each in metric["Dimensions"]] == [
        ("TableName", "banyan-EventsTable"),
        ("GlobalSecondaryIndexName", "log"),
    ]
    assert (writes["MetricStat"]["Stat"], writes["MetricStat"]["Period"]) == ("Sum", 60)
    assert (alarm["ComparisonOperator"], alarm["Threshold"], alarm["TreatMissingData"]) == (MORE, 70, "notBreaching")
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (5, 3)


def test_a_gauge_keeps_its_alarm_until_it_is_reported_again(simple: Alarms) -> None:
    """Its reporter may run every quarter of an hour only; that it runs at all is an alarm of its own."""
    gauges = [alarm for alarm in simple.values() if alarm["MetricName"] in GAUGES]
    assert len(gauges) == len(GAUGES)
    assert all(alarm["OKActions"] for alarm in gauges)


def rules(template: Template) -> dict[str, Resource]:
    """Every schedule that the stack creates, by the name of its rule."""
    assert "AWS::Scheduler::Schedule" not in template.kinds
    found = template.resources("AWS::Events::Rule")
    return {rule.name: rule for rule in found if "ScheduleExpression" in rule.properties}


def test_every_schedule_has_an_alarm_on_its_missing_runs_and_on_runs_that_eventbridge_gave_up(
    simple: Alarms, template: Template
) -> None:
    assert len(rules(template)) == 6
    for metric in ("Invocations", "FailedInvocations"):
        assert watched(simple, "AWS/Events", metric) == rules(template).keys()


def test_a_schedule_that_is_off_is_silent_without_an_alarm(observability: dict[str, Any], template: Template) -> None:
    off = [rule.logical_id for rule in rules(template).values() if rule.properties.get("State") == "DISABLED"]
    assert off == ["MigrationControllerSchedule"]
    assert observability["MigrationControllerScheduleSilent"]["Condition"] == "HasLegacy"
    (nested,) = load_template(LegacyStore="dynamodb", LegacyName="orders").resources("AWS::CloudFormation::Stack")
    assert nested.properties["Parameters"]["LegacyStore"] == "dynamodb"


def test_silence_is_an_alarm_when_more_than_two_runs_are_missing_and_within_what_cloudwatch_allows(
    simple: Alarms, template: Template
) -> None:
    silent = {
        alarm["Dimensions"][0]["Value"]: alarm for alarm in simple.values() if alarm["MetricName"] == "Invocations"
    }
    for name, rule in rules(template).items():
        alarm, start = silent[name], datetime(2026, 1, 1, tzinfo=UTC)
        limits = (alarm["Statistic"], alarm["ComparisonOperator"], alarm["Threshold"], alarm["TreatMissingData"])
        assert limits == ("Sum", LESS, 1, "breaching")
        assert "DatapointsToAlarm" not in alarm
        interval = (timetable(rule.properties["ScheduleExpression"])(start) - start).total_seconds()
        silence = alarm["Period"] * int(alarm["EvaluationPeriods"])
        assert 2 * interval < silence <= 15 * interval, name
        assert silence <= (604_800 if alarm["Period"] >= 3600 else 86_400)


def test_the_dashboard_shows_every_metric_that_is_reported(observability: dict[str, Any]) -> None:
    known = reported()
    assert known > INCIDENTS
    assert {metric[1] for metric in shown(observability) if metric[0] == NAMESPACE} == known | {COLD_START, THROTTLED}


def test_the_functions_report_under_the_name_the_alarms_look_for(functions: list[Resource]) -> None:
    for function in functions:
        variables = function.properties["Environment"]["Variables"]
        assert variables["POWERTOOLS_SERVICE_NAME"] == STACK
        assert variables["POWERTOOLS_METRICS_NAMESPACE"] == NAMESPACE


def test_the_dashboard_shows_every_function_and_queue(
    observability: dict[str, Any], template: Template, functions: list[Resource]
) -> None:
    text = json.dumps(shown(observability))
    queues = template.resources("AWS::SQS::Queue")
    assert [resource.name for resource in [*functions, *queues] if f'"{resource.name}"' not in text] == []


def test_the_nested_stack_gets_every_parameter_it_asks_for(written: dict[str, Any], template: Template) -> None:
    (nested,) = template.resources("AWS::CloudFormation::Stack")
    assert nested.properties["TemplateURL"] == "observability.yaml"
    asked = set(re.findall(r"^  (\w+):$", (ROOT / "observability.yaml").read_text().split("\nConditions:")[0], re.M))
    assert nested.properties["Parameters"].keys() == asked
    assert nested.properties["Parameters"]["Service"] == STACK
    assert written["Parameters"]["AlarmEmail"]["Default"] == ""


def test_requests_that_the_gateway_refuses_are_counted_in_its_log_as_it_writes_them(
    simple: Alarms, template: Template
) -> None:
    """The gateway's own metric holds every 4xx, and the function never sees these requests."""
    (stage,) = template.resources("AWS::ApiGatewayV2::Stage")
    line = json.loads(stage.properties["AccessLogSettings"]["Format"])
    (counted,) = template.resources("AWS::Logs::MetricFilter")
    (metric,) = counted.properties["MetricTransformations"]
    assert (line["status"], counted.properties["FilterPattern"]) == ("$context.status", '{ $.status = "429" }')
    assert counted.properties["LogGroupName"] in stage.properties["AccessLogSettings"]["DestinationArn"]
    assert (metric["MetricNamespace"], metric["MetricName"], metric["MetricValue"]) == (NAMESPACE, THROTTLED, "1")
    (dimension,) = metric["Dimensions"]
    assert (line[dimension["Key"]], dimension["Value"]) == ("$context.apiId", f"$.{dimension['Key']}")
    assert simple["RequestsThrottled"]["Dimensions"] == [{"Name": "apiId", "Value": "HttpApi"}]


def test_every_log_is_kept_for_the_days_that_the_parameter_says(
    written: dict[str, Any], functions: list[Resource]
) -> None:
    groups = [body for body in written["Resources"].values() if body["Type"] == "AWS::Logs::LogGroup"]
    assert len(groups) == len(functions) + 1
    assert all(group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups)


def test_every_function_and_the_api_write_to_a_log_of_the_template(
    template: Template, functions: list[Resource]
) -> None:
    groups = template.resources("AWS::Logs::LogGroup")
    (stage,) = template.resources("AWS::ApiGatewayV2::Stage")
    used = [function.properties["LoggingConfig"]["LogGroup"] for function in functions]
    assert sorted([*used, stage.properties["AccessLogSettings"]["DestinationArn"]]) == sorted(
        group.arn if group.logical_id == "HttpLogs" else group.name for group in groups
    )


def test_the_access_log_holds_nothing_about_the_caller(template: Template) -> None:
    (stage,) = template.resources("AWS::ApiGatewayV2::Stage")
    text = stage.properties["AccessLogSettings"]["Format"]
    assert set(re.findall(r"\$context\.([\w.]+)", text)) == IN_ACCESS_LOG
    assert len(json.loads(text)) == len(IN_ACCESS_LOG)
