"""What limits catch of the anomalies that people labelled in real series: figures of docs/telemetry-import.md."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

import pytest
from tests.telemetry.support.fleet import Fleet
from tests.telemetry.support.nab import SOME, anomalies, file_of, needs_nab

from banyan_tools.project import ROOT
from telemetry.names import SERIES
from telemetry.series.events import ThresholdCrossed
from telemetry.tools.importer.api import as_content
from telemetry.tools.importer.reading import File, Options
from telemetry.tools.importer.series import Series

DEVICE: Final = "dev-1"
BATCH: Final = 500


class Caught(NamedTuple):
    """Limits that were chosen by looking at the series, labels included, and what comes of them."""

    limits: dict[str, dict[str, float]]
    caught: int
    labelled: int
    outside: int


def high(raised: float, cleared: float) -> dict[str, dict[str, float]]:
    return {"high": {"raise": raised, "clear": cleared}}


def low(raised: float, cleared: float) -> dict[str, dict[str, float]]:
    return {"low": {"raise": raised, "clear": cleared}}


FIGURES: Final = {
    "ambient_temperature_system_failure": Caught(high(83, 78) | low(58.5, 64), 2, 2, 1),
    "ec2_cpu_utilization_5f5533": Caught(high(57, 50), 2, 2, 0),
    "ec2_request_latency_system_failure": Caught(high(60, 50) | low(38, 42), 3, 3, 1),
    "elb_request_count_8c0756": Caught(high(375, 250), 2, 2, 0),
    "machine_temperature_system_failure": Caught(low(55, 75), 4, 4, 6),
    "rds_cpu_utilization_e47b3b": Caught(high(28, 20), 2, 2, 0),
}


@needs_nab
@pytest.mark.parametrize("name", SOME)
def test_limits_catch_what_the_documentation_says(name: str) -> None:
    figures, labelled = FIGURES[name], anomalies(name)
    raised = list(alarms(name, figures.limits))
    caught = sum(any(begin <= at <= end for at in raised) for begin, end in labelled)
    outside = sum(not any(begin <= at <= end for begin, end in labelled) for at in raised)
    assert (caught, len(labelled), outside) == figures[1:]


def alarms(name: str, limits: dict[str, Any]) -> Iterator[datetime]:
    """When alarms go on while a series is recorded in the order of its times."""
    fleet = Fleet()
    fleet.register(DEVICE, limits=limits)
    contents = [as_content(each) for each in Series(File.looked_at(file_of(name), Options()).readings())]
    for place in range(0, len(contents), BATCH):
        fleet.done(f"/devices/{DEVICE}/readings", {"readings": contents[place : place + BATCH]})
        fleet.react()
    for month in fleet.profile(DEVICE).months:
        for event in fleet.events(SERIES, f"{DEVICE}.{month}"):
            if isinstance(event, ThresholdCrossed):
                yield event.at


def test_the_documentation_has_these_figures() -> None:
    page = (ROOT / "docs" / "telemetry-import.md").read_text()
    for name, figures in FIGURES.items():
        limits = ", ".join(f"{kind} {each['raise']:g}/{each['clear']:g}" for kind, each in figures.limits.items())
        row = f"| `{name}` | {limits} | {figures.caught} of {figures.labelled} | {figures.outside} |"
        assert row in page, row
