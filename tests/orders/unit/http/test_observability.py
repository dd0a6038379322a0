"""Logs, metrics and traces of an invocation."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from traceback import format_exception
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from aws_lambda_powertools.logging import Logger
from botocore.exceptions import ClientError

from banyan.adapters import observability
from banyan.adapters.observability import EmbeddedMetrics, HandlerFailed, instrumented
from banyan.errors import UnknownEventType
from banyan.once import once

CONTEXT = SimpleNamespace(function_name="Test", aws_request_id="request-1")


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "banyan-test")
    monkeypatch.setattr(observability, "telemetry", once(EmbeddedMetrics))
    monkeypatch.setattr(observability, "logger", once(lambda: Logger(service=f"test-{uuid4()}", stream=sys.stdout)))


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_metrics_are_flushed_with_the_service_as_their_only_dimension(capsys: pytest.CaptureFixture[str]) -> None:
    def handler(*_: Any) -> str:
        observability.telemetry().count("Conflicts", 2)
        observability.telemetry().duration("AppendLatency", 12.5)
        return "answer"

    assert instrumented(handler)({}, CONTEXT) == "answer"
    cold, metrics = lines(capsys)
    described = metrics["_aws"]["CloudWatchMetrics"][0]
    assert described["Namespace"] == "Banyan"
    assert described["Dimensions"] == [["service"]]
    assert {m["Name"]: m["Unit"] for m in described["Metrics"]} == {
        "Conflicts": "Count",
        "AppendLatency": "Milliseconds",
    }
    assert (metrics["Conflicts"], metrics["AppendLatency"]) == ([2.0], [12.5])
    assert (cold["ColdStart"], cold["function_name"], cold["service"]) == ([1.0], "Test", "banyan-test")


def test_a_gauge_is_the_service_s_and_has_what_it_is_of_as_a_dimension_too(capsys: pytest.CaptureFixture[str]) -> None:
    def handler(*_: Any) -> None:
        for of, value in (("orders", 0), ("reactor", 3)):
            observability.telemetry().gauge("ParkedStreams", value, of=of)
        observability.telemetry().gauge("ParkedDeadlines", 0)

    invoked = instrumented(handler)
    for _ in range(2):
        invoked({}, CONTEXT)
        *_, whole, orders, reactor = lines(capsys)
        assert (whole["ParkedStreams"], whole["ParkedDeadlines"]) == ([0.0, 3.0], [0.0])
        assert whole["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]
        assert [(line["of"], line["ParkedStreams"]) for line in (orders, reactor)] == [
            ("orders", [0]),
            ("reactor", [3]),
        ]
        assert {*orders["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]} == {"of", "service"}


def test_a_function_starts_cold_once(capsys: pytest.CaptureFixture[str]) -> None:
    handler = instrumented(lambda *_: None)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: handler({}, CONTEXT), range(20)))
    assert [line["ColdStart"] for line in lines(capsys)] == [[1.0]]


def test_metrics_from_many_threads_all_arrive(capsys: pytest.CaptureFixture[str]) -> None:
    def handler(*_: Any) -> None:
        observability.telemetry().count("Conflicts")

    invoke = instrumented(handler)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: invoke({}, CONTEXT), range(200)))
    assert sum(sum(line.get("Conflicts", [])) for line in lines(capsys)) == 200


def test_a_failure_is_logged_without_what_it_quotes_and_raised(capsys: pytest.CaptureFixture[str]) -> None:
    def handler(event: Any, _: Any) -> None:
        raise ValueError(f"cannot read {event['body']}")

    event = {"body": "card no. 4111"}
    with pytest.raises(HandlerFailed, match=r"^ValueError$") as raised:
        instrumented(handler)(event, CONTEXT)
    logged = capsys.readouterr().out
    assert "card no." not in logged + "".join(format_exception(raised.value))
    line = json.loads(logged.splitlines()[-1])
    assert (line["level"], line["error"], line["function_request_id"]) == ("ERROR", "ValueError", "request-1")
    assert line["trace"][-1].startswith("test_observability.py:")


def test_an_error_of_the_engine_is_raised_as_it_is() -> None:
    def handler(*_: Any) -> None:
        raise UnknownEventType("Ghost")

    with pytest.raises(UnknownEventType, match="Ghost"):
        instrumented(handler)({}, CONTEXT)


def test_the_engines_own_errors_are_logged_with_their_text(capsys: pytest.CaptureFixture[str]) -> None:
    observability.log_failure("a test", UnknownEventType("Ghost"))
    assert "unknown event type 'Ghost'" in lines(capsys)[0]["reason"]


def test_of_an_aws_error_only_the_code_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    told: Any = {"Error": {"Code": "ValidationException", "Message": "card 4111 is no number"}}
    observability.log_failure("a test", ClientError(told, "PutItem"))
    assert lines(capsys)[0]["reason"] == "ValidationException"


def test_log_keys_end_with_their_context(capsys: pytest.CaptureFixture[str]) -> None:
    with observability.log_context(correlation_id="abc"):
        observability.logger().info("inside")
    observability.logger().info("outside")
    inside, outside = lines(capsys)
    assert inside["correlation_id"] == "abc"
    assert "correlation_id" not in outside


def test_a_build_that_fails_is_tried_again() -> None:
    results = iter([RuntimeError("not yet"), "built"])

    @once
    def build() -> object:
        result = next(results)
        if isinstance(result, Exception):
            raise result
        return result

    with pytest.raises(RuntimeError, match="not yet"):
        build()
    assert build() == "built"
    assert build() == "built"
