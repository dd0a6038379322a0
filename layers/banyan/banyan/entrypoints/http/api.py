"""The HTTP API of an application: who calls, which route, what if it fails or comes twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from banyan.adapters.dynamodb.idempotency import DynamoDBIdempotency
from banyan.adapters.observability import log_context, log_deed, log_failure
from banyan.bootstrap import Application
from banyan.commands.idempotency import IdempotencyTable
from banyan.entrypoints.http.call import Attempt, Call, HttpResolver, routes_of
from banyan.entrypoints.http.health import table_checks
from banyan.entrypoints.http.idempotency import HttpAnswer, IdempotentRequests, Worked
from banyan.entrypoints.http.identity import Caller, identify, identify_operator
from banyan.entrypoints.http.openapi import public_routes, routers
from banyan.entrypoints.http.problems import CONTENT_TYPE, BadRequest, problem_of
from banyan.entrypoints.http.requests import (
    CORRELATION_ID,
    ETAG,
    IF_MATCH,
    OCCURRED_AT,
    Headers,
    canonical,
    expect_text,
    read_body,
)
from banyan.events import Metadata
from banyan.queries import Queries
from banyan.telemetry import span

if TYPE_CHECKING:
    from banyan.entrypoints.console.page import ConsolePage

DEFAULT_LEASE: Final = timedelta(seconds=30)
LEASE_MARGIN: Final = timedelta(seconds=1)
LONGEST: Final = 600
"""Text of a request that is logged; longer than the name of a stream."""
REASON: Final = "reason"
"""Of a request to act: what a person typed."""


class Api:
    """Answers API Gateway HTTP API events (payload 2.0); safe to share between threads.

    Parameters
    ----------
    routers : Router
        Routes for callers with a verified token.
    public : Router, optional
        Routes that need no token, none of them with a parameter in its path.
    page : ConsolePage, optional
        Files that need no token either.
    once : IdempotentRequests, optional
        Given where requests may carry an ``Idempotency-Key``.
    scope : str, optional
        What a token must grant besides, for every route that is not public.
    """

    def __init__(
        self,
        application: Application,
        *routers: Router,
        public: Router | None = None,
        page: ConsolePage | None = None,
        once: IdempotentRequests | None = None,
        scope: str | None = None,
    ) -> None:
        self._application = application
        self._queries = _queries(application)
        self._public = frozenset(path for path, _ in routes_of(public)) if public else frozenset[str]()
        self._page = page
        self._once = once
        self._scope = scope
        self._resolver = _resolver(*routers, public)
        self._asks_for_scopes = bool(self._resolver.scopes)

    def __call__(self, event: Mapping[str, Any], invocation: Any) -> HttpAnswer:
        """Answer one request; every answer names its correlation id."""
        event = _complete(event)
        headers = Headers.of(event)
        try:
            correlation_id = headers.correlation_id or str(uuid4())
        except BadRequest as error:
            correlation_id, answer = str(uuid4()), _problem_for(error)
        else:
            with log_context(correlation_id=correlation_id):
                answer = self._answered(event, invocation, headers, correlation_id)
        return {**answer, "headers": {**answer["headers"], CORRELATION_ID: correlation_id}}

    def _answered(self, event: Mapping[str, Any], invocation: Any, headers: Headers, correlation_id: str) -> HttpAnswer:
        method = event.get("requestContext", {}).get("http", {}).get("method", "")
        try:
            with span("request", headers.traceparent, {"http.request.method": method}) as traceparent:
                return self._answer(event, invocation, headers, correlation_id, traceparent)
        except Exception as error:
            return _problem_for(error)

    def _answer(
        self, event: Mapping[str, Any], invocation: Any, headers: Headers, correlation_id: str, traceparent: str
    ) -> HttpAnswer:
        request = APIGatewayProxyEventV2(dict(event))
        if request.path in self._public:
            return self._resolver.answer(event, invocation, {}, {})
        if self._page and self._page.serves(request.path):
            return self._page.answer(request.path, headers)
        settings = self._application.settings
        caller = self._caller(event)
        if self._asks_for_scopes:
            self._check_scopes(request, caller)
        body = read_body(event, settings.max_body_bytes)
        expect_text(body)
        metadata = _metadata(request, headers, correlation_id, caller, traceparent)
        expected = headers.expected_version

        def work(attempt: Attempt) -> Worked:
            call = Call(self._application, self._queries, caller, metadata, expected, attempt)
            answer = self._resolver.answer(event, invocation, body, {"call": call})
            return Worked(answer, call.progress)

        key = headers.idempotency_key
        if self._once and key:
            fingerprint = _fingerprint(request, headers, caller.actor, body)
            return self._once.run(f"{caller.tenant}#{key}", fingerprint, _lease(invocation), work)
        answer = work(Attempt.only()).answer
        if self._scope and request.http_method != "GET":
            _log_act(request, caller, body, answer)
        return _unless_known(headers, answer)

    def _caller(self, event: Mapping[str, Any]) -> Caller:
        claim = self._application.settings.tenant_claim
        return identify_operator(event, claim, self._scope) if self._scope else identify(event, claim)

    def _check_scopes(self, request: APIGatewayProxyEventV2, caller: Caller) -> None:
        accepted = self._resolver.scopes_of(request.http_method.upper(), request.path)
        if accepted:
            caller.require(*accepted)


def _log_act(request: APIGatewayProxyEventV2, caller: Caller, body: Mapping[str, Any], answer: HttpAnswer) -> None:
    """Log what an operator did, or was refused, without the reasons that were given."""
    done = answer["statusCode"] < 400
    asked = {name: _short(value) for name, value in body.items() if name != REASON} if done else {}
    who = {"actor": caller.actor, "client": caller.client}
    log_deed("an operator acted", did=request.path, asked=asked, status=answer["statusCode"], **who)


def _short(value: Any) -> Any:
    return value[:LONGEST] if isinstance(value, str) else value


def command_api(application: Application, table: IdempotencyTable | None = None) -> Api:
    """The API of a domain's commands; ``table`` replaces the one on DynamoDB."""
    table = table or DynamoDBIdempotency(application.gateway, application.tables.idempotency)
    once = IdempotentRequests(table, application.settings.idempotency_hours, application.clock)
    return Api(application, *routers(application.domain)[0], once=once)


