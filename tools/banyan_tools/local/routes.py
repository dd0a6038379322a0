"""The template's routes, matched as API Gateway does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from banyan_tools.local.errors import StackError
from banyan_tools.local.template import Resource, Template

PARAMETER = re.compile(r"\{(\w+)(\+?)}")
FUNCTION_ARN = re.compile(r"arn:aws:lambda:[^:/]+:[^:/]+:function:[^:/]+")
"""Of a function, without the version or alias that may stand behind it."""


@dataclass(frozen=True)
class Route:
    """A route of an HTTP API.

    Parameters
    ----------
    key : str
        ``GET /orders/{id}``, ``ANY /{proxy+}`` or ``$default``.
    function : str
        ARN of the function behind it.
    authorizer : str | None
        Logical id of the JWT authorizer; None for a public route.
    """

    key: str
    function: str
    authorizer: str | None = None
    scopes: Sequence[str] = field(default=())

    @property
    def method(self) -> str:
        return self.key.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.key.partition(" ")[2]

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return the path parameters of a request, or None when the route is not for it."""
        if self.key == "$default":
            return {}
        found = re.fullmatch(path_pattern(self.path), path)
        if found is None or self.method not in (method, "ANY"):
            return None
        return {name: unquote(value) for name, value in found.groupdict().items()}

    def precedence(self) -> Any:
        """Return a sort key: exact segments come before parameters, these before ``{proxy+}``, ``$default`` last."""
        segments = [segment_rank(segment) for segment in self.path.split("/")]
        return self.key == "$default", 2 in segments, segments, self.method == "ANY"


def match(routes: Sequence[Route], method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the route for a request with its path parameters, or None.

    Parameters
    ----------
    routes : Sequence[Route]
        In the order of their precedence.
    method, path : str
        Of the request, the path as it was sent.
    """
    for route in routes:
        if (parameters := route.match(method, path)) is not None:
            return route, parameters
    return None


def routes(template: Template) -> list[Route]:
    """Return the template's routes in the order of their precedence.

    Raises
    ------
    StackError
        A route has no function behind it, or an API brings its routes in an OpenAPI document.
    """
    for api in template.resources("AWS::ApiGatewayV2::Api"):
        if "Body" in api.properties:
            raise StackError(
                f"The local stack reads routes from AWS::ApiGatewayV2::Route, not from the body of {api.logical_id}:"
                " write them as resources."
            )
    targets = {found.ref: found for found in template.resources("AWS::ApiGatewayV2::Integration")}
    found = template.build("AWS::ApiGatewayV2::Route", lambda resource: route(resource, targets))
    return sorted(found, key=Route.precedence)


def route(resource: Resource, integrations: dict[str, Resource]) -> Route:
    """Return the route that an ``AWS::ApiGatewayV2::Route`` describes."""
    given = resource.properties
    integration = integrations.get(str(given.get("Target", "")).removeprefix("integrations/"))
    uri = FUNCTION_ARN.search(integration.properties.get("IntegrationUri", "")) if integration else None
    if uri is None:
        raise StackError(f"The route {resource.logical_id} has no function behind it.")
    return Route(given["RouteKey"], uri[0], authorizer(resource), given.get("AuthorizationScopes", ()))


def authorizer(resource: Resource) -> str | None:
    """Return the id of a route's JWT authorizer, or None for a public route."""
    kind = resource.properties.get("AuthorizationType", "NONE")
    if kind not in ("NONE", "JWT"):
        raise StackError(f"The route {resource.logical_id} asks for {kind}: the local stack knows JWT and NONE.")
    return str(resource.properties["AuthorizerId"]) if kind == "JWT" else None


def path_pattern(path: str) -> str:
    """Return a route's path as a regular expression."""
    parts = PARAMETER.split(path)
    literals, names, greed = map(re.escape, parts[::3]), parts[1::3], parts[2::3]
    groups = [f"(?P<{name}>{'.+' if greedy else '[^/]+'})" for name, greedy in zip(names, greed, strict=True)]
    return "".join(literal + group for literal, group in zip(literals, [*groups, ""], strict=True))


def segment_rank(segment: str) -> int:
    """Return how little a segment says: 0 exact, 1 a parameter, 2 all that follows."""
    found = PARAMETER.fullmatch(segment)
    return 0 if found is None else 1 + len(found[2])
