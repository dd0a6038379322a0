"""The HTTP API over memory, and the events that API Gateway would send it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlencode

from pydantic import BaseModel
from tests.support.clocks import ManualClock

from banyan.adapters.clients import events_client
from banyan.adapters.event_bus import EventBus
from banyan.adapters.settings import Services, Settings, Tables
from banyan.bootstrap import Application
from banyan.commands.idempotency import IdempotencyTable, MemoryIdempotency
from banyan.domain import load_domain
from banyan.entrypoints.admin.api import admin_api
from banyan.entrypoints.http.api import Api, query_api
from banyan.entrypoints.http.idempotency import IdempotentRequests
from banyan.entrypoints.http.identity import ADMIN
from banyan.entrypoints.http.openapi import routers
from banyan.http import Router
from banyan.notices import NoNotices
from banyan.projections.memory import MemoryViews
from banyan.projections.processor import ProjectionProcessor
from banyan.projections.retries import RetryPolicy
from banyan.projections.state import ProjectionStates
from banyan.projections.views import Views
from banyan.store.base import CommitTable
from banyan.store.eventstore import EventStore
from banyan.store.memory import MemoryTable
from banyan.telemetry import NoTelemetry

OPERATOR = {"sub": "operator-1", "tenant": "acme", "scope": f"openid {ADMIN}"}
CONTEXT = SimpleNamespace(function_name="test", aws_request_id="request", get_remaining_time_in_millis=lambda: 15_000)

Answer = dict[str, Any]


def event(
    method: str,
    path: str,
    body: Any = None,
    *,
    tenant: str | None = "acme",
    claims: dict[str, Any] | None = None,
    query: dict[str, Any] | None = None,
    **headers: str,
) -> dict[str, Any]:
    """An event of the HTTP API, payload 2.0; ``tenant=None`` comes without a token."""
    claims = claims if claims is not None else {"sub": "user-1", "tenant": tenant}
    text = {name: str(value) for name, value in (query or {}).items()}
    return {
        "version": "2.0",
        "routeKey": f"{method} /{{proxy+}}",
        "rawPath": path,
        "rawQueryString": urlencode(text),
        **({"queryStringParameters": text} if text else {}),
        "headers": {"content-type": "application/json"} | lower_case(headers),
        "requestContext": {
            "http": {"method": method, "path": path},
            "requestId": "gateway-1",
            "stage": "$default",
            **({"authorizer": {"jwt": {"claims": claims, "scopes": None}}} if tenant is not None else {}),
        },
        **({"body": body if isinstance(body, str) else json.dumps(body)} if body is not None else {}),
        "isBase64Encoded": False,
    }


def lower_case(headers: dict[str, str]) -> dict[str, str]:
    """Headers by name as the gateway hands them on, whatever case the client wrote."""
    return {name.replace("_", "-").lower(): value for name, value in headers.items()}


class Server:
    """The API's functions over one memory.

    Parameters
    ----------
    sleep : Callable[[float], None]
        Waits for a request that is still running, seconds.
    commands : Router, optional
        Routes in place of those that the domain declares.
    domains : str
        Packages, as the setting ``BANYAN_DOMAIN`` names them.
    domain_settings : BaseModel
        In place of the domain's defaults.
    settings
        Fields of ``Settings``.
    """

    def __init__(
        self,
        table: CommitTable | None = None,
        views: Views | None = None,
        records: IdempotencyTable | None = None,
        sleep: Callable[[float], None] = time.sleep,
        commands: Router | None = None,
        domains: str = "",
        domain_settings: BaseModel | None = None,
        **settings: Any,
    ) -> None:
        domain = load_domain(domains)
        if domain_settings:
            domain = domain.with_settings({domain.name: domain_settings})
        self.clock = ManualClock()
        self.store = EventStore(table or MemoryTable(), domain.registry, self.clock)
        self.views = views or MemoryViews()
        chosen = Settings(**{"min_version_wait_ms": 0, "backoff_ms": 1, **settings})
        self.projection_states = ProjectionStates()
        self.application = Application(
            settings=chosen,
            tables=Tables(),
            services=Services(),
            domain=domain,
            gateway=cast(Any, None),
            store=self.store,
            views=self.views,
            projection_states=self.projection_states,
            bus=EventBus(events_client, "", chosen.bus_entry_bytes),
            queue=cast(Any, None),
            functions=cast(Any, None),
            notices=NoNotices(),
            telemetry=NoTelemetry(),
            clock=self.clock,
            domain_settings={domain.name: domain_settings or domain.settings()},
        )
        self.records = records or MemoryIdempotency()
        once = IdempotentRequests(self.records, chosen.idempotency_hours, self.clock, sleep)
        self.commands = Api(self.application, *([commands] if commands else routers(domain)[0]), once=once)
        self.queries = query_api(self.application)
        self.console = admin_api(self.application)
        self.runner = ProjectionProcessor(
            self.store, self.views, domain.projections, retry_policy=RetryPolicy(clock=self.clock)
        )

    def restart(self) -> None:
        """Forget the aggregates the process remembered, as another container would."""
        forget_aggregates(self.application)

    def send(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        """Send one request to the function the gateway would choose."""
        reads_or_writes = self.queries if method == "GET" else self.commands
        api = self.console if path.startswith("/admin/") else reads_or_writes
        return api(event(method, path, body, **more), CONTEXT)

    def get(self, path: str, **more: Any) -> Answer:
        """Send a query."""
        return self.send("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Answer:
        """Send a command."""
        return self.send("POST", path, body, **more)

    def project_all(self) -> None:
        """Bring the read models up to all that was recorded."""
        for stream in list(self.store.streams()):
            assert not self.runner.project(self.store.commits(stream))


def forget_aggregates(application: Application) -> None:
    """Forget what a process remembers of streams."""
    for kept in ("handlers", "ingestor", "_own_handlers"):
        vars(application).pop(kept, None)


def body_of(answer: Answer) -> Any:
    """The JSON in an answer."""
    return json.loads(answer["body"])


def problem(answer: Answer) -> tuple[int, str]:
    """Status and code of an answer that must be a problem."""
    assert answer["headers"]["Content-Type"] == "application/problem+json", answer
    found = body_of(answer)
    assert found["status"] == answer["statusCode"]
    assert {"type", "title", "detail", "code"} <= found.keys()
    return answer["statusCode"], found["code"]
