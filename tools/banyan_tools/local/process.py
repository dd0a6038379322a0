"""The local stack in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import urllib3

from banyan_tools.local.errors import StackError
from banyan_tools.local.ports import free_port
from banyan_tools.project import ROOT

READY = re.compile(r"Banyan is running at (\S+) \((\S+)\)")
START_SECONDS = STOP_SECONDS = 300.0
"""Only what hangs takes so long: beside other stacks, a start has taken a minute. An end is noticed at once."""
LOOK_SECONDS = 0.05


class StackProcess:
    """A running ``python -m banyan_tools.local``; a context manager that stops it.

    Parameters
    ----------
    data : Path
        Its data folder.
    arguments : str
        More of its command line.
    variables : Mapping[str, str]
        More of its environment.

    Attributes
    ----------
    url : str
        Where its API answers.
    engine : str
        What its tables stand on.

    Raises
    ------
    StackError
        It ended, or was not ready in time; with all that it said.
    """

    def __init__(self, data: Path, *arguments: str, variables: Mapping[str, str] | None = None) -> None:
        self.data = data
        self._screen = data.with_suffix(".screen")
        with self._screen.open("w") as screen:
            self._process = subprocess.Popen(
                command(data, *arguments),
                cwd=ROOT,
                env={**os.environ, **(variables or {})},
                stdout=screen,
                stderr=subprocess.STDOUT,
            )
        self.url, self.engine = self._ready()

    def screen(self) -> str:
        """Return all that its user has seen so far."""
        return self._screen.read_text()

    def stop(self, *numbers: signal.Signals) -> int:
        """Stop it, as Ctrl-C does by default; its exit code, which a second call returns again."""
        if self._process.poll() is None:
            for number in numbers or (signal.SIGINT,):
                self._process.send_signal(number)
        return self._process.wait(STOP_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _ready(self) -> tuple[str, str]:
        deadline = time.monotonic() + START_SECONDS
        while not (found := READY.search(self.screen())):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop(signal.SIGKILL)
                raise StackError(self.screen().strip() or "The local stack does not start.")
            time.sleep(LOOK_SECONDS)
        return found[1], found[2]


def command(data: Path, *arguments: str) -> list[str]:
    """Return the command line of a stack, on a free port by default."""
    given = list(arguments) if "--port" in arguments else ["--port", str(free_port()), *arguments]
    return [sys.executable, "-m", "banyan_tools.local", "--data", str(data), *given]


def lag(url: str, mapping: str = "") -> int:
    """Return how many records a stack has not handled yet.

    Parameters
    ----------
    mapping : str
        The only event source mapping to count, by its logical id: one with a batching window lags for all of it.

    Raises
    ------
    urllib3.exceptions.HTTPError
    """
    status = urllib3.request("GET", url.rstrip("/") + "/_local/status", timeout=60).json()
    return sum(each["lag"] for each in status["mappings"] if mapping in ("", each["name"]))
