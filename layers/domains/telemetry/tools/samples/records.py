"""Batches of records on the stream: what devices send, again what was there, and what cannot be read."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from typing import Any

from banyan_tools.samples.kinesis_records import kinesis_batch


def ingested() -> Mapping[str, Any]:
    """Every sample event of ``ingest``, by name."""
    readings = _record("boiler-1", 10, 11, 12)
    return {
        "batch": kinesis_batch(readings, _flat("boiler-2", 10), _record("boiler-1", 13, 14)),
        "compressed": kinesis_batch(gzip.compress(readings, 0, mtime=0)),
        "repeated": kinesis_batch(readings, _record("boiler-1", 12, 11, 15), start=3),
        "unreadable": kinesis_batch(
            b"{",
            json.dumps({"deviceId": "boiler-1", "at": "yesterday", "value": 1}).encode(),
            _record("boiler-9", 10),
            _record("boiler-1", 16),
        ),
    }


def _record(device_id: str, *minutes: int) -> bytes:
    readings = [{"at": _at(minute), "value": 20 + minute / 8} for minute in minutes]
    return json.dumps({"deviceId": device_id, "readings": readings}).encode()


def _flat(device_id: str, minute: int) -> bytes:
    return json.dumps({"deviceId": device_id, "at": _at(minute), "value": 20.5}).encode()


def _at(minute: int) -> str:
    return f"2026-01-05T09:{minute}:00Z"
