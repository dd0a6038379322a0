"""The processes of a performance: an embedded PostgreSQL, and the local stack that serves the template."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools.demo.options import Engine
from tools.local.ports import free_port

ROOT = Path(__file__).parents[2]
READY = re.compile(r"Banyan is running at (\S+) ")
START_SECONDS = 120.0
STOP_SECONDS = 60.0


class NotStarted(Exception):
    """A process did not start; the message says what it said."""


@contextmanager
def postgres() -> Iterator[str]:
    """URL of an empty PostgreSQL that ends with the block."""
    folder = tempfile.mkdtemp(prefix="bn-demo-", dir="/tmp")  # short, because it holds a Unix socket
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", folder)
    from pgserver.postgres_server import get_server

    server = get_server(f"{folder}/data", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextmanager
def stack(engine: Engine, data: Path, parameters: Mapping[str, str]) -> Iterator[str]:
    """URL of a local stack in a process of its own, which is stopped with the block.

    Raises
    ------
    NotStarted
    """
    given = [part for name, value in parameters.items() for part in ("--parameter", f"{name}={value}")]
    command = [sys.executable, "-m", "tools.local", "--port", str(free_port()), "--engine", engine.value]
    screen = data / "screen.log"
    data.mkdir(parents=True, exist_ok=True)
    with screen.open("w") as log:
        process = subprocess.Popen([*command, "--data", str(data), *given], cwd=ROOT, stdout=log, stderr=log)
    try:
        yield _ready(process, screen)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(STOP_SECONDS)


def _ready(process: subprocess.Popen[bytes], screen: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while not (found := READY.search(screen.read_text())):
        if process.poll() is not None or time.monotonic() > deadline:
            raise NotStarted(screen.read_text().strip() or "the local stack does not start")
        time.sleep(0.1)
    return found[1]
