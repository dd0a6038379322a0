"""Where a drill takes place: services in processes of their own, and what looks at them from outside."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import boto3
import httpx

from banyan.bootstrap import Application, bootstrap
from banyan_tools.cli.client import SCOPE, Client
from banyan_tools.local.engine import OUTSIDE
from banyan_tools.local.physical import REGION
from banyan_tools.local.process import StackProcess, lag
from banyan_tools.local.stack import FUNCTIONS_LOG
from banyan_tools.local.token import make_token
from banyan_tools.runtime.backend import Backend
from banyan_tools.runtime.sandbox import load_template
from orders.tools.drill.waiting import wait_until

TENANT: Final = "acme"
WORKER: Final = "RebuildWorker"
QUIET_SECONDS: Final = 900.0
DEPLOYMENTS: Final = Path(__file__).parent / "deployments"


@dataclass(frozen=True)
class Scene:
    """Services, and a data folder for the stacks over them."""

    services: Backend
    data: Path

    def stack(self, *arguments: str, **variables: str) -> StackProcess:
        """Start the stack, but for the worker of rebuilds."""
        return self._started(self.data, "--without", WORKER, *arguments, **variables)

    def worker(self) -> StackProcess:
        """Start the worker of rebuilds."""
        return self._started(self.data / "worker", "--only", WORKER)

    def operator(self, url: str) -> Client:
        """The command line's client."""
        return Client(url, make_token(TENANT, self.data, scopes=[SCOPE]))

    @contextmanager
    def customer(self, url: str) -> Iterator[httpx.Client]:
        """A client of the API."""
        headers = {"Authorization": f"Bearer {make_token(TENANT, self.data)}"}
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            yield client

    @property
    def log(self) -> Path:
        """Where the functions log, and count."""
        return self.data / FUNCTIONS_LOG

    @cached_property
    def app(self) -> Application:
        """The application as a process beside the stack sees it."""
        tables = load_template().resources("AWS::DynamoDB::Table")
        names = {f"{table.logical_id.removesuffix('Table').upper()}_TABLE": table.name for table in tables}
        environ = {"BANYAN_DOMAIN": "orders", **names}
        return bootstrap(environ, client=lambda: self.client("dynamodb", self.services.dynamodb))

    def client(self, service: str, url: str | None = None) -> Any:
        """An SDK client of a service."""
        session = boto3.Session("local", "local", "local", REGION)
        return session.client(service, endpoint_url=url or self.services.others)  # type: ignore[call-overload]

    def quiet(self, url: str) -> None:
        """Wait until everything that was written is handled."""
        wait_until(lambda: lag(url) == 0, "the functions to handle what was written", QUIET_SECONDS)

    def _started(self, data: Path, *arguments: str, **variables: str) -> StackProcess:
        path = os.pathsep.join([str(DEPLOYMENTS), os.environ.get("PYTHONPATH", "")])
        environment = {**self.services.variables, "PYTHONPATH": path, **variables}
        return StackProcess(data, "--engine", OUTSIDE, *arguments, variables=environment)
