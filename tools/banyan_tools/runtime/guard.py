"""A door in front of the AWS services that lets a function do what its role allows, and nothing else."""

from __future__ import annotations

import json
import threading
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from banyan_tools.local.forwarding import forwarded
from banyan_tools.runtime.backend import Backend, service_of
from banyan_tools.runtime.needs import Need, needs
from banyan_tools.runtime.permissions import Role

DENIED = "com.amazonaws.{service}#AccessDeniedException"


class Guard:
    """Passes requests on, and denies what a role does not allow as the service would; a context manager.

    Attributes
    ----------
    endpoint : str
        URL for the function's clients.
    started : list[Any]
        Events of the functions that it started; these are not run.
    """

    def __init__(self, role: Role, backend: Backend) -> None:
        self._role = role
        self._backend = backend
        self.started: list[Any] = []
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
        service = service_of(request)
        missing = self._role.missing(needs(service, request))
        if missing:
            return denied(service, missing[0])
        if service == "lambda":
            self.started.append(request.get_json(force=True))
            return Response(status=HTTPStatus.ACCEPTED)
        return forwarded(request, self._backend.url(service) + request.full_path.removesuffix("?"))


class Silent(WSGIRequestHandler):
    """Logs no requests."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Leave it."""


def denied(service: str, need: Need) -> Response:
    """Return a service's refusal: S3 speaks XML, the others JSON."""
    text = f"the role is not authorized to perform {need.action} on {need.resource}"
    if service == "s3":
        return Response(f"<Error><Code>AccessDenied</Code><Message>{text}</Message></Error>", 403)
    return Response(json.dumps({"__type": DENIED.format(service=service), "message": text}), 400)
