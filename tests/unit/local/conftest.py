"""A small project to run: a template, functions and layers written by each test."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from tests.support.clocks import PATIENCE

from banyan_tools.local import streams
from banyan_tools.local.console import Console
from banyan_tools.local.engine import moto_engine
from banyan_tools.local.environment import own_environments
from banyan_tools.local.functions import FunctionFailed
from banyan_tools.local.template import Template

Write = Callable[..., Template]


@pytest.fixture
def template(tmp_path: Path) -> Iterator[Write]:
    """Return a function that writes resources, and handlers by folder, and loads the template."""

    def write(resources: str, handlers: dict[str, str] | None = None, head: str = "", **overrides: str) -> Template:
        for folder, code in (handlers or {}).items():
            file = tmp_path / "functions" / folder / "app.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(dedent(code))
        path = tmp_path / "template.yaml"
        indented = "".join(f"  {line}\n" for line in dedent(resources).strip().splitlines())
        path.write_text(f"Transform: AWS::Serverless-2016-10-31\n{dedent(head)}\nResources:\n{indented}")
        return Template(path, overrides)

    with own_environments():
        yield write


@pytest.fixture(autouse=True)
def patient_consumers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take long to read a stream."""
    monkeypatch.setattr(streams, "LAG_PATIENCE_SECONDS", PATIENCE)


@pytest.fixture
def screen() -> io.StringIO:
    """What the console has shown."""
    return io.StringIO()


@pytest.fixture
def console(screen: io.StringIO) -> Console:
    """A console that writes on ``screen``."""
    return Console(screen)


@pytest.fixture
def aws() -> Iterator[None]:
    """AWS in memory."""
    with moto_engine():
        yield


class Clock(threading.Event):
    """An event that notes how long it is waited for, and lets no one wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        return self.is_set()


class Worker:
    """A function that notes its events and answers as it is told.

    Parameters
    ----------
    answer : Callable[[Any], Any]
        Gets the event; may raise.
    """

    logical_id = "Worker"
    arn = "arn:aws:lambda:eu-central-1:123456789012:function:worker"
    role = "arn:aws:iam::123456789012:role/worker"
    may_loop = False

    def __init__(self, answer: Callable[[Any], Any] = lambda event: None) -> None:  # noqa: ARG005
        self.events: list[Any] = []
        self._answer = answer

    def invoke(self, event: Any) -> Any:
        self.events.append(event)
        return self._answer(event)


def fail(_event: Any) -> Any:
    """Fail whatever the event."""
    raise FunctionFailed("ValueError")
