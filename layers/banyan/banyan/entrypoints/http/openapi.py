"""What the API can do, in words for people and programs, and the routes that need no token."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from banyan.domain import Domain
from banyan.entrypoints.http.call import SECURITY_SCHEME, HttpResolver, routes_of
from banyan.entrypoints.http.health import Checks, Health, HealthCheck
from banyan.entrypoints.http.identity import ADMIN
from banyan.entrypoints.http.problems import CONTENT_TYPE
from banyan.entrypoints.http.requests import CORRELATION_ID, ETAG, IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH, OCCURRED_AT
from banyan.errors import ConfigurationError
from banyan.once import once
from banyan.store.eventstore import Clock, utc_now

VERSION: Final = "1.0.0"
ADMIN_PATH: Final = "/admin/"
KINDS: Final = ("commands", "queries")
_NO_MORE: Final[Sequence[dict[str, Any]]] = ({SECURITY_SCHEME: []},)
_PARAMETER: Final = re.compile(r"<[^>]*>")

Json = dict[str, Any]

_POWERTOOLS_ERRORS: Final = ("HTTPValidationError", "ValidationError", "ResponseValidationError")
_REPLACED: Final = ("422", "500")


def routers(domain: Domain) -> tuple[Sequence[Router], Sequence[Router]]:
    """The routers of a domain's commands and of its queries, one of each part.

    Raises
    ------
    ConfigurationError
        Two parts of the domain answer the same route; the message names both.
    """
    modules = {part.name: import_module(part.routes) for part in domain.parts if part.routes}
    commands, queries = ({name: getattr(module, kind) for name, module in modules.items()} for kind in KINDS)
    return _disjoint(commands), _disjoint(queries)


def _disjoint(routers: Mapping[str, Router]) -> Sequence[Router]:
    owners: dict[tuple[str, str], str] = {}
    for owner, router in routers.items():
        for path, method in routes_of(router):
            other = owners.setdefault((_PARAMETER.sub("<>", path), method), owner)
            if other != owner:
                raise ConfigurationError(f"route '{method} {path}' is declared by both {other!r} and {owner!r}")
    return tuple(routers.values())


def scopes(domain: Domain) -> Sequence[str]:
    """Every scope that a route of a domain accepts."""
    commands, queries = routers(domain)
    resolver = HttpResolver()
    for router in (*commands, *queries):
        resolver.include_router(router)
    return resolver.scopes


def admin_routers() -> Sequence[Router]:
    """The routers for the platform's operator, which only the console and the document need to load."""
    routers: Sequence[Router] = import_module("banyan.entrypoints.admin").ROUTERS
    return routers


def document(domain: Domain, public: Router) -> str:
    """The OpenAPI 3.1 document of all routes, as JSON.

    Parameters
    ----------
    public : Router
        Routes that need no token.
    """
    from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer

    commands, queries = routers(domain)
    resolver = HttpResolver()
    for router in (*commands, *queries, public, *admin_routers()):
        resolver.include_router(router)
    schemes: Any = {SECURITY_SCHEME: HTTPBearer(bearerFormat="JWT")}
    title = domain.name.capitalize()
    found: Json = json.loads(resolver.get_openapi_json_schema(title=title, version=VERSION, security_schemes=schemes))
    open_paths = {path for path, _ in routes_of(public)}
    for path, method, operation in _operations(found):
        _complete(operation, *_kind(path, method, open_paths, operation.get("security", ())))
    return _short(json.dumps(_portable(_completed(found)), indent=2)) + "\n"


