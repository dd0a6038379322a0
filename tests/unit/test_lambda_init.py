"""What a function does while Lambda initialises it, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from banyan_tools.project import ROOT

ON_LAMBDA = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}
APP = """
import gc
from banyan.adapters.lambda_init import at_init
from banyan.errors import ConfigurationError
built = []

@at_init
def application():
    {raising}
    built.append(gc.isenabled())
    return len(built)

print(str(built), application(), application(), len(built), gc.isenabled(), gc.get_freeze_count() > 10_000)
"""


def run(raising: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Import a function that builds something, which raises."""
    path = {"PYTHONPATH": str(ROOT / "layers" / "banyan"), "PATH": os.environ["PATH"]}
    code = APP.replace("{raising}", raising)
    return subprocess.run([sys.executable, "-c", code], env=path | environ, capture_output=True, text=True)


def test_on_lambda_a_function_is_built_once_before_its_first_request_and_collects_no_garbage_meanwhile() -> None:
    assert run(**ON_LAMBDA).stdout.split() == ["[False]", "1", "1", "1", "True", "True"]


def test_elsewhere_it_is_built_at_its_first_request_and_the_process_is_left_as_it_is() -> None:
    assert run().stdout.split() == ["[]", "1", "1", "1", "True", "False"]


@pytest.mark.parametrize(
    ("raising", "reason", "ends"),
    [
        ("raise ConfigurationError('CacheSize must be a number')", "CacheSize must be a number", "ConfigurationError"),
        ("raise LookupError('a secret')", "", "HandlerFailed: LookupError"),
    ],
)
def test_what_keeps_it_from_starting_is_logged_with_its_reason_and_quotes_nothing_foreign(
    raising: str, reason: str, ends: str
) -> None:
    failed = run(raising, **ON_LAMBDA)
    line = json.loads(failed.stdout)
    assert (line["level"], line["message"], line["reason"]) == ("ERROR", "the function cannot start", reason)
    assert failed.returncode == 1
    assert ends in failed.stderr.splitlines()[-1]
    assert "a secret" not in failed.stdout + failed.stderr.splitlines()[-1]
