"""Powertools' resolver, made safe for several requests at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

_PARAMETER = re.compile(r"<(\w+)>")


@dataclass(slots=True)
class _Running:
    event: APIGatewayProxyEventV2
    invocation: Any
    context: dict[str, Any]


_running: ContextVar[_Running] = ContextVar("running")


class HttpResolver(APIGatewayHttpResolver):
    """Routes API Gateway HTTP API events (payload 2.0) to typed handlers.

    Powertools keeps the request on a class, where threads overwrite each other's; here it is kept in a
    context variable. The body is parsed before, so that it is read in one way only.
    """

    def __init__(self) -> None:
        self._initial: dict[str, Any] = {}
        super().__init__(enable_validation=True, response_validation_error_http_code=500, debug=False)

    def answer(
        self, event: Mapping[str, Any], invocation: Any, body: Mapping[str, Any], context: dict[str, Any]
    ) -> dict[str, Any]:
        """Answer one request.

        Parameters
        ----------
        event : Mapping[str, Any]
        invocation : LambdaContext
        body : Mapping[str, Any]
            The parsed body.
        context : dict[str, Any]
            What dependencies of handlers find in ``request.context``.
        """
        headers = {**(event.get("headers") or {}), "content-type": "application/json"}
        inner = {**event, "headers": headers, "body": "parsed", "isBase64Encoded": False}
        token = _running.set(_Running(APIGatewayProxyEventV2(inner, lambda _: body), invocation, context))
        try:
            answer = self.resolve(inner, invocation)
            return {name: answer[name] for name in ("statusCode", "headers", "body")}
        finally:
            _running.reset(token)

    @staticmethod
    def _compile_regex(rule: str, base_regex: str = "") -> re.Pattern[str]:  # noqa: ARG004
        """A route's pattern; Powertools' own does not let a parameter hold ``#``, ``"`` or the mark of a letter."""
        parts = _PARAMETER.split(rule)
        parts[::2] = map(re.escape, parts[::2])
        parts[1::2] = (f"(?P<{name}>[^/]+)" for name in parts[1::2])
        return re.compile("".join(parts) + r"\Z")

    def seal(self) -> None:
        """Build every route's chain of middlewares now, not at its first request, when threads might race."""
        for route in self._static_routes + self._dynamic_routes:
            route._build_middleware_stack(self._router_middlewares, self)

    @property
    def current_event(self) -> APIGatewayProxyEventV2:  # type: ignore[override]
        """The request of this thread."""
        return _running.get().event

    @property
    def lambda_context(self) -> Any:  # type: ignore[override]
        """The invocation of this thread."""
        return _running.get().invocation

    @property
    def context(self) -> dict[str, Any]:
        """Values of this thread's request."""
        running = _running.get(None)
        return running.context if running else self._initial

    @context.setter
    def context(self, value: dict[str, Any]) -> None:
        self._initial = value
