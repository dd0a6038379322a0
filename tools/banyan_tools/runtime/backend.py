"""The AWS services behind functions that run in processes of their own."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import urllib3
from werkzeug.wrappers import Request

from banyan_tools.local.dynamodb_local import DynamoDBLocal
from banyan_tools.local.engine import DYNAMODB_ENDPOINTS
from banyan_tools.local.ports import free_port
from banyan_tools.project import ROOT
from banyan_tools.runtime.process import running

SIGNED_FOR = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")
RESET = "/moto-api/reset"


@dataclass(frozen=True)
class Backend:
    """Where requests go.

    Parameters
    ----------
    dynamodb : str
        URL of a DynamoDB.
    others : str
        URL of moto, which answers for every other service.
    """

    dynamodb: str
    others: str

    def url(self, service: str) -> str:
        """Return where requests to a service go."""
        return self.dynamodb if service == "dynamodb" else self.others

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables that send an SDK's requests there."""
        dynamodb = dict.fromkeys(DYNAMODB_ENDPOINTS, self.dynamodb)
        return {"AWS_ENDPOINT_URL": self.others, **dynamodb}

    def reset(self) -> None:
        """Forget all that moto holds."""
        urllib3.request("POST", self.others + RESET, retries=False)


@contextmanager
def backend(engine: str) -> Iterator[Backend]:
    """Run an empty DynamoDB, and moto for the other services.

    Parameters
    ----------
    engine : str
        ``moto``, or ``dynamodb-local``, which binds every network interface.

    Raises
    ------
    StackError
        They cannot start.
    """
    with moto() as others:
        if engine != "dynamodb-local":
            yield Backend(others, others)
            return
        with DynamoDBLocal() as server:
            yield Backend(server.endpoint, others)


@contextmanager
def moto() -> Iterator[str]:
    """Run moto in a process of its own, and give its URL.

    Raises
    ------
    StackError
        It cannot start.
    """
    port = free_port()
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    with running([sys.executable, "-m", "banyan_tools.runtime.moto_server", str(port)], port, environment, ROOT):
        yield f"http://127.0.0.1:{port}"


def service_of(request: Request) -> str:
    """Return the name of the service that a request is signed for, for example ``sqs``; empty without a signature."""
    found = SIGNED_FOR.search(request.headers.get("Authorization", ""))
    return found[1] if found else ""
