"""Devices and readings over HTTP: answers, refusals, scopes, and what a repeated request finds."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from typing import Any

import pytest
from tests.support.http import CONTEXT, body_of, event
from tests.telemetry.support.fleet import READER, WRITER, Fleet, reading

from telemetry.settings import TelemetrySettings

DEVICE = {"deviceId": "a", "unit": "°C", "intervalSeconds": 10, "limits": {"high": {"raise": 9, "clear": 8}}}
COMMANDS = ["/devices", *(f"/devices/a/{what}" for what in ("timing", "limits", "groups", "readings"))]


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet()
    fleet.register("a")
    return fleet


def at(second: int) -> str:
    return f"2026-01-05T08:00:{second:02}Z"


def test_a_device_is_registered_with_what_settings_say_of_the_rest() -> None:
    fleet = Fleet(TelemetrySettings(silence_intervals=6.5, silence_check_minutes=2, allowed_lateness_hours=0.5))
    answer = fleet.ask("/devices", DEVICE)
    assert answer["statusCode"] == 201
    assert answer["headers"]["ETag"] == '"1"'
    expected = {"intervalSeconds": 10, "silentAfterSeconds": 65, "watchSeconds": 120, "allowedLatenessSeconds": 1800}
    assert {name: body_of(answer)[name] for name in expected} == expected
    assert body_of(answer)["limits"] == {"high": {"raise": 9, "clear": 8}, "low": None}
    assert (body_of(answer)["status"], body_of(answer)["version"]) == ("new", 1)


def test_no_device_may_be_silent_for_more_than_a_year() -> None:
    year = 366 * 24 * 3600
    answer = Fleet().done("/devices", {**DEVICE, "intervalSeconds": year})
    assert (answer["silentAfterSeconds"], answer["watchSeconds"]) == (year, year)


def test_a_device_may_be_allowed_no_lateness_at_all() -> None:
    assert Fleet().done("/devices", {**DEVICE, "allowedLatenessSeconds": 0})["allowedLatenessSeconds"] == 0


def test_a_device_without_an_id_gets_one_that_readings_can_be_sent_to() -> None:
    fleet = Fleet()
    id = fleet.done("/devices", {"unit": "", "intervalSeconds": 1})["deviceId"]
    assert fleet.record(id, (at(0), 1.0))["recorded"] == 1


def test_a_group_that_is_named_twice_counts_once() -> None:
    fleet = Fleet()
    assert fleet.done("/devices", DEVICE | {"groups": ["hall", "hall"]})["groups"] == ["hall"]
    assert fleet.done("/devices/a/groups", {"groups": ["yard", "hall", "yard"]})["groups"] == ["yard", "hall"]


def test_registered_again_a_device_is_the_same_or_there_is_a_conflict(fleet: Fleet) -> None:
    assert fleet.register("a")["version"] == 1
    assert fleet.refused("/devices", DEVICE) == (409, "device_exists_with_different_content")


@pytest.mark.parametrize(
    "wrong",
    [
        {"deviceId": "a.2026-01"},
        {"deviceId": "a b"},
        {"deviceId": "a/b"},
        {"intervalSeconds": 0},
        {"intervalSeconds": 1.5},
        {"intervalSeconds": True},
        {"silentAfterSeconds": 59},
        {"allowedLatenessSeconds": 32 * 24 * 3600},
        {"limits": {"high": {"raise": 1, "clear": 2}}},
        {"limits": {"high": {"raise": "x", "clear": 2}}},
        {"limits": {"high": {"raise": "3", "clear": 2}}},
        {"limits": {"high": {"raise": True, "clear": False}}},
        {"groups": ["a b"]},
        {"groups": [f"g{number}" for number in range(21)]},
        {"unit": "a\nb"},
        {"tenant": "other"},
    ],
    ids=str,
)
def test_a_device_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    assert Fleet().refused("/devices", {**DEVICE, **wrong}) == (422, "invalid_input")


def test_changes_are_answered_with_their_version_and_made_once(fleet: Fleet) -> None:
    assert fleet.done("/devices/a/groups", {"groups": ["hall-1", "hall-2"]})["groups"] == ["hall-1", "hall-2"]
    assert fleet.done("/devices/a/limits", {"low": {"raise": 1, "clear": 2}})["limits"]["low"] == {
        "raise": 1,
        "clear": 2,
    }
    assert fleet.done("/devices/a/timing", {"intervalSeconds": 5})["version"] == 4
    assert fleet.done("/devices/a/timing", {"intervalSeconds": 5})["version"] == 4
    assert fleet.refused("/devices/a/groups", {"groups": []}, if_match='"3"') == (412, "version_conflict")
    assert fleet.done("/devices/a/groups", {"groups": []}, if_match='"4"')["version"] == 5


@pytest.mark.parametrize("what", ["timing", "limits", "groups"])
def test_what_is_not_registered_cannot_be_changed(what: str) -> None:
    body = {"timing": {"intervalSeconds": 1}, "limits": {}, "groups": {"groups": []}}[what]
    assert Fleet().refused(f"/devices/a/{what}", body) == (404, "device_not_found")


def test_readings_are_recorded_once_and_the_answer_says_what_became_of_them(fleet: Fleet) -> None:
    fleet.done("/devices/a/timing", {"intervalSeconds": 60, "allowedLatenessSeconds": 5})
    assert fleet.record("a", (at(10), 1.0, 1), (at(20), 2.0, 2))["recorded"] == 2
    answer = fleet.record("a", (at(20), 2.0, 2), (at(14), 1.5, 3), ("2026-02-01T00:00:00Z", 3.0, 1), (at(30), 3.0, 4))
    assert {name: answer[name] for name in ("recorded", "repeated", "late")} == {
        "recorded": 3,
        "repeated": 1,
        "late": 1,
    }
    january, february = answer["series"]
    assert january == {"month": "2026-01", "version": 3, "recorded": 2, "repeated": 1, "late": 1}
    assert (february["month"], february["recorded"]) == ("2026-02", 1)
    assert [each.value for each in fleet.readings("a", "2026-01")] == [1.0, 2.0, 1.5, 3.0]


def test_one_bad_reading_is_named_by_its_index_and_nothing_is_recorded(fleet: Fleet) -> None:
    body = {"readings": [reading(at(0), 1.0), reading(at(1), 2.0), {"at": at(2), "value": None}]}
    answer = fleet.ask("/devices/a/readings", body)
    problem = body_of(answer)
    assert (answer["statusCode"], problem["code"], problem["field"]) == (422, "value_invalid", "readings.2.value")
    assert fleet.readings("a", "2026-01") == []


@pytest.mark.parametrize(
    ("readings", "code"),
    [
        ([], "readings_missing"),
        ("x", "readings_missing"),
        ([reading(n, 1.0) for n in range(1001)], "too_many_readings"),
    ],
)
def test_too_few_and_too_many_are_refused(fleet: Fleet, readings: Any, code: str) -> None:
    assert fleet.refused("/devices/a/readings", {"readings": readings}) == (422, code)


def test_a_thousand_readings_are_one_commit(fleet: Fleet) -> None:
    assert fleet.record("a", *[(number, float(number)) for number in range(1000)])["recorded"] == 1000
    assert len(list(fleet.store.commits(next(s for s in fleet.store.streams() if s.entity == "device")))) == 1


def test_readings_of_an_unknown_device_are_refused_until_it_is_registered() -> None:
    fleet = Fleet()
    body = {"readings": [reading(at(0), 1.0)]}
    assert fleet.refused("/devices/b/readings", body) == (404, "device_not_registered")
    assert fleet.refused("/devices/b.2026-01/readings", body) == (422, "device_id_invalid")
    fleet.register("b")
    assert fleet.done("/devices/b/readings", body)["recorded"] == 1


def test_a_month_that_is_refused_holds_up_no_other(fleet: Fleet) -> None:
    fleet.record("a", (at(10), 1.0, 1))
    sent = ((at(20), 2.0, 1), (at(30), 2.0, 2), ("2026-02-01T00:00:00Z", 3.0, 1))
    answer = fleet.record("a", *sent)
    assert [each["month"] for each in answer["series"]] == ["2026-02"]
    refused = [(each["month"], each["code"], each["readings"]) for each in answer["refused"]]
    assert refused == [("2026-01", "sequence_reused", 2)]
    assert answer["recorded"] == 1


def test_a_repeated_request_is_answered_the_same(fleet: Fleet) -> None:
    body = {"readings": [reading(at(0), 1.0), reading(at(1), 2.0)]}
    first = fleet.ask("/devices/a/readings", body, idempotency_key="k-1")
    assert fleet.ask("/devices/a/readings", body, idempotency_key="k-1")["body"] == first["body"]
    assert body_of(first)["recorded"] == 2
    assert fleet.done("/devices/a/readings", body, idempotency_key="k-2")["repeated"] == 2


def test_readings_may_come_compressed(fleet: Fleet) -> None:
    text = json.dumps({"readings": [reading(number, 0.5) for number in range(1000)]}).encode()
    request = event("POST", "/devices/a/readings", "", claims=WRITER, content_encoding="gzip")
    request |= {"body": b64encode(gzip.compress(text)).decode(), "isBase64Encoded": True}
    answer: Any = fleet.commands(request, CONTEXT)
    assert (answer["statusCode"], body_of(answer)["recorded"]) == (200, 1000)


@pytest.mark.parametrize("path", COMMANDS)
@pytest.mark.parametrize(
    "claims", [READER, {"sub": "x", "tenant": "acme"}, {**WRITER, "scope": "ledger/write"}], ids=str
)
def test_only_a_writer_writes(fleet: Fleet, path: str, claims: dict[str, Any]) -> None:
    assert fleet.refused(path, {}, claims=claims) == (403, "forbidden_scope")


def test_a_tenant_sees_and_writes_its_own_devices_alone(fleet: Fleet) -> None:
    other = {**WRITER, "tenant": "other"}
    assert fleet.refused("/devices/a/readings", {"readings": [reading(0, 1)]}, claims=other)[0] == 404
    assert fleet.done("/devices", DEVICE, claims=other)["version"] == 1
