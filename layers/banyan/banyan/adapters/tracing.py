"""Spans through OpenTelemetry, imported only where tracing is on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import botocore.session
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from banyan.telemetry import Attributes

EXPORT_SECONDS: Final = 2.0
"""An invocation never waits longer for a collector that does not answer."""

KINDS: Final = {"request": SpanKind.SERVER, "projection": SpanKind.CONSUMER, "effect": SpanKind.CONSUMER}
_W3C: Final = TraceContextTextMapPropagator()


class OpenTelemetry:
    """Tracing by a provider of OpenTelemetry."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("banyan")

    @contextmanager
    def span(self, name: str, parent: str, attributes: Attributes) -> Iterator[str]:
        """An error leaves its type, never its text, which may quote what a caller sent."""
        with self._tracer.start_as_current_span(
            name,
            _context(parent),
            KINDS.get(name, SpanKind.INTERNAL),
            attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as opened:
            carrier: dict[str, str] = {}
            _W3C.inject(carrier)
            try:
                yield carrier["traceparent"]
            except Exception as error:
                opened.set_attribute("error.type", type(error).__name__)
                opened.set_status(StatusCode.ERROR)
                raise

    def flush(self) -> None:
        self._provider.force_flush(round(EXPORT_SECONDS * 1000))


class SignedForXRay(requests.auth.AuthBase):
    """Signs requests to X-Ray's OTLP endpoint as the function's role.

    Parameters
    ----------
    session : botocore.session.Session
        Whose credentials sign.
    """

    def __init__(self, region: str, session: botocore.session.Session) -> None:
        self._region = region
        self._session = session

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the signature to a request."""
        headers = {"Content-Type": request.headers["Content-Type"]}
        signed = AWSRequest(request.method, request.url, headers, request.body)
        credentials = self._session.get_credentials()
        if credentials is not None:
            SigV4Auth(credentials, "xray", self._region).add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        return request


def exporting(environ: Mapping[str, str], endpoint: str, sampled_percent: float) -> OpenTelemetry:
    """Tracing that exports by OTLP over HTTP.

    Parameters
    ----------
    environ : Mapping[str, str]
        Of the function.
    endpoint : str
        A collector's whole URL, such as ``http://127.0.0.1:4318/v1/traces``; X-Ray's own in the function's region
        unless given.
    sampled_percent : float
        Share of traces that begin here; what a caller began is sampled as the caller says.
    """
    resource = Resource.create({"service.name": environ.get("POWERTOOLS_SERVICE_NAME", "banyan")})
    provider = TracerProvider(
        sampler=ParentBasedTraceIdRatio(sampled_percent / 100), resource=resource, shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(_exporter(environ, endpoint)))
    return OpenTelemetry(provider)


def _exporter(environ: Mapping[str, str], endpoint: str) -> OTLPSpanExporter:
    session = requests.Session()
    if not endpoint:
        region = environ["AWS_REGION"]
        endpoint = f"https://xray.{region}.amazonaws.com/v1/traces"
        session.auth = SignedForXRay(region, botocore.session.Session())
    return OTLPSpanExporter(endpoint, timeout=EXPORT_SECONDS, compression=Compression.Gzip, session=session)


def _context(parent: str) -> Context | None:
    """The context of a new span: None is the one that is open in this thread."""
    given = _W3C.extract({"traceparent": parent}) if parent else None
    opened = trace.get_current_span().get_span_context()
    if given is None or opened.trace_id == trace.get_current_span(given).get_span_context().trace_id:
        return None
    return given
