"""A whole platform in this process: its API behind the local gateway, and its stream and queue worked off when told."""

from __future__ import annotations

import io
import json
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from tests.orders.support.http import CONTEXT, OPERATOR, Answer, event
from tests.support.clocks import ManualClock, RecordedNotices
from tests.support.engines import BUCKETS, DynamoDBEngine

from banyan.bootstrap import bootstrap
from banyan.entrypoints.admin.api import admin_api
from banyan.entrypoints.http.api import command_api, query_api
from banyan.entrypoints.work import reconcile
from banyan.events import Event
from banyan.migration.maintenance import run_maintenance
from banyan.projections.base import StreamProjection
from banyan.projections.check import fold_row
from banyan.projections.processor import StreamProcessor
from banyan.projections.rebuild.builds import Work
from banyan.store import Commit
from banyan.streams import StreamId
from banyan_tools.local.authorizer import JwtAuthorizer
from banyan_tools.local.console import Console
from banyan_tools.local.failures import Failures
from banyan_tools.local.gateway import Gateway
from banyan_tools.local.keys import AUDIENCE, ISSUER, local_key
from banyan_tools.local.routes import Route, routes
from banyan_tools.local.server import serving
from banyan_tools.runtime.sandbox import load_template
from orders.projections import ORDER_LIST

SETTINGS = {
    "BANYAN_DOMAIN": "orders",
    "BANYAN_LOG_BUCKETS": BUCKETS,
    "BANYAN_BACKOFF_MS": 1,
    "BANYAN_MAX_RETRIES": 1,
    "BANYAN_CONTROL_CACHE_MS": 0,
    "BANYAN_MIN_VERSION_WAIT_MS": 0,
    "BANYAN_RECONCILIATION_SETTLE_MS": 1,
    "BANYAN_REBUILD_WRITE_UNITS": 100_000,
}
BATCH = 25
FOREVER = 1e9


class Counts:
    """Adds up what is counted, as the metrics that alarms look at do."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()

    def count(self, name: str, value: int = 1) -> None:
        self.counted[name] += value

    def duration(self, name: str, milliseconds: float) -> None:
        """Durations raise no alarm here."""

    def gauge(self, name: str, value: float, of: str = "") -> None:
        """Gauges raise no alarm here."""


class Messages:
    """The queue of rebuilds, in memory."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[Work, int]] = deque()

    def send(self, works: Sequence[Work], delay_seconds: int = 0) -> None:
        self.waiting.extend((work, delay_seconds) for work in works)


class Starts:
    """The functions that were started, in memory, and what is to be done for each."""

    def __init__(self, handlers: Mapping[str, Callable[[Mapping[str, Any]], object]]) -> None:
        self.waiting: deque[tuple[str, Mapping[str, Any]]] = deque()
        self._handlers = handlers

    def start(self, function: str, event: Mapping[str, Any]) -> None:
        self.waiting.append((function, json.loads(json.dumps(event))))

    def run(self) -> None:
        """Run every function that was started."""
        while self.waiting:
            function, event = self.waiting.popleft()
            self._handlers[function](event)


