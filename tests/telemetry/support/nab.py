"""The series of the Numenta Anomaly Benchmark, where they lie beside the project: they are never part of it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import pytest

from banyan_tools.project import ROOT

FOLDER: Final = Path(os.environ.get("NAB_DATA", ROOT.parent / "shared" / "data" / "nab"))
NAMES: Final = (
    "ec2_request_latency_system_failure",
    "machine_temperature_system_failure",
    "ambient_temperature_system_failure",
    "ec2_cpu_utilization_5f5533",
    "elb_request_count_8c0756",
    "rds_cpu_utilization_e47b3b",
)
SOME: Final = NAMES if os.environ.get("BANYAN_TEST_EVERYTHING") else NAMES[:1]
"""One short series with gaps and a time that comes twice, unless everything is to be tested."""

needs_nab = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the series of NAB are not there ({FOLDER}; or say NAB_DATA=)"
)


def file_of(name: str) -> Path:
    """The CSV of a series."""
    return FOLDER / f"{name}.csv"


def anomalies(name: str) -> Sequence[tuple[datetime, datetime]]:
    """The windows that people labelled as anomalous, in UTC."""
    labelled = json.loads((FOLDER / "anomalies.json").read_text())[f"{name}.csv"]
    return [
        (datetime.fromisoformat(f"{begin}+00:00"), datetime.fromisoformat(f"{end}+00:00")) for begin, end in labelled
    ]