def query_api(application: Application) -> Api:
    """The API of a domain's queries, with ``/health`` and ``/openapi.json`` without a token."""
    checks = table_checks(application.store, application.views, application.projection_states)
    if application.settings.queries_read_events == "off":
        checks = {table: check for table, check in checks.items() if table != "events"}
    public = public_routes(application.domain, checks, application.clock)
    return Api(application, *routers(application.domain)[1], public=public)


def _queries(application: Application) -> Queries:
    parts: dict[str, Any] = {
        "store": application.store,
        "views": application.views,
        "wait_ms": application.settings.min_version_wait_ms,
        "generation": application.cached_states.live,
        "clock": application.clock,
    }
    if application.migration is None:
        return Queries(**parts)
    from banyan.migration.checks.reads import MigratingQueries

    return MigratingQueries(application.migration, application.settings.compared_percent, **parts)


def _resolver(*routers: Router | None) -> HttpResolver:
    resolver = HttpResolver()
    for router in filter(None, routers):
        resolver.include_router(router)
    resolver.exception_handler(Exception)(_problem_response)
    resolver.seal()
    return resolver


def _problem_response(error: Exception) -> Response[str]:
    problem = problem_of(error)
    if problem.status >= 500:
        log_failure("a request failed", error)
    return Response(problem.status, CONTENT_TYPE, json.dumps(problem.body, separators=(",", ":")), problem.headers)


def _problem_for(error: Exception) -> HttpAnswer:
    response = _problem_response(error)
    return {"statusCode": response.status_code, "headers": response.headers, "body": response.body}


def _metadata(
    request: APIGatewayProxyEventV2, headers: Headers, correlation_id: str, caller: Caller, traceparent: str
) -> Metadata:
    return Metadata(
        correlation_id=correlation_id,
        causation_id=request.request_context.request_id or correlation_id,
        actor=caller.actor,
        occurred_at=headers.occurred_at,
        traceparent=traceparent,
    )


def _fingerprint(request: APIGatewayProxyEventV2, headers: Headers, actor: str, body: Mapping[str, Any]) -> str:
    """What a key stands for: all that the answer depends on. Left out where not given, as keys in use have it."""
    content = f"{actor} {request.http_method} {request.path} {canonical(body)}"
    conditions = {
        IF_MATCH: headers.expected_version,
        OCCURRED_AT: headers.occurred_at and headers.occurred_at.isoformat(),
        "query": request.query_string_parameters,
    }
    given = {name: value for name, value in conditions.items() if value is not None and value != {}}
    return hashlib.sha256(f"{content} {canonical(given)}".encode() if given else content.encode()).hexdigest()


def _complete(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with every part that an answer needs, though ``null`` or nothing was sent in its place."""
    context = _members(event, "requestContext")
    path = event.get("rawPath") or "/"
    http = {"method": "GET", "path": path, **_members(context, "http")}
    filled = {"stage": "$default", "requestId": "", **context, "http": http}
    headers = {name: value for name, value in _members(event, "headers").items() if isinstance(value, str)}
    return {**event, "rawPath": path, "headers": headers, "requestContext": filled}


def _members(part: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = part.get(name)
    return {key: value for key, value in found.items() if value is not None} if isinstance(found, Mapping) else {}


def _lease(invocation: Any) -> timedelta:
    """A little longer than this invocation may run."""
    remaining = getattr(invocation, "get_remaining_time_in_millis", None)
    return timedelta(milliseconds=remaining()) + LEASE_MARGIN if remaining else DEFAULT_LEASE


def _unless_known(headers: Headers, answer: HttpAnswer) -> HttpAnswer:
    """Leave out a body that the client says it has."""
    tag = answer["headers"].get(ETAG)
    if answer["statusCode"] != 200 or tag is None or not headers.matches(tag):
        return answer
    return {"statusCode": 304, "headers": {ETAG: tag}, "body": ""}
