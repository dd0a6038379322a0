"""Spans, and the trace context that goes from a request to everything that it causes."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import monotonic
from types import SimpleNamespace
from typing import Any, ClassVar

import botocore.session
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.orders.support.http import CONTEXT, ORDER, Server
from tests.support.clocks import no_sleep

from banyan.adapters import tracing
from banyan.adapters.event_bus import EventBus, EventPublisher
from banyan.adapters.observability import instrumented
from banyan.adapters.tracing import EXPORT_SECONDS, OpenTelemetry, SignedForXRay, exporting
from banyan.deadlines.base import MemoryDeadlines
from banyan.deadlines.runner import DeadlineRunner
from banyan.events import Event
from banyan.projections.retries import RetryPolicy
from banyan.reactions.policies import Policies
from banyan.reactions.reactor import Reactor
from banyan.streams import StreamId
from banyan.telemetry import NoTelemetry, install_tracing, read_traceparent, span
from banyan_tools.project import ROOT
from orders import DOMAIN

TRACE = "0af7651916cd43dd8448eb211c80319c"
SAMPLED = 1
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"
ORDER_1 = StreamId("acme", "order", "o-1")

Spans = Callable[[], Sequence[ReadableSpan]]


@pytest.fixture
def spans() -> Iterator[Spans]:
    """Spans that ended, in memory."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    install_tracing(OpenTelemetry(provider))
    yield exporter.get_finished_spans
    install_tracing(None)
    provider.shutdown()


