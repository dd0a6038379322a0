"""Watching long work until it is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from banyan_tools.cli.client import Answer, Client
from banyan_tools.cli.errors import INTERRUPTED, CliError


class Measure(NamedTuple):
    """How far work has come: what is done now, how much of it, and of how much if that is known."""

    description: str
    completed: int
    total: int | None


def looks(client: Client, *path: str, seconds: float, over: Callable[[Any], bool]) -> Iterator[Answer]:
    """What the API says, again and again until it is over."""
    while True:
        answer = client.get(*path)
        yield answer
        if over(answer.content):
            return
        time.sleep(seconds)


def watched(answers: Iterator[Answer], measure: Callable[[Any], Measure], left: str) -> Answer:
    """Show a bar for what the API says, and return the last of it.

    Parameters
    ----------
    answers : Iterator[Answer]
        One at least.
    left : str
        What is shown when watching ends early.

    Raises
    ------
    CliError
        Also when Ctrl-C ends the watching.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        try:
            for answer in answers:
                found = measure(answer.content)
                bar.update(task, description=found.description, completed=found.completed, total=found.total)
        except KeyboardInterrupt:
            raise CliError(left, INTERRUPTED) from None
    return answer
