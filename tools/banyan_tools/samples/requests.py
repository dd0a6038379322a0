"""Requests as API Gateway hands them to the APIs: HTTP API, payload format 2.0."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from banyan_tools.local.physical import ACCOUNT, REGION
from banyan_tools.samples.history import ACTOR, START, TENANT

API: Final = "a1b2c3d4e5"
HOST: Final = f"{API}.execute-api.{REGION}.amazonaws.com"
PUBLIC: Final = frozenset({"/health", "/openapi.json", "/console"})
ADMIN_PATH: Final = "/admin/"
FILES_PATH: Final = "/console/"
ADMIN: Final = "banyan/admin"
CONTENTS: Final = "banyan/admin banyan/events"
LIFETIME: Final = timedelta(hours=1)


def post(
    path: str,
    body: str,
    headers: Mapping[str, str] | None = None,
    *,
    caller: bool = True,
    scope: str = "",
    actor: str = ACTOR,
) -> dict[str, Any]:
    """A ``POST`` with a JSON body."""
    sent = {"content-length": str(len(body)), "content-type": "application/json", **(headers or {})}
    return request("POST", path, "", sent, TENANT if caller else None, scope, actor) | {"body": body}


def get(path: str, *, tenant: str | None = TENANT, scope: str = "", actor: str = ACTOR, **query: str) -> dict[str, Any]:
    """A ``GET`` with a query."""
    event = request("GET", path, urlencode(query), {}, None if path in PUBLIC else tenant, scope, actor)
    return event | ({"queryStringParameters": query} if query else {})


def page(path: str) -> dict[str, Any]:
    """A browser's ``GET`` for the console's page or one of its files, which brings no token."""
    return request("GET", path, "", {"accept-encoding": "gzip, deflate, br"}, None, "", "")


def request(
    method: str, path: str, query: str, headers: Mapping[str, str], tenant: str | None, scope: str, actor: str
) -> dict[str, Any]:
    """A request without a body; a caller without a tenant brought no token."""
    folder = next((each for each in (ADMIN_PATH, FILES_PATH) if path.startswith(each)), "/")
    route = f"{method} {path if path in PUBLIC else folder + '{proxy+}'}"
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": query,
        "headers": {**sent_headers(), **headers},
        "requestContext": context(method, path, route, claims(tenant, scope, actor) if tenant else None),
        **({} if path in PUBLIC else {"pathParameters": {"proxy": path.removeprefix(folder)}}),
        "isBase64Encoded": False,
    }


def sent_headers() -> dict[str, str]:
    """Headers of every request; API Gateway hands a token on, the samples leave it out."""
    return {
        "accept": "*/*",
        "host": HOST,
        "user-agent": "curl/8.5.0",
        "x-amzn-trace-id": "Root=1-695b7a90-0123456789abcdef01234567",
        "x-correlation-id": "correlation-sample",
        "x-forwarded-for": "203.0.113.7",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }


def context(method: str, path: str, route: str, claims: Mapping[str, str] | None) -> dict[str, Any]:
    """What API Gateway knows of a request."""
    return {
        "accountId": ACCOUNT,
        "apiId": API,
        **({"authorizer": {"jwt": {"claims": claims, "scopes": None}}} if claims else {}),
        "domainName": HOST,
        "domainPrefix": API,
        "http": {
            "method": method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": "203.0.113.7",
            "userAgent": "curl/8.5.0",
        },
        "requestId": "JKJaXmPLvHcESHA=",
        "routeKey": route,
        "stage": "$default",
        "time": START.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(START.timestamp() * 1000),
    }


def claims(tenant: str, scope: str, actor: str) -> dict[str, str]:
    """Claims of a verified token; API Gateway hands them on as text."""
    return {
        "aud": "banyan",
        "exp": str(int((START + LIFETIME).timestamp())),
        "iat": str(int(START.timestamp())),
        "iss": "https://issuer.example.com/",
        "sub": actor,
        "tenant": tenant,
        **({"scope": scope} if scope else {}),
    }
