"""A door in front of DynamoDB that lets a function do what its role allows, and nothing else."""

from __future__ import annotations

import json
import threading
from types import TracebackType
from typing import Self

import urllib3
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from tools.runtime.permissions import Role

DENIED = "com.amazonaws.dynamodb.v20120810#AccessDeniedException"
DROPPED = frozenset({"connection", "content-length", "date", "host", "server", "transfer-encoding"})


class Guard:
    """Passes DynamoDB requests on, and denies what a role does not allow as DynamoDB would; a context manager.

    Parameters
    ----------
    role : Role
    backend : str
        URL of the DynamoDB behind it.

    Attributes
    ----------
    endpoint : str
        URL for the function's client.
    """

    def __init__(self, role: Role, backend: str) -> None:
        self._role = role
        self._backend = backend
        self._server = make_server("127.0.0.1", 0, Request.application(self._answer), request_handler=Silent)
        self.endpoint = f"http://127.0.0.1:{self._server.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: Request) -> Response:
        operation = request.headers["X-Amz-Target"].partition(".")[2]
        missing = self._role.missing(operation, request.get_json(force=True))
        if missing:
            text = f"the role is not authorized to perform {missing[0].action} on {missing[0].resource}"
            return Response(json.dumps({"__type": DENIED, "message": text}), 400)
        return forwarded(request, self._backend)


class Silent(WSGIRequestHandler):
    """Logs no requests."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Leave it."""


def forwarded(request: Request, backend: str) -> Response:
    """Return the backend's answer to a request."""
    headers = {name: value for name, value in request.headers.items() if name.lower() not in DROPPED}
    answer = urllib3.request("POST", backend, body=request.get_data(), headers=headers, retries=False)
    kept = {name: value for name, value in answer.headers.items() if name.lower() not in DROPPED}
    return Response(answer.data, answer.status, kept)
