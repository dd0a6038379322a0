"""Requests for the routes of telemetry: a gateway writes, Eve reads."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

from banyan_tools.samples.requests import get, post
from telemetry.tools.samples.fleet import GATEWAY

READER: Final = "eve"


def commands() -> Mapping[str, Any]:
    """Every sample event of ``command_api``, by name."""
    device = {"deviceId": "boiler-3", "unit": "°C", "intervalSeconds": 60}
    return {
        "register_device": _write("/devices", {**device, "limits": {"high": {"raise": 90, "clear": 85}}}),
        "other_device": _write("/devices", {**device, "deviceId": "boiler-1"}),
        "change_limits": _write("/devices/boiler-1/limits", {"low": {"raise": 5, "clear": 8}}),
        "change_groups": _write("/devices/boiler-1/groups", {"groups": ["hall-1", "north"]}),
        "change_timing": _write("/devices/boiler-1/timing", {"intervalSeconds": 10}),
        "record_readings": _write("/devices/boiler-2/readings", _readings("2026-01-05T09:00:00Z", 2)),
        "record_readings_gzip": _compressed("/devices/boiler-2/readings", _readings("2026-01-06T09:00:00Z", 60)),
        "repeated_readings": _write("/devices/boiler-1/readings", _readings("2026-01-01T00:00:00Z", 1)),
        "bad_reading": _write("/devices/boiler-1/readings", {"readings": [{"at": "yesterday", "value": 1}]}),
        "unknown_device": _write("/devices/boiler-9/readings", _readings("2026-01-05T09:00:00Z", 1)),
        "without_scope": post("/devices", json.dumps(device), scope="telemetry/read", actor=READER),
    }


def queries() -> Mapping[str, Any]:
    """Every sample event of ``query_api``, by name."""
    days = {"from": "2025-12-31", "to": "2026-01-02"}
    return {
        "device": _read("/devices/boiler-1"),
        "devices": _read("/devices", limit="2"),
        "silent_devices": _read("/devices", status="silent"),
        "devices_of_group": _read("/devices", group="hall-1"),
        "windows": _read("/devices/boiler-1/windows", size="1h", **days),
        "windows_csv": _as_csv(_read("/devices/boiler-1/windows", size="1m", limit="3")),
        "readings": _read("/devices/boiler-1/readings", limit="3"),
        "late": _read("/devices/boiler-1/late"),
        "gaps": _read("/devices/pump-1/gaps", longerThanSeconds="60"),
        "chart": _read("/devices/boiler-1/chart.svg", size="1m"),
        "group_windows": _read("/groups/hall-1/windows", size="1d"),
        "group_chart": _read("/groups/hall-1/chart.svg", size="1m"),
        "alarms": _read("/alarms", status="past"),
        "unknown_device": _read("/devices/boiler-9"),
        "bad_time": _read("/devices/boiler-1/windows", **{"from": "yesterday"}),
        "without_scope": get("/devices/boiler-1", actor=READER),
    }


def _read(path: str, **query: str) -> dict[str, Any]:
    return get(path, scope="telemetry/read", actor=READER, **query)


def _as_csv(event: dict[str, Any]) -> dict[str, Any]:
    return event | {"headers": {**event["headers"], "accept": "text/csv"}}


def _readings(first: str, count: int) -> dict[str, Any]:
    day, hour = first[:11], first[11:13]
    return {"readings": [{"at": f"{day}{hour}:{minute:02}:00Z", "value": 20 + minute / 8} for minute in range(count)]}


def _write(path: str, body: Any) -> dict[str, Any]:
    return post(path, json.dumps(body), scope="telemetry/write", actor=GATEWAY)


def _compressed(path: str, body: Any) -> dict[str, Any]:
    content = b64encode(gzip.compress(json.dumps(body).encode(), mtime=0)).decode()
    event = post(path, content, {"content-encoding": "gzip"}, scope="telemetry/write", actor=GATEWAY)
    return event | {"isBase64Encoded": True}
