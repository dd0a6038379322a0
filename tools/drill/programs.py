"""Local stacks in processes of their own, which can be stopped, killed and started anew over the same data."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tools.drill.waiting import DrillFailed, wait_until
from tools.local.engine import OUTSIDE
from tools.local.ports import free_port
from tools.runtime.backend import Backend
from tools.runtime.emulator import ROOT

READY = re.compile(r"Banyan is running at (\S+) ")
START_SECONDS = 90.0
STOP_SECONDS = 60.0
DEPLOYMENTS = ROOT / "tools" / "drill" / "deployments"


class Program:
    """A running `python -m tools.local`; a context manager that stops it.

    Parameters
    ----------
    data : Path
        Data folder of the stack.
    services : Backend
        Where its tables and queues are.
    arguments : str
        More of its command line.
    variables : str
        More of its environment.

    Attributes
    ----------
    url : str
        Where its API answers.
    """

    def __init__(self, data: Path, services: Backend, *arguments: str, **variables: str) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self._screen = data / "screen"
        port = ["--port", str(free_port())]
        command = [sys.executable, "-m", "tools.local", "--engine", OUTSIDE, "--data", str(data), *port, *arguments]
        environment = os.environ | endpoints(services) | {"PYTHONPATH": str(DEPLOYMENTS)} | variables
        with self._screen.open("w") as screen:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=screen, stderr=subprocess.STDOUT
            )
        self.url = self._ready()

    def stop(self) -> int:
        """Stop it as Ctrl-C does; its exit code."""
        return self._end(signal.SIGINT)

    def kill(self) -> int:
        """Kill it with -9, at once and without a word; its exit code."""
        return self._end(signal.SIGKILL)

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _end(self, number: signal.Signals) -> int:
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self._process.wait(STOP_SECONDS)

    def _ready(self) -> str:
        try:
            wait_until(lambda: READY.search(self._said()) or self._process.poll() is not None, "a stack", START_SECONDS)
            found = READY.search(self._said())
            if found is None:
                raise DrillFailed(self._said())
        except BaseException:
            self.kill()
            raise
        return found[1]

    def _said(self) -> str:
        return self._screen.read_text()


def endpoints(services: Backend) -> dict[str, str]:
    """Environment variables that send an SDK's requests to the services."""
    return {
        "AWS_ENDPOINT_URL": services.others,
        "AWS_ENDPOINT_URL_DYNAMODB": services.dynamodb,
        "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": services.dynamodb,
    }
