"""One function under the Lambda Runtime Interface Emulator."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import urllib3

from banyan_tools.local.errors import StackError
from banyan_tools.local.ports import free_port
from banyan_tools.local.template import Resource
from banyan_tools.project import ROOT
from banyan_tools.runtime.process import running

SAM_VENV = ROOT / ".venv-sam"
BINARIES = {"x86_64": "x86_64", "amd64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}
PATTERN = "lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{machine}"
INVOCATIONS = "/2015-03-31/functions/function/invocations"
PATIENCE_SECONDS = 5.0


class FunctionFailed(Exception):
    """A function raised, timed out or could not be imported; the message is what the runtime said."""


class Emulator:
    """A function as Lambda runs it: in a process of its own, fed by the runtime API, one invocation at a time.

    Everything listens on loopback. The function finds nothing in its environment but what Lambda and the template
    put there. The emulator answers handler errors with status 200, so they are distinguished by their shape.

    Parameters
    ----------
    function : Resource
        An ``AWS::Lambda::Function``.
    root : Path
        Folder that its code folder is relative to.
    environment : Mapping[str, str]
        What stands in its environment besides the template's variables.
    python : str
        An interpreter with ``awslambdaric``; this one unless given.

    Raises
    ------
    StackError
        The emulator is not installed, or the code folder is missing.
    """

    def __init__(
        self, function: Resource, root: Path, environment: Mapping[str, str], python: str = sys.executable
    ) -> None:
        properties = function.properties
        folder = root / properties["Code"]["S3Key"]
        if not folder.is_dir():
            raise StackError(f"The template names the code folder {folder}, which does not exist.")
        port, runtime = free_port(), free_port()
        self._url = f"http://127.0.0.1:{port}{INVOCATIONS}"
        self._timeout = float(properties["Timeout"]) + PATIENCE_SECONDS
        self._running = ExitStack()
        self._process = running(
            [
                *(str(emulator_binary()), "--log-level", "error"),
                *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
                *("--runtime-api-address", f"127.0.0.1:{runtime}"),
                *(python, "-m", "awslambdaric", properties["Handler"]),
            ],
            port,
            {**lambda_variables(function), **template_variables(function), **environment},
            folder,
        )

    @property
    def log(self) -> str:
        """What the function and the emulator wrote."""
        return self._output()

    def invoke(self, event: Any) -> Any:
        """Return the function's answer to an event.

        Raises
        ------
        FunctionFailed
        """
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        answer = urllib3.request("POST", self._url, body=body, timeout=self._timeout, retries=False)
        return read_answer(answer.data.decode())

    def __enter__(self) -> Self:
        self._output = self._running.enter_context(self._process)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()


def read_answer(text: str) -> Any:
    """Return what a function answered.

    Raises
    ------
    FunctionFailed
        It is an error of the runtime instead.
    """
    try:
        answer = json.loads(text)
    except ValueError:
        raise FunctionFailed(text) from None
    if isinstance(answer, dict) and {"errorType", "errorMessage"} <= answer.keys():
        raise FunctionFailed("\n".join([f"{answer['errorType']}: {answer['errorMessage']}", *trace_of(answer)]))
    return answer


def trace_of(answer: Mapping[str, Any]) -> list[str]:
    """Return the lines of a runtime error's stack trace."""
    return [line.rstrip() for line in answer.get("stackTrace") or []]


def unavailable() -> str | None:
    """Say what the emulator is missing on this machine, or None when it can start."""
    machine = platform.machine().lower()
    if machine not in BINARIES or sys.platform != "linux":
        return f"The Lambda Runtime Interface Emulator runs on Linux (x86_64, arm64), not on {sys.platform} {machine}."
    if not any(SAM_VENV.glob(PATTERN.format(machine=BINARIES[machine]))):
        return "The Lambda Runtime Interface Emulator comes with the SAM CLI, which is not installed: run `make sam`."
    return None


def emulator_binary() -> Path:
    """Return the emulator for this machine.

    Raises
    ------
    StackError
        There is none.
    """
    if missing := unavailable():
        raise StackError(missing)
    return next(SAM_VENV.glob(PATTERN.format(machine=BINARIES[platform.machine().lower()])))


def lambda_variables(function: Resource) -> dict[str, str]:
    """Return the variables that Lambda sets for a function."""
    logging = function.properties["LoggingConfig"]
    return {
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.properties["MemorySize"]),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.properties["Timeout"]),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_FORMAT": logging["LogFormat"],
        "AWS_LAMBDA_LOG_GROUP_NAME": logging["LogGroup"],
        "AWS_LAMBDA_LOG_LEVEL": logging["ApplicationLogLevel"],
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
    }


def template_variables(function: Resource) -> dict[str, str]:
    """Return the variables that the template sets for a function."""
    return {name: str(value) for name, value in function.properties["Environment"]["Variables"].items()}
