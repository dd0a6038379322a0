"""A project of one's own, from the wheels that are built here: it is made, tested, served and invoked elsewhere."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from tests.support.clocks import PATIENCE, wait_until
from tests.support.distributions import ROOT, Environment, built_wheels, environ

from banyan_tools.local.ports import free_port
from banyan_tools.new.create import known_starts
from banyan_tools.new.starts import TASKS
from banyan_tools.runtime.emulator import SAM_VENV, unavailable

READY = re.compile(r"Banyan is running at (\S+)")
WHEELS = "BANYAN_WHEELS"

pytestmark = [pytest.mark.runtime, pytest.mark.timeout(900), pytest.mark.xdist_group("distributions")]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    return built_wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def project(wheels: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that ``banyan new`` made where this repository is not in reach, with its own environment."""
    folder = tmp_path_factory.mktemp("elsewhere")
    environment = Environment(Path(sys.executable), folder / "environment")
    environment.install("--find-links", str(wheels["banyan-tools"].parent), "banyan-tools")
    made = subprocess.run(
        [environment.python.parent / "banyan", "new", "shop", "--domain", "shop"],
        cwd=folder,
        env=environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    return folder / "shop"


@pytest.mark.parametrize("start", [name for name in known_starts() if name != TASKS])
def test_one_that_begins_with_an_example_is_green(wheels: Mapping[str, Path], project: Path, start: str) -> None:
    banyan = str(project.parent / "environment" / "bin" / "banyan")
    command = [banyan, "new", f"my_{start}", "--from", start]
    made = subprocess.run(command, cwd=project.parent, env=environ(), capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    assert " passed" in make(project.parent / f"my_{start}", wheels, "test")


def make(project: Path, wheels: Mapping[str, Path], *arguments: str) -> str:
    """What a target of the project's Makefile writes; it must not fail."""
    command = ["make", "-s", f"PYTHON={sys.executable}", *arguments]
    variables = environ(**{WHEELS: str(wheels["banyan-tools"].parent)})
    done = subprocess.run(command, cwd=project, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def served(project: Path, wheels: Mapping[str, Path]) -> Iterator[str]:
    """Where ``make run`` serves the project."""
    port, screen = str(free_port()), project / "screen.log"
    variables = environ(**{WHEELS: str(wheels["banyan-tools"].parent)})
    with screen.open("w") as log:
        command = ["make", "-s", "run", f"PORT={port}", f"PYTHON={sys.executable}"]
        process = subprocess.Popen(command, cwd=project, env=variables, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_until(lambda: READY.search(screen.read_text()) or process.poll() is not None, "the local stack")
        found = READY.search(screen.read_text())
        assert found, screen.read_text()
        yield found[1]
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(PATIENCE)


def ask(url: str, token: str, body: Any = None) -> Any:
    """The answer to a question, or to a command that has a body."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with urlopen(Request(url, data, headers), timeout=PATIENCE) as answer:
        return json.loads(answer.read())


def test_its_tests_pass(project: Path, wheels: Mapping[str, Path]) -> None:
    assert "9 passed" in make(project, wheels, "test")


def test_it_is_served(project: Path, wheels: Mapping[str, Path]) -> None:
    with served(project, wheels) as url:
        token = make(project, wheels, "token").strip()
        opened = ask(f"{url}/tasks/t-1", token, {"title": "Read the rules"})
        finished = ask(f"{url}/tasks/t-1/finish", token, {})
        wait_until(lambda: ask(f"{url}/tasks/t-1", token)["servedFrom"] == "projection", "the read model")
        read = ask(f"{url}/tasks/t-1?minVersion=2", token)
        before = ask(f"{url}/tasks/t-1?atVersion=1", token)
        listed = make(project, wheels, "cli", f"ARGS=--url {url} projections list --json")

    assert opened == {"title": "Read the rules", "state": "open"}
    assert finished == {"title": "Read the rules", "state": "done"}
    assert (read["taskId"], read["state"], read["version"]) == ("t-1", "done", 2)
    assert (before["state"], before["version"]) == ("open", 1)
    assert [each["projection"] for each in json.loads(listed)["projections"]] == ["tasks", "reactor"]


def test_its_templates_pass_the_linter(project: Path, wheels: Mapping[str, Path]) -> None:
    make(project, wheels, "validate")


@pytest.mark.skipif(unavailable() is not None, reason=str(unavailable()))
@pytest.mark.parametrize(
    ("function", "event", "status"), [("command_api", "open_task", 200), ("query_api", "get_task", 404)]
)
def test_its_sample_events_run_under_the_emulator(
    project: Path, wheels: Mapping[str, Path], function: str, event: str, status: int
) -> None:
    if not (project / ".venv-sam").exists():
        (project / ".venv-sam").symlink_to(ROOT / SAM_VENV)
        os.utime(SAM_VENV / ".installed")
    answer = json.loads(make(project, wheels, "invoke", f"FUNCTION={function}", f"EVENT={event}"))

    assert answer["statusCode"] == status
