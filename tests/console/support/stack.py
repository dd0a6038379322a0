"""The local stack that the console is served by, with troubles that a test turns on and off."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import boto3
import httpx
from tests.console.support.deployments.troubled_orders import DOMAIN as TROUBLED
from tests.support.clocks import wait_until

from banyan.adapters.dynamodb.commits import DynamoDBTable
from banyan.adapters.dynamodb.gateway import Gateway
from banyan.store import EventStore
from banyan_tools.cli.client import CONTENTS, SCOPE, Client
from banyan_tools.local.physical import REGION
from banyan_tools.local.process import StackProcess, lag
from banyan_tools.local.token import make_token

DEPLOYMENTS: Final = Path(__file__).with_name("deployments")
DOMAIN: Final = "troubled_orders"
TENANT: Final = "acme"
ACTOR: Final = "kim"
SCOPES: Final = (SCOPE, CONTENTS)
PATIENCE: Final = 120.0
READERS: Final = ("ProjectorCommits", "ReactorCommits")
IMPATIENT: Final = {"MaxRetries": "1", "BackoffMs": "10", "ControlCacheMs": "100", "ReconciliationSettleMs": "200"}


class Stack(StackProcess):
    """A running stack, asked as its clients, its operators and its schedules ask.

    Attributes
    ----------
    engine : str
        ``moto`` or ``dynamodb-local``.
    """

    def __init__(self, data: Path, *arguments: str) -> None:
        self._troubles = data.with_name(f"{data.name}-troubles")
        self._troubles.mkdir(parents=True)
        variables = {
            "PYTHONPATH": os.pathsep.join([str(DEPLOYMENTS), os.environ.get("PYTHONPATH", "")]),
            "TROUBLES": str(self._troubles),
        }
        super().__init__(data, *arguments, variables=variables)

    def token(
        self, *, tenant: str = TENANT, actor: str = ACTOR, scopes: Sequence[str] = SCOPES, hours: float = 1
    ) -> str:
        """A token that the stack accepts."""
        return make_token(tenant, self.data, actor, scopes, hours)

    @cached_property
    def admin(self) -> Client:
        """What an operator asks, as the command line does."""
        return Client(self.url, self.token())

    @cached_property
    def http(self) -> httpx.Client:
        """What a customer asks."""
        headers = {"Authorization": f"Bearer {self.token(actor='customer')}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE, verify=False)

    @cached_property
    def dynamodb(self) -> Any:
        """The stack's tables, past every function."""
        session = boto3.Session("local", "local", region_name=REGION)
        return session.client("dynamodb", endpoint_url=f"{self.url}/_local/dynamodb")

    @cached_property
    def events(self) -> EventStore:
        """The event table, for what no command decides."""
        return EventStore(DynamoDBTable(Gateway(self.dynamodb), "banyan-EventsTable"), TROUBLED.registry)

    def post(self, path: str, body: Any, correlation: str | None = None) -> Any:
        """Send a command as a customer, under a correlation id if one is given."""
        headers = {"X-Correlation-Id": correlation} if correlation else {}
        answer = self.http.post(path, json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def invoke(self, function: str, event: Any = None) -> Any:
        """Run a function by its logical id, as its schedule does: ``Deadlines``, ``Projector``, ``Reconciler`` …"""
        answer = self.http.post(f"/_local/invoke/{function}", json=event or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def break_order(self, order: str) -> None:
        """From now on its payment can be neither projected nor reacted to, and it cannot expire."""
        (self._troubles / order).touch()

    def mend_order(self, order: str) -> None:
        """Turn its troubles off."""
        (self._troubles / order).unlink()

    def settle(self) -> None:
        """Wait until projections and policies have handled all that was written."""
        wait_until(lambda: not any(lag(self.url, each) for each in READERS), "what was written to be handled", PATIENCE)

    def close(self) -> None:
        """Stop it; it stops cleanly."""
        for name in ("http", "dynamodb"):
            if name in self.__dict__:
                self.__dict__[name].close()
        code = self.stop()
        assert code == 0, self.screen()


@contextmanager
def running(data: Path, engine: str, *arguments: str, **parameters: str) -> Iterator[Stack]:
    """Run a stack until the block is left, with parameters of the template."""
    given = IMPATIENT | {"Domain": DOMAIN} | parameters
    named = (f"--parameter={name}={value}" for name, value in given.items())
    stack = Stack(data, "--engine", engine, *named, *arguments)
    try:
        yield stack
    finally:
        stack.close()
