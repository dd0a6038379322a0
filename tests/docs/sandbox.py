"""A copy of the project in which documented commands are run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from tests.docs.snippets import ROOT
from tests.support.clocks import PATIENCE, wait_until

from banyan_tools.local.ports import free_port

COPIED = ("layers", "functions", "tools", "requirements")
FILES = ("Makefile", "template.yaml", "observability.yaml", "pyproject.toml", ".importlinter")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "node_modules")
DOCUMENTED_PORT = "3000"
OWN = ("PYTEST_", "PYTHON", "MAKE", "MFLAGS")
STRICT_CURL = 'set -eu; curl() { command curl --fail-with-body --max-time 100 "$@"; echo; }\n'


class Sandbox:
    """The project as a fresh clone that was set up, somewhere else.

    Parameters
    ----------
    root : Path
        An empty folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._port = str(free_port())
        for name in COPIED:
            shutil.copytree(ROOT / name, root / name, ignore=LEFT_OUT)
        for name in FILES:
            shutil.copy(ROOT / name, root / name)
        self._set_up()

    def write(self, file: str, code: str) -> None:
        """Write a file, with the folders above it."""
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)

    def bash(self, code: str) -> str:
        """Run commands one after the other and return what they print.

        Raises
        ------
        AssertionError
            With everything printed, when a command fails or a URL answers with an error.
        """
        result = subprocess.run(
            ["bash", "-c", STRICT_CURL + self._placed(code)],
            cwd=self.root,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert result.returncode == 0, f"{code}\n{result.stdout}\n{result.stderr}"
        return result.stdout

    def answers(self, code: str) -> list[Any]:
        """Run commands and return the JSON documents they print."""
        return [json.loads(line) for line in self.bash(code).splitlines() if line.startswith("{")]

    @contextmanager
    def serving(self, code: str) -> Iterator[None]:
        """Run a command that serves until it is interrupted, as a terminal does: with all that it has started."""
        self._port = str(free_port())  # the one from the beginning may have been taken since
        with (self.root / "serve.log").open("w+") as log:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {self._placed(code)}"],
                cwd=self.root,
                env=self._environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                wait_until(lambda: process.poll() is not None or self._healthy(), "the local stack")
                assert process.poll() is None, (self.root / "serve.log").read_text()
                yield
            finally:
                os.killpg(process.pid, signal.SIGINT)
                process.wait(PATIENCE)

    def _healthy(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self._port}/health", timeout=60) as answer:
                return bool(answer.status == 200)
        except (URLError, TimeoutError, ConnectionError):
            return False

    def _placed(self, code: str) -> str:
        """The same commands at a free port."""
        return code.replace(DOCUMENTED_PORT, self._port)

    def _set_up(self) -> None:
        """Stand in for ``make setup``: the tools of this environment."""
        tools = self.root / ".venv" / "bin"
        tools.mkdir(parents=True)
        lint = "import sys; from importlinter.cli import lint_imports_command as c; sys.argv[0] = 'lint-imports'; c()"
        for name, command in {"python": '"$@"', "lint-imports": f'-c "{lint}" "$@"'}.items():
            (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {command}\n')
            (tools / name).chmod(0o755)
        (tools / ".installed").touch()

    def _environment(self) -> dict[str, str]:
        """This process's environment, without what the test run put there, and with a free port for make."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
        return kept | {"PYTHONDONTWRITEBYTECODE": "1", "PORT": self._port}
