"""Alarms, dashboard and logs: nothing runs unwatched, nothing personal is kept, nothing is kept for ever."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tools.local.mappings import mappings
from tools.local.physical import STACK
from tools.local.template import Resource, Template
from tools.runtime.emulator import ROOT

NAMESPACE = "Banyan"
REPORTS = re.compile(r"""(?:(?:telemetry\(?\)?|_telemetry)\.(?:count|duration)\(\s*|lag_metric = )"(\w+)\"""")
INCIDENTS = {
    "LegacyDiverged",
    "ProjectionParked",
    "ProjectionPaused",
    "EventTableTampered",
    "UnreadableRecords",
    "ReconciliationDrift",
    "DeadlineParked",
}
TROUBLES = {"BatchFailures", "SnapshotFailures", "CatchUpFailures", "DeadlineFailures"}
DEADLINE_LAG = "DeadlineLag"
COLD_START = "ColdStart"
IN_ACCESS_LOG = {
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
    alarms: Alarms, functions: list[Resource], metric: str
) -> None:
    assert watched(alarms, "AWS/Lambda", metric) == {function.name for function in functions}


def test_every_queue_has_an_alarm_on_what_waits_in_it(alarms: Alarms, template: Template) -> None:
    queues = {queue.name for queue in template.resources("AWS::SQS::Queue")}
    failures = {name for name in queues if name.endswith("Failures")}
    assert watched(alarms, "AWS/SQS", "ApproximateNumberOfMessagesVisible") == failures
    assert watched(alarms, "AWS/SQS", "ApproximateAgeOfOldestMessage") == queues - failures


def test_every_reader_of_a_stream_has_an_alarm_on_its_lag(alarms: Alarms, template: Template) -> None:
    readers = {mapping.function for mapping in mappings(template) if not mapping.is_queue}
    assert watched(alarms, "AWS/Lambda", "IteratorAge") == readers


def test_every_incident_and_every_server_error_raises_an_alarm_at_once(alarms: Alarms) -> None:
    watched_metrics = {alarm["MetricName"] for alarm in alarms.values() if alarm["Namespace"] == NAMESPACE}
    assert watched_metrics == INCIDENTS | TROUBLES | {DEADLINE_LAG}
    at_once = [alarms[name] for name in (*INCIDENTS, "HttpServerErrors")]
    assert {(a["Threshold"], a["EvaluationPeriods"], a["Statistic"]) for a in at_once} == {(1, 1, "Sum")}
    assert all(watched(alarms, NAMESPACE, incident) == {STACK} for incident in INCIDENTS)


def test_troubles_that_the_next_delivery_makes_up_for_raise_an_alarm_when_they_persist(alarms: Alarms) -> None:
    assert all(watched(alarms, NAMESPACE, trouble) == {STACK} for trouble in TROUBLES)
    persisting = [alarms[f"{trouble}Persist"] for trouble in TROUBLES]
    assert {(a["Threshold"], a["Statistic"], a["Period"]) for a in persisting} == {(1, "Sum", 300)}
    assert {(a["DatapointsToAlarm"], a["EvaluationPeriods"]) for a in persisting} == {(3, 12)}


def test_deadlines_that_fire_minutes_late_raise_an_alarm(alarms: Alarms) -> None:
    late = alarms["DeadlinesLate"]
    assert watched(alarms, NAMESPACE, DEADLINE_LAG) == {STACK}
    assert (late["Statistic"], late["Threshold"], late["EvaluationPeriods"]) == ("Maximum", 120_000, 3)


def test_every_alarm_reaches_the_topic_and_says_what_to_do(alarms: Alarms) -> None:
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}], name
        assert alarm["TreatMissingData"] == "notBreaching", name
        assert alarm["AlarmDescription"].count(".") >= 2, name


def test_the_dashboard_shows_every_metric_that_is_reported(observability: dict[str, Any]) -> None:
    known = reported()
    assert known > INCIDENTS
    assert {metric[1] for metric in shown(observability) if metric[0] == NAMESPACE} == known | {COLD_START}


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