class ShopServer(Server):
    """The API with everything that happens behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[dict[str, Any]] = []
        self.deadlines = MemoryDeadlines()
        policies = Policies(
            DOMAIN.policies,
            DOMAIN.deciders,
            self.store,
            self.application.handlers,
            self.deadlines,
            {"payment": timedelta(minutes=1)},
            NoTelemetry(),
        )
        bus = EventBus(lambda: SimpleNamespace(put_events=self._put), "bus", 262_144, no_sleep)  # type: ignore[arg-type, return-value]
        publisher = EventPublisher(bus, None, DOMAIN)  # type: ignore[arg-type]
        self.reactor = Reactor(
            self.store, self.views, [policies, publisher], retry_policy=RetryPolicy(clock=self.clock, sleep=no_sleep)
        )

    def play(self, **headers: str) -> list[Event]:
        """An order comes in, is projected and reacted to, and is cancelled when its time to pay runs out."""
        self.reactor.project([])
        assert self.post("/orders", ORDER, **headers)["statusCode"] == 201
        commits = list(self.store.commits(ORDER_1))
        self.runner.project(commits)
        self.reactor.project(commits)
        self.clock.move(timedelta(minutes=2))
        runner = DeadlineRunner(self.deadlines, DOMAIN.deciders, self.application.handlers, clock=self.clock)
        assert runner.run(lambda: 1e9).fired == 1
        return [event for stream in self.store.streams() for event in self.store.read(stream)]

    def _put(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.published += [json.loads(entry["Detail"]) for entry in Entries]
        return {"FailedEntryCount": 0, "Entries": [{} for _ in Entries]}


def test_one_trace_holds_a_request_and_all_that_it_causes(spans: Spans) -> None:
    events = ShopServer().play(traceparent=CALLER)
    by_id = {span.context.span_id: span for span in spans() if span.context}
    assert {f"{span.context.trace_id:032x}" for span in by_id.values() if span.context} == {TRACE}
    assert {f"{span.parent.span_id:016x}" for span in by_id.values() if span.parent} >= {"b7ad6b7169203331"}

    def path(span: ReadableSpan) -> str:
        parent = by_id.get(span.parent.span_id) if span.parent else None
        return f"{path(parent)} > {span.name}" if parent else span.name

    assert {path(span) for span in by_id.values()} == {
        "request",
        "request > command",
        "request > command > append",
        "request > projection",
        "request > effect",
        "request > effect > policy",
        "request > effect > policy > command",
        "request > effect > policy > command > append",
    }
    assert {event.event_type for event in events} >= {"OrderCreated", "OrderCancelled"}
    assert {event.metadata.traceparent.split("-")[1] for event in events} == {TRACE}


@pytest.mark.parametrize(("sent", "kept"), [({"traceparent": CALLER}, CALLER), ({}, ""), ({"traceparent": "?"}, "")])
def test_without_tracing_the_context_is_handed_on_as_it_came(sent: dict[str, str], kept: str) -> None:
    shop = ShopServer()
    assert {event.metadata.traceparent for event in shop.play(**sent)} == {kept}
    assert {detail["metadata"]["traceparent"] for detail in shop.published} == {kept}


def test_the_bus_gets_the_context_of_the_event(spans: Spans) -> None:
    shop = ShopServer()
    events = shop.play(traceparent=CALLER)
    (request,) = [span for span in spans() if span.name == "request"]
    assert request.context
    created = [event for event in events if event.event_type == "OrderCreated"]
    assert [detail["metadata"]["traceparent"] for detail in shop.published] == [
        event.metadata.traceparent for event in created
    ]
    assert created[0].metadata.traceparent == f"00-{TRACE}-{request.context.span_id:016x}-01"


def test_no_attribute_says_what_a_caller_sent(spans: Spans) -> None:
    shop = ShopServer()
    shop.play(traceparent=CALLER)
    shop.post("/orders/o-1/pay", {"amount": "1.00"}, traceparent=CALLER)
    values = {str(value) for span in spans() for value in (span.attributes or {}).values()}
    names = {"order", "CreateOrder", "PayOrder", "OrderCreated", "POST", "Policies", "EventPublisher"}
    assert names <= values
    assert not {value for value in values for secret in ("o-1", "c-1", "acme", "2.50", "user-1") if secret in value}
    assert not [event for span in spans() for event in span.events]
    assert {(span.attributes or {}).get("error.type") for span in spans() if not span.status.is_ok} == {"Conflict"}


TRACEPARENTS = {
    CALLER: CALLER,
    f"00-{TRACE}-b7ad6b7169203331-00": f"00-{TRACE}-b7ad6b7169203331-00",
    f"cc-{TRACE}-b7ad6b7169203331-01": CALLER,
    f"cc-{TRACE}-b7ad6b7169203331-01-later": CALLER,
    f"cc-{TRACE}-b7ad6b7169203331-01-{'x' * 300}": "",
    f"00-{TRACE}-b7ad6b7169203331-01-later": "",
    f"ff-{TRACE}-b7ad6b7169203331-01": "",
    f"00-{'0' * 32}-b7ad6b7169203331-01": "",
    f"00-{TRACE}-{'0' * 16}-01": "",
    CALLER.upper(): "",
    f" {CALLER}": "",
    f"{CALLER}\n": "",
    CALLER[:-1]: "",
    "": "",
}


@pytest.mark.parametrize(("given", "kept"), TRACEPARENTS.items())
def test_a_context_is_taken_only_when_it_is_well_formed(given: str, kept: str) -> None:
    assert read_traceparent(given) == kept


@given(st.text(max_size=80) | st.text("0123456789abcdef-", max_size=80))
def test_a_context_never_makes_a_request_fail(text: str) -> None:
    assert Server().post("/orders", ORDER, traceparent=text)["statusCode"] == 201


@given(st.text(max_size=80))
def test_an_event_with_any_context_is_read_and_traced(text: str) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    with OpenTelemetry(provider).span("command", text, {}) as handed_on:
        assert read_traceparent(handed_on) == handed_on


SCRIPT = """
import importlib.util, sys
from types import SimpleNamespace
from banyan.adapters.observability import instrumented
for path in sys.argv[1:]:
    spec = importlib.util.spec_from_file_location("app", path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
instrumented(lambda *_: None)({}, SimpleNamespace(function_name="Test", aws_request_id="1"))
print(sorted(name for name in sys.modules if name.split(".")[0] in ("opentelemetry", "requests", "google")))
"""


@pytest.mark.parametrize("setting", [{}, {"BANYAN_TRACING": "off"}], ids=["unset", "off"])
def test_nothing_of_opentelemetry_is_imported_when_tracing_is_off(setting: dict[str, str]) -> None:
    path = {"PYTHONPATH": f"{ROOT}/layers/banyan:{ROOT}/layers/domains", "AWS_DEFAULT_REGION": "eu-central-1"}
    functions = [str(file) for file in sorted(ROOT.glob("functions/*/app.py"))]
    command = [sys.executable, "-c", SCRIPT, *functions]
    done = subprocess.run(command, capture_output=True, text=True, env=path | setting)
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr
    assert len(functions) >= 10


class Collector(BaseHTTPRequestHandler):
    """Keeps the names of the spans that it gets."""

    received: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
        found = ExportTraceServiceRequest.FromString(body).resource_spans
        self.received.extend(span.name for each in found for scope in each.scope_spans for span in scope.spans)
        self.send_response(200 if self.path == "/v1/traces" else 404)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[str]:
    """URL of a collector on the loopback interface."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        Collector.received.clear()
        yield f"http://127.0.0.1:{server.server_port}/v1/traces"
        server.shutdown()
        thread.join()


@pytest.fixture
def exporters(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ends the threads that export: they draw random numbers, which tests that follow would notice."""
    before, providers = set(threading.enumerate()), list[TracerProvider]()

    def provide(**parameters: Any) -> TracerProvider:
        providers.append(TracerProvider(**parameters))
        return providers[-1]

    monkeypatch.setattr(tracing, "TracerProvider", provide)
    yield
    for provider in providers:
        provider.shutdown()
    assert providers
    assert set(threading.enumerate()) <= before


@pytest.fixture
def traced(exporters: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:  # noqa: ARG001
    """What invokes a function that is traced to an endpoint."""

    def invoke(endpoint: str) -> Any:
        monkeypatch.setenv("BANYAN_TRACING", "otlp")
        monkeypatch.setenv("BANYAN_TRACING_ENDPOINT", endpoint)

        def handler(event: Any, _: Any) -> Any:
            with span("command", CALLER):
                return event

        return instrumented(handler)({"n": 1}, CONTEXT)

    yield invoke
    install_tracing(None)


def test_spans_are_exported_before_the_process_may_freeze(traced: Callable[[str], Any], collector: str) -> None:
    assert traced(collector) == {"n": 1}
    assert Collector.received == ["command"]


def test_a_collector_that_is_not_there_changes_no_answer(traced: Callable[[str], Any]) -> None:
    started = monotonic()
    assert traced("http://127.0.0.1:9/v1/traces") == {"n": 1}
    assert monotonic() - started < 10 * EXPORT_SECONDS


def test_what_goes_to_x_ray_is_signed_as_the_role_of_the_function() -> None:
    session = botocore.session.Session()
    session.set_credentials("AKID", "secret", "token")
    headers = {"Content-Type": "application/x-protobuf"}
    request = requests.Request("POST", "https://xray.eu-central-1.amazonaws.com/v1/traces", headers, data=b"spans")
    signed = SignedForXRay("eu-central-1", session)(request.prepare())
    assert re.search(r"Credential=AKID/\d{8}/eu-central-1/xray/aws4_request", str(signed.headers["Authorization"]))
    assert signed.headers["X-Amz-Security-Token"] == "token"
    assert signed.body == b"spans"


@pytest.mark.usefixtures("exporters")
@pytest.mark.parametrize(("percent", "kept"), [(0.0, {False}), (100.0, {True})])
def test_the_share_of_kept_traces_is_of_those_that_begin_here(percent: float, kept: set[bool]) -> None:
    tracer = exporting({}, "http://127.0.0.1:9/v1/traces", percent)
    with tracer.span("command", "", {}) as begun, tracer.span("command", CALLER, {}) as continued:
        assert {bool(int(begun[-2:], 16) & SAMPLED)} == kept
        assert int(continued[-2:], 16) & SAMPLED
