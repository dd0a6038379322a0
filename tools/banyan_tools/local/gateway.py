"""The HTTP API of the template, on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Request, Response

from banyan_tools.local.authorizer import JwtAuthorizer
from banyan_tools.local.console import Console
from banyan_tools.local.failures import Failures
from banyan_tools.local.functions import EventTooLarge, FunctionFailed, Functions, FunctionTimedOut
from banyan_tools.local.http_events import request_event, response
from banyan_tools.local.problems import Problem, function_failed, function_timed_out, not_found, payload_too_large
from banyan_tools.local.routes import Route, match

LARGEST_BODY_BYTES = 10 * 1024 * 1024
INTEGRATION_SECONDS = 30.0
"""What an HTTP API waits for a function at most, however long that may take."""


class Gateway:
    """Answers requests with the functions behind the routes.

    Parameters
    ----------
    routes : Sequence[Route]
        In the order of their precedence.
    authorizers : Mapping[str, JwtAuthorizer]
        By logical id.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        authorizers: Mapping[str, JwtAuthorizer],
        functions: Functions,
        console: Console,
        failures: Failures,
    ) -> None:
        self._routes = routes
        self._authorizers = authorizers
        self._functions = functions
        self._console = console
        self._failures = failures

    def __call__(self, request: Request) -> Response:
        """Answer a request and write its line, and for a server error the reason.

        What an open page reads by itself, again and again, has a line only when it fails.
        """
        started = time.perf_counter()
        with self._failures.seen() as errors:
            answer = self._answer_or_problem(request)
        milliseconds = (time.perf_counter() - started) * 1000
        if not reads_for_a_page(request) or answer.status_code >= HTTPStatus.BAD_REQUEST:
            self._console.request(request.method, request.path, answer.status_code, milliseconds)
        if errors and answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._console.warn(self._failures.explain(errors[-1]))
        return answer

    def _answer_or_problem(self, request: Request) -> Response:
        try:
            return self._answer(request)
        except Problem as problem:
            return problem.response()

    def _answer(self, request: Request) -> Response:
        found = match(self._routes, request.method, raw_path(request))
        if found is None:
            raise not_found()
        route, parameters = found
        identity = self._authorize(request, route)
        event = read(request, lambda: request_event(request, route, parameters, identity))
        return response(self._invoke(route, event))

    def _authorize(self, request: Request, route: Route) -> Mapping[str, Any]:
        if route.authorizer is None:
            return {}
        headers = {name.lower(): value for name, value in request.headers.items()}
        return self._authorizers[route.authorizer].authorize(headers, route.scopes)

    def _invoke(self, route: Route, event: Mapping[str, Any]) -> Any:
        function = self._functions.get(route.function)
        try:
            return function.invoke(event, INTEGRATION_SECONDS)
        except EventTooLarge:
            raise payload_too_large() from None
        except FunctionTimedOut as error:
            self._console.warn(f"{function.logical_id}: {error}.")
            raise function_timed_out() from None
        except FunctionFailed as error:
            self._console.warn(f"{function.logical_id} failed: {error}.")
            raise function_failed() from None


def read(request: Request, build: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what is built from a request, whose body may not be too large.

    Raises
    ------
    Problem
        413 when it is.
    """
    request.max_content_length = LARGEST_BODY_BYTES
    try:
        return build()
    except RequestEntityTooLarge:
        raise payload_too_large() from None


def reads_for_a_page(request: Request) -> bool:
    """Whether a page in a browser reads something from where it came itself."""
    return request.method == "GET" and request.headers.get("Sec-Fetch-Site") == "same-origin"


def raw_path(request: Request) -> str:
    """Return the path as it was sent."""
    sent: str = request.environ.get("REQUEST_URI", request.path)
    return sent.partition("?")[0]
