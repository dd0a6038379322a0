"""`make import-readings` and `make check-readings` against a local stack, as a user runs them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.clocks import EVERYTHING
from tests.support.distributions import environ

from banyan_tools.local.process import StackProcess
from banyan_tools.local.token import make_token
from banyan_tools.project import ROOT
from telemetry.tools.importer.cli import SCOPES

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack of telemetry")]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[str]]:
    """How make finds a local stack, and a token that it accepts."""
    with StackProcess(tmp_path_factory.mktemp("stack") / "data", "--domain", "telemetry") as stack:
        yield f"URL={stack.url}", f"TOKEN={make_token('acme', stack.data, scopes=SCOPES)}"


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "-o", ".venv/bin/.installed", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environ(), capture_output=True, text=True, check=False)


def imported(report: Path, *options: str) -> dict[str, Any]:
    done = make("import-readings", f"REPORT={report}", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(report.read_text()))


@pytest.mark.slow
@pytest.mark.parametrize("via", ["kinesis", "http"] if EVERYTHING else ["kinesis"])
def test_the_sample_is_imported_once_and_its_windows_agree(stack: Sequence[str], tmp_path: Path, via: str) -> None:
    options = (*stack, f"DEVICE=by-{via}", f"VIA={via}")
    report = imported(tmp_path / "report.json", *options)
    assert (report["recorded"], report["repeated"], report["notShown"]) == (253, 0, 0)
    commas = (
        "FILE=layers/domains/telemetry/tools/importer/boiler-commas.csv",
        "DECIMAL=,",
        "ZONE=Europe/Vienna",
        "MISSING=-200",
    )
    checked = make("check-readings", *options, *commas)
    assert (checked.returncode, "windows agree" in checked.stdout) == (0, True), checked.stdout + checked.stderr
