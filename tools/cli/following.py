"""Watching a rebuild until it is over."""

from __future__ import annotations

import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tools.cli.client import Answer, Client


def follow(client: Client, name: str, seconds: float) -> Answer:
    """Show a bar until the newest generation of a projection is no longer building, and return its last progress."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        for answer in _looks(client, name, seconds):
            found = answer.content
            bar.update(task, description=found["phase"], completed=found["streams"], total=found["total"])
    return answer


def _looks(client: Client, name: str, seconds: float) -> Iterator[Answer]:
    while True:
        answer = client.get("projections", name, "rebuild")
        yield answer
        if answer.content["stage"] != "building":
            return
        time.sleep(seconds)
