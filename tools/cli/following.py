"""Watching a rebuild until it is over."""

from __future__ import annotations

import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tools.cli.client import Answer, Client
from tools.cli.errors import INTERRUPTED, CliError


def follow(client: Client, name: str, seconds: float) -> Answer:
    """Show a bar until the newest generation of a projection is no longer building, and return its last progress.

    Raises ``CliError``, also when Ctrl-C ends the watching.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        try:
            for answer in _looks(client, name, seconds):
                found = answer.content
                bar.update(task, description=found["phase"], completed=found["streams"], total=found["total"])
        except KeyboardInterrupt:
            raise _left(name) from None
    return answer


def _left(name: str) -> CliError:
    """What is told to somebody who stops watching."""
    look, end = f"banyan projections progress {name}", f"banyan projections cancel {name}"
    return CliError(f"The rebuild goes on: `{look}` shows it, `{end}` gives it up.", INTERRUPTED)


def _looks(client: Client, name: str, seconds: float) -> Iterator[Answer]:
    while True:
        answer = client.get("projections", name, "rebuild")
        yield answer
        if answer.content["stage"] != "building":
            return
        time.sleep(seconds)