class InProcessPlatform:
    """The functions of the template over an engine's tables.

    Parameters
    ----------
    poisoned : str, optional
        Id of an order that one projection and the policies cannot take in until ``mended``.
    environment
        More of what the template tells the functions.
    """

    def __init__(self, engine: DynamoDBEngine, poisoned: str = "", **environment: str) -> None:
        self.clock, self.counts, self.notices, self.queue = ManualClock(), Counts(), RecordedNotices(), Messages()
        self.mended = False
        self._poisoned = poisoned
        names = {f"{name.upper()}_TABLE": getattr(engine.tables, name) for name in type(engine.tables).model_fields}
        environ = {name: str(value) for name, value in {**SETTINGS, **names, **environment}.items()}
        self.functions = Starts(
            {
                "reconciler": lambda event: reconcile(event, self.app.reconciler, lambda: FOREVER),
                "migration_controller": lambda _: self.run_maintenance(),
            }
        )
        app = bootstrap(
            environ,
            client=lambda: engine.client,
            queue=self.queue,
            functions=self.functions,
            notices=self.notices,
            telemetry=self.counts,
            clock=self.clock,
        )
        projections = [self._spoiled(p) if p is ORDER_LIST else p for p in app.domain.projections]
        policies = [replace(policy, react=self._spoiled_policy(policy.react)) for policy in app.domain.policies]
        self.app = replace(app, domain=replace(app.domain, projections=projections, policies=policies))
        self.apis = {
            "banyan-CommandApi": command_api(self.app),
            "banyan-QueryApi": query_api(self.app),
            "banyan-Console": admin_api(self.app),
        }
        self.worker = self.app.rebuild_worker
        self._delivered: set[tuple[StreamId, int]] = set()

    def ask(self, path: str, body: Any = None, claims: Mapping[str, Any] = OPERATOR, **query: Any) -> Answer:
        """Send what an operator sends: a query, or a command when there is a body."""
        request = event("GET" if body is None else "POST", path, body, claims=dict(claims), query=query)
        return self.apis["banyan-Console"](request, CONTEXT)

    def order(self, id: str, quantity: int = 1) -> None:
        """Let someone order something."""
        body = {"orderId": id, "customerId": "c-1", "items": [{"sku": "A", "quantity": quantity, "price": "2.50"}]}
        answer = self.apis["banyan-CommandApi"](event("POST", "/orders", body), CONTEXT)
        assert answer["statusCode"] == 201, answer

    def deliver(self, *streams: StreamId) -> None:
        """Hand what is new in some streams, or in all, to the projector, until nothing is to be handed again."""
        looked_at = streams or self.app.store.streams()
        self._hand(self.app.processor, [c for s in looked_at for c in self.app.store.commits(s) if self._is_new(c)])

    def react(self) -> None:
        """Hand all that is there to the reactor, until nothing is to be handed again."""
        self._hand(self.app.reactor, [c for s in list(self.app.store.streams()) for c in self.app.store.commits(s)])

    def scheduled(self) -> set[str]:
        """Orders for whose payment a deadline waits; twice for one is an error."""
        waiting = [each.stream.id for each in self.app.deadlines.due(self.clock.now + timedelta(days=365))]
        assert len(waiting) == len(set(waiting))
        return set(waiting)

    def work_off(self) -> None:
        """Let the worker take every message; delays pass at once."""
        while self.queue.waiting:
            work, delay = self.queue.waiting.popleft()
            self.clock.move(timedelta(seconds=delay))
            self.worker.work(work, lambda: FOREVER)

    def run_maintenance(self) -> None:
        """What the controller does, every minute and when it is started."""
        app = self.app
        assert app.migration is not None
        run_maintenance(app.migration, lambda: FOREVER)

    def differing(self) -> list[StreamId]:
        """Orders whose live row in the list is not what a fold of their events says."""
        streams = [stream for stream in self.app.store.streams() if stream.entity == ORDER_LIST.entity]
        live = self.app.projection_states.get([ORDER_LIST.name])[ORDER_LIST.name].generation()
        rows = {row.stream: row for row in self.app.views.all_states(live)}
        folds = {stream: fold_row(ORDER_LIST, self.app.store, stream) for stream in streams}
        return [s for s, fold in folds.items() if fold and (s not in rows or _said(rows[s]) != _said(fold))]

    @contextmanager
    def serving(self, data: Path, port: int = 0) -> Iterator[str]:
        """Serve the template's routes; the key of their tokens is kept in a folder. Yields the URL."""
        authorizer = JwtAuthorizer(ISSUER, [AUDIENCE], local_key(data).public_key())
        answering: Any = _Functions(self)
        failures = Failures(list, data / "functions.log")
        gateway = Gateway(_routes(), {"HttpAuthorizer": authorizer}, answering, Console(io.StringIO()), failures)
        with serving(gateway, port) as url:
            yield url

    def _hand(self, runner: StreamProcessor, commits: Sequence[Commit]) -> None:
        for batch in (commits[start : start + BATCH] for start in range(0, len(commits), BATCH)):
            while again := runner.project(batch):
                batch = [commit for commit in batch if commit.stream in again]

    def _is_new(self, commit: Commit) -> bool:
        key = (commit.stream, commit.position)
        return key not in self._delivered and not self._delivered.add(key)  # type: ignore[func-returns-value]

    def _spoiled(self, projection: StreamProjection[Any]) -> StreamProjection[Any]:
        def evolve(state: Any, event: Event) -> Any:
            self._fail_on(event)
            return projection.evolve(state, event)

        return replace(projection, evolve=evolve)

    def _spoiled_policy(self, react: Callable[..., Any]) -> Callable[..., Any]:
        def failing(event: Event, history: Any) -> Any:
            self._fail_on(event)
            return react(event, history)

        return failing

    def _fail_on(self, event: Event) -> None:
        if event.stream_id.id == self._poisoned and not self.mended:
            raise KeyError("a bug of the deployed code")


@dataclass(frozen=True)
class _Functions:
    """What the gateway finds behind its routes."""

    platform: InProcessPlatform

    def get(self, arn: str) -> _Function:
        return _Function(arn.rpartition(":")[2], self.platform)


@dataclass(frozen=True)
class _Function:
    logical_id: str
    platform: InProcessPlatform

    def invoke(self, request: Mapping[str, Any], _patience: float = FOREVER) -> Answer:
        return self.platform.apis[self.logical_id](json.loads(json.dumps(request)), CONTEXT)


@cache
def _routes() -> Sequence[Route]:
    return routes(load_template(JwtIssuer=ISSUER, JwtAudience=AUDIENCE))


def _said(row: Any) -> tuple[Any, ...]:
    return row.version, row.state, row.lookups
