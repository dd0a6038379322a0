"""The local stack as its user runs it: a process of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.clocks import PATIENCE

from banyan_tools.local.engine import ENGINES
from banyan_tools.local.process import StackProcess, command
from banyan_tools.local.token import make_token
from banyan_tools.project import ROOT


class Stack(StackProcess):
    """A running local stack, and tokens that it accepts."""

    def token(self, tenant: str) -> str:
        """Return a token that the stack accepts."""
        return make_token(tenant, self.data)


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
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


TOGETHER = {
    engine: [
        pytest.mark.xdist_group(f"stack on {engine}"),
        *([pytest.mark.dynamodb_local, pytest.mark.slow] if "local" in engine else []),
    ]
    for engine in ENGINES
}


@pytest.fixture(scope="package", params=[pytest.param(engine, marks=marks) for engine, marks in TOGETHER.items()])
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The project's own template on each engine in turn, for all modules here: one worker runs all its tests."""
    if request.param == "dynamodb-local":
        request.getfixturevalue("dynamodb_local_endpoint")
    with running(tmp_path_factory.mktemp("stack") / "data", "--engine", request.param) as stack:
        yield stack