def _operations(found: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _kind(
    path: str, method: str, open_paths: Container[str], own: Sequence[Json]
) -> tuple[Sequence[str], list[Any] | None]:
    """Headers that mean something to a route, and its security where that is not a tenant's token."""
    if path in open_paths:
        return [CORRELATION_ID], []
    if path.startswith(ADMIN_PATH):
        return [CORRELATION_ID], [{SECURITY_SCHEME: [ADMIN, *each[SECURITY_SCHEME]]} for each in own or _NO_MORE]
    return (_QUERY_HEADERS if method == "get" else _COMMAND_HEADERS), None


def _complete(operation: Json, headers: Sequence[str], security: list[Any] | None) -> None:
    """Say what the API adds to every route: headers, security and how errors look."""
    operation["parameters"] = operation.get("parameters", []) + [
        {"$ref": f"#/components/parameters/{name}"} for name in headers
    ]
    operation["responses"] = {
        status: kept for status, kept in operation["responses"].items() if status not in _REPLACED
    }
    operation["responses"]["default"] = {"$ref": "#/components/responses/Problem"}
    if security is not None:
        operation["security"] = security


def _completed(found: Json) -> Json:
    schemas = _used(found)
    components = {
        "schemas": dict(sorted({**schemas, "Problem": _PROBLEM}.items())),
        "parameters": dict(_HEADERS),
        "responses": {"Problem": _PROBLEM_RESPONSE},
        "securitySchemes": found["components"]["securitySchemes"],
    }
    kept = {name: value for name, value in found.items() if name not in ("servers", "components", "paths")}
    return {
        **kept,
        "security": [{SECURITY_SCHEME: []}],
        "paths": dict(sorted(found["paths"].items())),
        "components": components,
    }


def _used(found: Json) -> Json:
    """The schemas that something refers to; Powertools keeps what it wrote out in place as well."""
    text = json.dumps(found)
    return {
        name: schema
        for name, schema in found["components"]["schemas"].items()
        if name not in _POWERTOOLS_ERRORS and f'schemas/{name}"' in text
    }


def _short(text: str) -> str:
    """Without the modules in names of schemas, which Powertools puts there where two classes have one name."""
    for name in sorted(set(re.findall(r"schemas/(\w+__\w+)\"", text))):
        short = name.rpartition("__")[2]
        if f'schemas/{short}"' not in text:
            text = text.replace(f'"{name}"', f'"{short}"').replace(f'schemas/{name}"', f'schemas/{short}"')
    return text


def _portable(value: Any) -> Any:
    """Without patterns on Unicode classes, which many readers of OpenAPI cannot compile."""
    if isinstance(value, list):
        return [_portable(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    return {name: _portable(v) for name, v in value.items() if not (name == "pattern" and "\\p{" in str(v))}


def _header(name: str, description: str, **schema: Any) -> Json:
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string", **schema}}


_HEADERS: Final[Mapping[str, Json]] = {
    CORRELATION_ID: _header(
        CORRELATION_ID,
        "Comes back on every answer, stands in the log and in the events; made up when not given.",
        pattern=r"^[!-.0->@-\[\]-~]{1,128}$",
    ),
    IDEMPOTENCY_KEY: _header(
        IDEMPOTENCY_KEY,
        "Repeats of a request with the same key take effect once and get the first answer.",
        pattern="^[!-~]{1,255}$",
    ),
    OCCURRED_AT: _header(OCCURRED_AT, "When it happened, if that is not now.", format="date-time"),
    IF_MATCH: _header(IF_MATCH, "The version that the caller saw, in quotes; at any other the answer is 412."),
    IF_NONE_MATCH: _header(IF_NONE_MATCH, f"The {ETAG} of an earlier answer; the answer is 304 if it still holds."),
}
_COMMAND_HEADERS: Final = (CORRELATION_ID, IDEMPOTENCY_KEY, OCCURRED_AT, IF_MATCH)
_QUERY_HEADERS: Final = (CORRELATION_ID, IF_NONE_MATCH)

_PROBLEM: Final[Json] = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable, machine-readable."},
        "field": {"type": "string", "description": "The input it is about."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "expected": {"type": "integer", "description": "Version the caller counted on."},
        "actual": {"type": "integer", "description": "Version the stream has."},
    },
}
_PROBLEM_RESPONSE: Final[Json] = {
    "description": "The request was refused or failed.",
    "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def public_routes(domain: Domain, checks: Checks, clock: Clock = utc_now) -> Router:
    """The router of ``GET /health`` and ``GET /openapi.json``, which make work once, however often they are called.

    Parameters
    ----------
    domain : Domain
        Described by the document.
    checks : Checks
        What ``/health`` reads.
    """
    router = Router()  # type: ignore[no-untyped-call]
    described = once(lambda: document(domain, router))
    tables = HealthCheck(checks, clock)

    @router.get("/health", operation_id="health", summary="Whether the tables answer")
    def health() -> Health:
        return Health(tables=list(tables()))

    @router.get("/openapi.json", operation_id="openapi", summary="This description")
    def openapi() -> Response[str]:
        return Response(200, "application/json", described())

    return router
