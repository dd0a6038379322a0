"""The functions of telemetry with every sample event, under Lambda's own runtime and each function's own role."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from banyan_tools.runtime.__main__ import INGESTING
from banyan_tools.runtime.backend import Backend, moto
from banyan_tools.runtime.cases import cases, read_case
from banyan_tools.runtime.emulator import unavailable
from banyan_tools.runtime.sandbox import Sandbox, load_template

pytestmark = [
    pytest.mark.runtime,
    pytest.mark.xdist_group("runtime"),
    pytest.mark.skipif(unavailable() is not None, reason=str(unavailable())),
]

DOMAIN = "telemetry"
Expectation = tuple[int, Mapping[str, Any]]

COMMANDS: Mapping[str, Expectation] = {
    "register_device": (201, {"deviceId": "boiler-3", "status": "new", "silentAfterSeconds": 180}),
    "other_device": (409, {"code": "device_exists_with_different_content"}),
    "change_limits": (200, {"limits": {"high": None, "low": {"raise": 5, "clear": 8}}}),
    "change_groups": (200, {"groups": ["hall-1", "north"]}),
    "change_timing": (200, {"intervalSeconds": 10}),
    "record_readings": (200, {"recorded": 2, "repeated": 0, "late": 0}),
    "record_readings_gzip": (200, {"recorded": 60}),
    "repeated_readings": (200, {"recorded": 0, "repeated": 1}),
    "bad_reading": (422, {"code": "time_invalid", "field": "readings.0.at"}),
    "unknown_device": (404, {"code": "device_not_registered"}),
    "without_scope": (403, {"code": "forbidden_scope", "scopes": ["telemetry/write"]}),
}
QUERIES: Mapping[str, Expectation] = {
    "device": (200, {"status": "active", "groups": ["hall-1"], "months": ["2025-12", "2026-01"]}),
    "devices": (200, {"version": 6}),
    "silent_devices": (200, {"cursor": None}),
    "devices_of_group": (200, {"cursor": None}),
    "windows": (200, {"size": "1h", "unit": "°C", "servedFrom": "projection"}),
    "windows_csv": (200, {}),
    "readings": (200, {"servedFrom": "stream"}),
    "late": (200, {"count": 0, "readings": []}),
    "gaps": (200, {"longerThanSeconds": 60.0, "gaps": []}),
    "chart": (200, {}),
    "group_windows": (200, {"group": "hall-1", "unit": "°C"}),
    "group_chart": (200, {}),
    "alarms": (200, {"cursor": None}),
    "unknown_device": (404, {"code": "device_not_found"}),
    "bad_time": (422, {"code": "invalid_input", "field": "from"}),
    "without_scope": (403, {"code": "forbidden_scope", "scopes": ["telemetry/read", "telemetry/write"]}),
}
OTHERS = {
    "ingest": {"batch", "compressed", "repeated", "unreadable"},
    "rebuild_worker": {"segment"},
    "projector": {"insert", "duplicate", "scheduled"},
    "reactor": {"insert", "scheduled"},
    "change_marker": {"rows"},
    "reconciler": {"scheduled"},
    "deadlines": {"scheduled"},
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The fleet, without read models."""
    with moto() as url, Sandbox(load_template(Domain=DOMAIN, **INGESTING), Backend(url, url), DOMAIN) as running:
        yield running


def test_every_sample_event_is_expected_to_do_something() -> None:
    expected = {"command_api": COMMANDS, "query_api": QUERIES, **OTHERS}
    assert sorted(cases(DOMAIN)) == sorted((function, case) for function, names in expected.items() for case in names)


def test_requests_are_answered_and_the_other_functions_take_what_happened(
    sandbox: Sandbox, subtests: pytest.Subtests
) -> None:
    for case in ("insert", "duplicate"):
        assert sandbox.invoke("projector", read_case("projector", case, DOMAIN)) == {"batchItemFailures": []}
    report = sandbox.invoke("reconciler", read_case("reconciler", "scheduled", DOMAIN))
    assert [finding for section in report["sections"] for finding in section["findings"]] == []
    for case, (status, members) in QUERIES.items():
        with subtests.test(case):
            answer = sandbox.invoke("query_api", read_case("query_api", case, DOMAIN))
            assert answer["statusCode"] == status, answer["body"]
            body = json.loads(answer["body"]) if "json" in answer["headers"]["Content-Type"] else {}
            assert {name: body[name] for name in members} == members, body
    for case, (status, members) in COMMANDS.items():
        with subtests.test(case):
            answer = sandbox.invoke("command_api", read_case("command_api", case, DOMAIN))
            body = json.loads(answer["body"])
            assert answer["statusCode"] == status, body
            assert {name: body[name] for name in members} == members, body
    for case in sorted(OTHERS["ingest"]):
        assert sandbox.invoke("ingest", read_case("ingest", case, DOMAIN)) == {"batchItemFailures": []}, case
    assert sandbox.invoke("reactor", read_case("reactor", "insert", DOMAIN)) == {"batchItemFailures": []}
    assert sandbox.invoke("deadlines", read_case("deadlines", "scheduled", DOMAIN))["parked"] == 0
    assert sandbox.invoke("change_marker", read_case("change_marker", "rows", DOMAIN)) is None
    assert sandbox.invoke("rebuild_worker", read_case("rebuild_worker", "segment", DOMAIN)) is None
