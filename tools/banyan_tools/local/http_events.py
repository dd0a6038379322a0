"""Between HTTP and the events of API Gateway's HTTP APIs, payload format 2.0."""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Request, Response

from banyan_tools.local.physical import ACCOUNT
from banyan_tools.local.problems import function_failed
from banyan_tools.local.routes import Route

TEXT = re.compile(r"text/.*|application/(.+\+)?(json|xml)|application/javascript")


def request_event(
    request: Request, route: Route, parameters: Mapping[str, str], authorizer: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the event that a function gets for a request.

    Parameters
    ----------
    route : Route
        The route that matched.
    parameters : Mapping[str, str]
        Of the path.
    authorizer : Mapping[str, Any]
        What the authorizer found; empty on a public route.
    """
    query = request.query_string.decode("latin-1")
    optional = {
        "cookies": [cookie.strip() for cookie in request.headers.get("Cookie", "").split(";") if cookie.strip()],
        "queryStringParameters": joined(parse_qsl(query, keep_blank_values=True)),
        "pathParameters": dict(parameters),
        **body_fields(request.get_data(), request.mimetype, request.headers.get("Content-Encoding", "")),
    }
    return {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": request.path,
        "rawQueryString": query,
        "headers": event_headers(request),
        "requestContext": request_context(request, route, authorizer),
        "isBase64Encoded": False,
        **{name: value for name, value in optional.items() if value},
    }


def event_headers(request: Request) -> dict[str, str]:
    """Return the headers as a function gets them: names in lowercase, cookies apart, the gateway's own added."""
    sent = {name.lower(): value for name, value in request.headers.items() if name.lower() != "cookie"}
    return sent | {
        "x-amzn-trace-id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}",
        "x-forwarded-for": request.remote_addr or "",
        "x-forwarded-port": request.host.rpartition(":")[2],
        "x-forwarded-proto": "http",
    }


def request_context(request: Request, route: Route, authorizer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an event says about the request itself."""
    now = datetime.now(UTC)
    return {
        "accountId": ACCOUNT,
        "apiId": "local",
        **({"authorizer": authorizer} if authorizer else {}),
        "domainName": request.host,
        "domainPrefix": request.host.partition(".")[0],
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": request.environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
            "sourceIp": request.remote_addr or "",
            "userAgent": request.headers.get("User-Agent", ""),
        },
        "requestId": str(uuid.uuid4()),
        "routeKey": route.key,
        "stage": "$default",
        "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now.timestamp() * 1000),
    }


def body_fields(body: bytes, media_type: str, coding: str = "") -> dict[str, Any]:
    """Return the body as an event carries it: as text, or as base64 when it is compressed or not of a type of text."""
    if not body:
        return {}
    if TEXT.fullmatch(media_type) and not coding:
        return {"body": body.decode("utf-8", errors="replace")}
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Return pairs as a mapping, the values of a name that comes again joined with commas."""
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def response(answer: Any) -> Response:
    """Return the HTTP answer that a function's answer stands for.

    Without ``statusCode`` it is the body of a 200.

    Raises
    ------
    Problem
        500 when it is not an HTTP answer.
    """
    if not isinstance(answer, dict) or "statusCode" not in answer:
        body = answer if isinstance(answer, str) else json.dumps(answer)
        return Response(body, 200, content_type="application/json")
    try:
        return full_response(answer)
    except (TypeError, ValueError, AttributeError, binascii.Error):
        raise function_failed() from None


def full_response(answer: dict[str, Any]) -> Response:
    """Return the HTTP answer of a function that gives status, headers, cookies and body."""
    headers = Headers([(name, str(value)) for name, value in (answer.get("headers") or {}).items()])
    for cookie in answer.get("cookies") or []:
        headers.add("Set-Cookie", cookie)
    body = (answer.get("body") or "").encode()
    if answer.get("isBase64Encoded"):
        body = base64.b64decode(body, validate=True)
    headers.setdefault("Content-Type", "text/plain;charset=utf-8")
    return Response(body, int(answer["statusCode"]), headers)
