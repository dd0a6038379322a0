"""What the profile of telemetry says of its cost is what a device consumes that sends for a quarter of an hour."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta

from tests.support.counted import CountedPlatform, check_units
from tests.support.engines import DynamoDBEngine
from tests.telemetry.support.fleet import WRITER

from banyan_tools.cost.profile import read_profile
from banyan_tools.project import ROOT

PROFILE = ROOT / "layers" / "domains" / "telemetry" / "tools" / "cost.toml"
DEVICE = {"deviceId": "pump-17", "unit": "bar", "intervalSeconds": 10}
READINGS, A_MINUTE, RECORDS = 10, 6, 90


def test_the_units_of_the_profile_are_those_that_are_counted(dynamodb_local: DynamoDBEngine) -> None:
    profile = read_profile(PROFILE)
    fleet = CountedPlatform(dynamodb_local, profile, WRITER)
    fleet.send("/devices", DEVICE, 201)
    began = fleet.clock.now
    for number in range(A_MINUTE + RECORDS):
        if number == A_MINUTE:
            fleet.begin()
        fleet.ingest(record(began, number))
        fleet.clock.move(timedelta(seconds=READINGS))
        if number % A_MINUTE == A_MINUTE - 1:
            fleet.fire()
    check_units(profile, fleet, RECORDS)
    assert abs(len(record(began, 0)) - profile.ingest.bytes) < 50


def record(began: datetime, number: int) -> bytes:
    """A record of ten readings, a second apart."""
    readings = [reading(began, each) for each in range(READINGS * number, READINGS * (number + 1))]
    return json.dumps({"deviceId": DEVICE["deviceId"], "readings": readings}).encode()


def reading(began: datetime, sequence: int) -> dict[str, object]:
    """A value that swings and jitters, with three decimals."""
    at = (began + timedelta(seconds=sequence)).isoformat().replace("+00:00", "Z")
    value = 20 + 5 * math.sin(sequence / 40) + sequence * 7919 % 100 / 1000
    return {"at": at, "value": round(value, 3), "sequence": sequence}
