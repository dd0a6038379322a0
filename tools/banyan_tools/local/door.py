"""A side door for tests and demonstrations: ``/_local/…``, which no deployed stack has."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Protocol

from werkzeug.wrappers import Request, Response

from banyan_tools.local.forwarding import to_dynamodb, to_kinesis
from banyan_tools.local.functions import FunctionFailed, Functions
from banyan_tools.local.invocations import PREFIX as LAMBDA
from banyan_tools.local.problems import Problem, not_found, not_this_host

PREFIX = "/_local/"
LOOPBACK = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1])(:\d{1,5})?", re.ASCII | re.IGNORECASE)
INVOKE = PREFIX + "invoke/"
DYNAMODB = PREFIX + "dynamodb"
KINESIS = PREFIX + "kinesis"
ENDPOINTS = {DYNAMODB: to_dynamodb, KINESIS: to_kinesis}


class Consumer(Protocol):
    """An event source mapping at work."""

    name: str

    def lag(self) -> int:
        """Return how many records the function has still to handle."""


class Door:
    """Lets a client invoke functions and look at the stack; every other request goes to the gateway.

    ``POST /_local/invoke/<logical id>`` with an event as JSON answers what the function answers;
    ``GET /_local/status`` names functions, tables and Kinesis streams, and shows each mapping's lag in records;
    ``/_local/dynamodb`` and ``/_local/kinesis`` are endpoints for SDKs, with the stack's tables and Kinesis streams. No
    token is asked for, so a page in the user's browser must not get here: it could only under a name of its own that it
    let point to this machine.

    Parameters
    ----------
    invocations : Callable[[Request], Response]
        Answers Lambda's own API, below ``/_local/lambda``.
    """

    def __init__(
        self,
        gateway: Callable[[Request], Response],
        functions: Functions,
        consumers: Sequence[Consumer],
        tables: Sequence[str],
        streams: Sequence[str],
        invocations: Callable[[Request], Response],
    ) -> None:
        self._gateway = gateway
        self._functions = functions
        self._consumers = consumers
        self._tables = tables
        self._streams = streams
        self._invocations = invocations

    def __call__(self, request: Request) -> Response:
        """Answer a request."""
        if not request.path.startswith(PREFIX):
            return self._gateway(request)
        try:
            if not LOOPBACK.fullmatch(request.headers.get("Host", "")):
                raise not_this_host()
            if (endpoint := ENDPOINTS.get(request.path.rstrip("/"))) and "X-Amz-Target" in request.headers:
                return endpoint(request)
            if request.path.startswith(LAMBDA):
                return self._invocations(request)
            return Response(json.dumps(self._answer(request)), content_type="application/json")
        except Problem as problem:
            return problem.response()

    def _answer(self, request: Request) -> Any:
        if request.method == "GET" and request.path == PREFIX + "status":
            return self._status()
        if request.method == "POST" and request.path.startswith(INVOKE):
            return self._invoke(request.path.removeprefix(INVOKE), request)
        raise not_found()

    def _status(self) -> dict[str, Any]:
        return {
            "functions": [function.logical_id for function in self._functions.all],
            "mappings": [{"name": consumer.name, "lag": consumer.lag()} for consumer in self._consumers],
            "tables": list(self._tables),
            "streams": list(self._streams),
        }

    def _invoke(self, name: str, request: Request) -> Any:
        function = self._functions.find(name)
        if function is None:
            raise not_found()
        if request.mimetype != "application/json":
            raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "json_needed", "Send Content-Type: application/json.")
        try:
            return function.invoke(request.get_json())
        except FunctionFailed as error:
            raise Problem(HTTPStatus.BAD_GATEWAY, "function_failed", f"{name} failed: {error}.") from None
