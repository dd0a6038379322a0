"""What a function logs under Lambda's own logging set-up, at every level; held to what Lambda's filter lets through."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.support.clocks import lengthy
from tests.support.logged import PAYLOAD

from banyan_tools.local.engine import ISOLATION
from banyan_tools.local.log_filter import passes

TOKEN = "session-token-4711"
KEY = "secret-key-4712"
LOUDEST = [
    ("DEBUG", "JSON"),
    *(pytest.param(*each, marks=pytest.mark.slow) for each in (("TRACE", "JSON"), ("DEBUG", "Text"))),
]
QUIETER = [pytest.param(level, "JSON", marks=lengthy) for level in ("INFO", "WARN", "ERROR", "FATAL")]
LEVELS = ("DEBUG", "INFO", "WARN", "ERROR")
LOUD = {"warning line", "error line"}
pytestmark = pytest.mark.xdist_group("what a function logs")
"""One worker runs each function once."""
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@cache
def output(level: str, platform: str, log_format: str = "JSON") -> str:
    """What the function wrote.

    Parameters
    ----------
    level : str
        That the function was given.
    platform : str
        That Lambda gives the runtime.
    """
    variables = {name: value for name, value in ISOLATION.items() if value is not None} | {
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_LAMBDA_LOG_FORMAT": log_format,
        "AWS_LAMBDA_LOG_LEVEL": platform,
        "AWS_LAMBDA_FUNCTION_NAME": "logged",
        "POWERTOOLS_LOG_LEVEL": level,
        "POWERTOOLS_SERVICE_NAME": "banyan",
        "POWERTOOLS_LOGGER_LOG_EVENT": "true",
        "POWERTOOLS_DEV": "false",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    script = Path(__file__).parents[1] / "support" / "logged.py"
    command = [sys.executable, "-P", "-W", "error::UserWarning:aws_lambda_powertools", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | variables)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def lines(level: str, platform: str = "INFO") -> list[dict[str, Any]]:
    """Every line as JSON: nothing else is written."""
    return [json.loads(line) for line in output(level, platform).splitlines()]


@pytest.mark.parametrize(("platform", "log_format"), [*LOUDEST, *QUIETER])
def test_no_level_of_lambda_or_of_the_function_writes_a_token_or_a_payload(platform: str, log_format: str) -> None:
    written = output(platform, platform, log_format)
    assert [secret for secret in (TOKEN, KEY, PAYLOAD) if secret in written] == []
    assert "HandlerFailed" in written


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        pytest.param("DEBUG", {"info line", *LOUD}, marks=pytest.mark.slow),
        ("INFO", {"info line", *LOUD}),
        pytest.param("WARN", LOUD, marks=pytest.mark.slow),
        ("ERROR", {"error line"}),
    ],
)
def test_the_functions_level_filters_the_lines_of_every_logger(level: str, expected: set[str]) -> None:
    told = [(line["level"], line["message"]) for line in lines(level) if str(line.get("message")).endswith(" line")]
    assert {message for _, message in told} == expected
    assert len(told) == 3 * len(expected)


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_lambda_drops_no_line_and_no_metric_at_any_level(level: str) -> None:
    written = output(level, "INFO").splitlines()
    assert [line for line in written if not passes(line, "INFO")] == []
    assert {"ColdStart", "Handled"} <= {name for line in map(json.loads, written) for name in line}


@pytest.mark.parametrize("level", ["INFO", "ERROR"])
def test_every_line_but_a_metric_has_a_level_and_an_rfc_3339_timestamp(level: str) -> None:
    logged = [line for line in lines(level) if "_aws" not in line]
    assert len(logged) > 1
    assert all(RFC_3339.fullmatch(line["timestamp"]) for line in logged)
    assert {line["level"] for line in logged} <= {"INFO", "WARNING", "ERROR"}
