"""What a stack that was killed left at work: its DynamoDB Local, known by a mark of ours in its command line."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from banyan_tools.local.errors import StackError

MARK = "-Dbanyan.stack=local"
JAR = "DynamoDBLocal.jar"
PROC = Path("/proc")
STOP_SECONDS = 10.0
LOOK_SECONDS = 0.05


def end_leftovers(folder: Path, say: Callable[[str], None] | None = None) -> None:
    """End every DynamoDB Local that a stack started on a folder; the caller holds the folder, so that stack is gone.

    Raises
    ------
    StackError
        One is at work there that no stack started, or that does not end.
    """
    for pid, command in at_work_on(folder):
        if MARK not in command.split():
            raise StackError(
                f"Process {pid} keeps its tables in {folder}, and no stack started it:"
                " stop it, or give another folder with --data."
            )
        end(pid, folder)
        if say:
            say(f"Ended DynamoDB Local (process {pid}), which a stack that was killed had left on {folder}.")


def at_work_on(folder: Path) -> list[tuple[int, str]]:
    """Return process id and command line of every DynamoDB Local that keeps its tables in a folder."""
    option = f" -dbPath {folder.resolve()} "
    return [(pid, command) for pid, command in processes() if JAR in command and option in f"{command} "]


def end(pid: int, folder: Path) -> None:
    """End a process, by force where it does not go. Raises ``StackError`` when it stays."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            if pid not in dict(at_work_on(folder)):
                return
            time.sleep(LOOK_SECONDS)
    raise StackError(f"Process {pid}, which a stack that was killed left on {folder}, does not end: stop it.")


def processes() -> Iterator[tuple[int, str]]:
    """Yield process id and command line of every process here that shows them; one that ended shows none."""
    if (PROC / "self" / "cmdline").exists():
        for entry in PROC.glob("[0-9]*"):
            with suppress(OSError):
                yield int(entry.name), (entry / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        return
    listed = subprocess.run(["ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=True)
    for line in listed.stdout.splitlines():
        pid, _, command = line.strip().partition(" ")
        yield int(pid), command
