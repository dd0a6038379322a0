"""What a snapshot of a function holds, and what becomes of it when it is restored twice.

Freezing is a fork here: each child continues from the memory of the initialised process, as a restored snapshot does,
and is given back the state of ``random`` that Python replaces in a fork.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from banyan_tools.local.engine import ISOLATION
from banyan_tools.project import ROOT
from banyan_tools.runtime.emulator import template_variables
from banyan_tools.runtime.sandbox import folder_name, load_template

SNAPSHOT = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1", "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
MIGRATING = {
    "BANYAN_LEGACY_STORE": "postgres",
    "BANYAN_LEGACY_DATABASE_SECRET_ARN": "arn:aws:secretsmanager:::secret:s",
}
FROZEN = """
import json, os, random, socket, threading, uuid
connections = []
socket.socket.connect = lambda self, address: connections.append(address)
import app
from awslambdaric.lambda_runtime_hooks_runner import run_after_restore, run_before_snapshot

run_before_snapshot()
state = random.getstate()
files = [os.readlink(f"/proc/self/fd/{file}") for file in os.listdir("/proc/self/fd") if file != "3"]
print(json.dumps({"connections": connections, "threads": threading.active_count(),
                  "sockets": [file for file in files if file.startswith("socket")]}), flush=True)
for restores in (False, True):
    for _ in range(2):
        if not os.fork():
            random.setstate(state)
            if restores:
                run_after_restore()
            print(json.dumps({"waits": random.uniform(0, 1), "id": str(uuid.uuid4())}), flush=True)
            os._exit(0)
        os.wait()
"""
SEEDED = """
import random
from banyan.adapters.lambda_init import at_init

@at_init
def built():
    random.seed(1)

def handler(event, context):
    return random.random()
"""


def environ(function: str) -> dict[str, str]:
    """What a function finds in its environment, as the template says."""
    found = next(f for f in load_template().resources("AWS::Lambda::Function") if folder_name(f) == function)
    isolation = {name: value for name, value in ISOLATION.items() if value is not None}
    paths = [ROOT / "functions" / function, ROOT / "layers" / "banyan", ROOT / "layers" / "domains"]
    return {**template_variables(found), **isolation, "PYTHONPATH": os.pathsep.join(map(str, paths))}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("command_api", {}), id="commands", marks=pytest.mark.slow),
        pytest.param(("query_api", {}), id="queries", marks=pytest.mark.slow),
        pytest.param(("command_api", MIGRATING), id="migrating"),
    ],
)
def lines(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """What a function that was initialised and then restored twice without its hooks and twice with them says."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FROZEN]
    function, settings = request.param
    done = subprocess.run(command, env=environ(function) | SNAPSHOT | settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_snapshot_holds_no_connection_and_nothing_that_was_read(lines: list[dict[str, Any]]) -> None:
    assert lines[0] == {"connections": [], "threads": 1, "sockets": []}


def test_restores_of_one_snapshot_wait_differently_and_draw_ids_of_their_own(lines: list[dict[str, Any]]) -> None:
    first, second, *restored = lines[1:]
    assert first["waits"] == second["waits"], "what a snapshot holds is the same in each of its restores"
    assert len({line["waits"] for line in (first, *restored)}) == 3
    assert len({line["id"] for line in lines[1:]}) == 4


def test_lambdas_own_runtime_runs_the_hook_before_the_first_request(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SEEDED)
    started = {kind: [answer(tmp_path, kind) for _ in range(2)] for kind in ("on-demand", "snap-start")}
    assert len(set(started["on-demand"])) == 1
    assert len({*started["snap-start"], *started["on-demand"]}) == 3


def answer(folder: Path, kind: str) -> float:
    """Start a function as Lambda's runtime does, and return its first answer."""
    variables = {f"AWS_LAMBDA_FUNCTION_{name}": "1" for name in ("NAME", "VERSION", "MEMORY_SIZE")}
    variables |= {"AWS_LAMBDA_INITIALIZATION_TYPE": kind}
    variables |= {"PYTHONPATH": os.pathsep.join(map(str, (folder, ROOT / "layers" / "banyan")))}
    with runtime_api() as (address, answers):
        command = [sys.executable, "-m", "awslambdaric", "app.handler"]
        done = subprocess.run(command, env=variables | {"AWS_LAMBDA_RUNTIME_API": address}, capture_output=True)
    assert answers, done
    return float(answers[0])


@contextmanager
def runtime_api() -> Iterator[tuple[str, list[str]]]:
    """Lambda's runtime API with one request to hand out; after that it is gone, which ends the runtime."""
    answers: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._say(500 if answers else 200)

        def do_POST(self) -> None:
            answers.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self._say(202)

        def _say(self, status: int) -> None:
            self.send_response(status)
            for name, value in {
                "Lambda-Runtime-Aws-Request-Id": "1",
                "Lambda-Runtime-Deadline-Ms": "4102444800000",
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:example",
                "Content-Type": "application/json",
                "Content-Length": "2",
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: Any) -> None:
            """Leave it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}", answers
    finally:
        server.shutdown()
        server.server_close()
