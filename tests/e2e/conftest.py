"""The local stack as its user runs it: a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support import wait_until
from tools.local.engine import ENGINES
from tools.local.ports import free_port
from tools.local.token import make_token

ROOT = Path(__file__).parents[2]
READY = re.compile(r"Banyan is running at (\S+) \((\S+)\)")
START_SECONDS = 90.0
STOP_SECONDS = 60.0


class Stack:
    """A running local stack.

    Parameters
    ----------
    data : Path
        Its data folder.
    arguments : str
        More of its command line.

    Attributes
    ----------
    url : str
        Where the API answers.
    """

    def __init__(self, data: Path, *arguments: str) -> None:
        self.data = data
        self._screen = data.with_suffix(".screen")
        with self._screen.open("w") as screen:
            self._process = subprocess.Popen(
                command(data, *arguments), cwd=ROOT, stdout=screen, stderr=subprocess.STDOUT
            )
        wait_until(lambda: READY.search(self.screen()) or self._process.poll() is not None, "the stack", START_SECONDS)
        found = READY.search(self.screen())
        assert found, self.screen()
        self.url, self.engine = found.groups()

    def screen(self) -> str:
        """Return all that the user has seen so far."""
        return self._screen.read_text()

    def token(self, tenant: str) -> str:
        """Return a token that the stack accepts."""
        return make_token(tenant, self.data)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Stop the stack and return its exit code; a second call returns it again."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self._process.wait(STOP_SECONDS)


def command(data: Path, *arguments: str) -> list[str]:
    """Return the command line of a stack on a free port."""
    given = list(arguments) if "--port" in arguments else ["--port", str(free_port()), *arguments]
    return [sys.executable, "-m", "tools.local", "--data", str(data), *given]


@contextmanager
def running(data: Path, *arguments: str) -> Iterator[Stack]:
    """Run a stack until the block is left; it stops cleanly."""
    stack = Stack(data, *arguments)
    try:
        yield stack
    finally:
        code = stack.stop()
    assert code == 0, stack.screen()


def refusal(data: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run a stack that cannot start; return its exit code and what it says."""
    done = subprocess.run(
        command(data, *arguments),
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


TOGETHER = {
    engine: [
        pytest.mark.xdist_group(f"stack on {engine}"),
        *([pytest.mark.dynamodb_local] if "local" in engine else []),
    ]
    for engine in ENGINES
}


@pytest.fixture(scope="module", params=[pytest.param(engine, marks=marks) for engine, marks in TOGETHER.items()])
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The project's own template on each engine in turn, for a module: one worker runs all its tests."""
    if request.param == "dynamodb-local":
        request.getfixturevalue("dynamodb_local_endpoint")
    with running(tmp_path_factory.mktemp("stack") / "data", "--engine", request.param) as stack:
        yield stack
