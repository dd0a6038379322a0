"""The sample events of telemetry: made by the domain itself, and whole."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from typing import Any

import pytest

from banyan.entrypoints.stream_batches import read_records
from banyan_tools.runtime.cases import SEED, cases, events_of, read_case
from telemetry.tools.samples.files import samples
from telemetry.tools.samples.fleet import fleet

DOMAIN = "telemetry"


def unpacked(event: Any) -> Any:
    """An event with its compressed values unpacked and their sizes left out: compression differs between machines."""
    if isinstance(event, list):
        return [unpacked(value) for value in event]
    if not isinstance(event, dict):
        return event
    if event.keys() == {"B"}:
        return zlib.decompress(base64.b64decode(event["B"])).decode()
    if (event.get("headers") or {}).get("content-encoding") == "gzip":
        event = event | {"body": gzip.decompress(base64.b64decode(event["body"])).decode()}
        event["headers"] = {name: value for name, value in event["headers"].items() if name != "content-length"}
    return {name: unpacked(value) for name, value in event.items() if name != "SizeBytes"}


def test_the_files_are_what_the_fleet_makes_of_them() -> None:
    there = {f"{function}/{case}.json": unpacked(read_case(function, case, DOMAIN)) for function, case in cases(DOMAIN)}
    there[SEED] = unpacked(json.loads((events_of(DOMAIN) / SEED).read_text()))
    assert there == {name: unpacked(json.loads(text)) for name, text in samples().items()}, "run `make events`"


@pytest.mark.parametrize("function", ["projector", "reactor"])
def test_the_images_of_new_records_decode_to_the_commits_of_the_fleet(function: str) -> None:
    records = read_records(read_case(function, "insert", DOMAIN)["Records"])
    store = fleet().store
    made = sorted((commit for stream in store.streams() for commit in store.commits(stream)), key=str)
    assert sorted(records.commits, key=str) == made
    assert (records.from_table, records.tampered, records.unnamed) == (set(), [], 0)
