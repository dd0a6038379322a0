"""A child process that listens on a port of this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from banyan_tools.local.errors import StackError

READY_SECONDS = 300.0
STOP_SECONDS = 5.0

Output = Callable[[], str]


@contextmanager
def running(command: Sequence[str], port: int, environment: Mapping[str, str], folder: Path) -> Iterator[Output]:
    """Run a process, and end it with all that it started.

    Parameters
    ----------
    port : int
        It is ready once it accepts connections there.
    environment : Mapping[str, str]
        All that it finds in its environment.
    folder : Path
        Where it runs.

    Returns
    -------
    Callable[[], str]
        Gives what it wrote to standard output and standard error so far.

    Raises
    ------
    StackError
        It ended, or was not ready in time.
    """
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            wait_until_ready(process, port, output)
            yield lambda: written(output)
        finally:
            stop(process)


def wait_until_ready(process: subprocess.Popen[bytes], port: int, output: IO[bytes]) -> None:
    """Wait until a process accepts connections.

    Raises
    ------
    StackError
        It ended, or was not ready in time.
    """
    deadline = time.monotonic() + READY_SECONDS
    while not accepts(port):
        if process.poll() is not None:
            raise StackError(f"A process ended before it was ready: {written(output) or 'it gave no reason.'}")
        if time.monotonic() > deadline:
            raise StackError(f"A process was not ready on port {port} within {READY_SECONDS:.0f} s.")
        time.sleep(0.01)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and whatever it started."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def accepts(port: int) -> bool:
    """Whether a port of this machine accepts connections."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def written(output: IO[bytes]) -> str:
    """Return what a process wrote; its own place in the file stays."""
    return os.pread(output.fileno(), os.fstat(output.fileno()).st_size, 0).decode(errors="replace").strip()
